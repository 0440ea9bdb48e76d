"""The pose protocol as a part of a report: NME in the three bins of yaw, angles, and a curve."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mien.evaluate.findings import Chart, Findings, Line
from mien.evaluate.pose import CONDITIONS, PoseLabels, PoseReport, evaluate_pose
from mien.evaluate.sheets import EvaluationError, Row
from mien.evaluate.trial import Bench, Part, ReadBox, Trial
from mien.metrics.nme import BIN_NAMES, ErrorByYaw
from mien.metrics.score import Score
from mien.types import Box, Image, Reading

BIN_MIDDLES = (15.0, 45.0, 75.0)
READER = "reader"
REFERENCE = "true landmarks and angles; box of the true landmarks"
MOST = 250


@dataclass(frozen=True)
class Bound:
    """A function that reads boxes, as the protocol wants it."""

    read: ReadBox

    def read_box(self, picture: Image, box: Box) -> Reading:
        return self.read(picture, box)


def evaluate_landmarks(trial: Trial, read: ReadBox, labels: Path) -> Findings:
    """Of those labelled pictures that the trial has; a step is one picture."""
    trial.need_pictures()
    known = PoseLabels.read(labels)
    wanted = {path.name for path in trial.photos}
    chosen = [index for index, name in enumerate(known.names) if name in wanted]
    if not chosen:
        raise EvaluationError(f"{labels} has labels of none of {len(trial.photos)} pictures")
    names = tuple(known.names[index] for index in chosen)
    some = PoseLabels(names, known.points[chosen], known.angles[chosen])
    folder = trial.photos[0].parent
    try:
        report = evaluate_pose({READER: Bound(read)}, folder, some, trial.seed, trial.advance)
        found = findings_of(report)
    except ValueError as error:  # a bin of yaw without a face
        raise EvaluationError(str(error)) from error
    left = len(wanted) - len(chosen)
    notes = (
        (f"{left} of {len(wanted)} pictures left out: {labels.name} has no labels of them",) if left else ()
    )
    return replace(found, notes=notes)


def findings_of(report: PoseReport) -> Findings:
    rows = [row_of(report, who, condition) for who in report.landmarks for condition in CONDITIONS]
    return Findings(
        protocol="pose",
        title="Landmarks and pose",
        settings={
            "pictures": str(report.num_faces),
            "seed": str(report.seed),
            "box": "that of the true landmarks, as published figures have it",
        },
        rows=tuple(rows),
        charts=(chart_of(report.landmarks),),
    )


def row_of(report: PoseReport, who: str, condition: str) -> Row:
    errors, pose = report.landmarks[who][condition], report.poses[who][condition]
    scores = [
        Score("nme", part.value, part.count, REFERENCE, who, note=f"yaw {name}")
        for name, part in zip(BIN_NAMES, errors.bins, strict=True)
        if part.count
    ]
    count = errors.over_all.count
    scores.append(Score("nme", errors.mean, count, REFERENCE, who, errors.deviation, "mean of bins"))
    angles = {"yaw": pose.yaw, "pitch": pose.pitch, "roll": pose.roll, "whole turn": pose.turn}
    scores += [Score("angle", part.value, count, REFERENCE, who, note=name) for name, part in angles.items()]
    return Row(condition, who, tuple(scores))


def chart_of(landmarks: Mapping[str, Mapping[str, ErrorByYaw]]) -> Chart:
    """A point in the middle of each bin."""
    lines = [
        Line(
            condition,
            tuple(
                (x, 100 * part.value) for x, part in zip(BIN_MIDDLES, errors.bins, strict=True) if part.count
            ),
        )
        for conditions in landmarks.values()
        for condition, errors in conditions.items()
    ]
    return Chart("NME against yaw", "yaw, degrees, middle of a bin", "NME, %", tuple(lines))


def plan_pose(bench: Bench) -> list[Part]:
    """On every labelled set, if there is a reader."""
    parts = []
    read = bench.read_box
    if read is None:
        return parts
    for photo_set in bench.of_role("pose"):
        photos, words = bench.some(photo_set, MOST)
        labels = photo_set.folder.with_name(f"{photo_set.name}_labels.npz")
        labels = bench.pose_labels or labels
        parts.append(
            Part(
                name=f"pose, {photo_set.name}",
                photos=photos,
                num_steps=len(photos),
                run=partial(evaluate_landmarks, read=read, labels=labels),
                settings={"labels": str(labels), "conditions": ", ".join(CONDITIONS)},
                takes_models=False,
                whole_set=words,
            )
        )
    return parts
