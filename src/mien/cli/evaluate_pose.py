"""`mien evaluate pose`: landmarks and angles against the truth, also behind hands and damaged."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mien.cli.arguments import EXIT_DONE, EXIT_FAILED, Options, add_device, whole_number
from mien.cli.inputs import STANDARD, Found
from mien.cli.outputs import TextOutput
from mien.cli.progress import Show

if TYPE_CHECKING:
    from mien.evaluate.pose import PoseReport

COLUMNS = ("0-30", "30-60", "60-90", "mean", "deviation", "yaw", "pitch", "roll")
READER, BEFORE = "reader", "before"


class PoseArguments(argparse.Namespace):
    """What `mien evaluate pose` was asked for."""

    photos: Path
    labels: Path
    before: Path | None
    seed: int
    json: str | None
    device: str


def add_pose(options: Options) -> None:
    """All options."""
    options.add_argument("--photos", type=Path, required=True, metavar="DIR", help="the folder of pictures")
    options.add_argument(
        "--labels",
        type=Path,
        required=True,
        metavar="FILE",
        help=".npz with names, points (N, 68, 2) and angles (N, 3: yaw, pitch, roll in degrees); "
        "tools/label_aflw2000.py makes it of AFLW2000-3D",
    )
    options.add_argument(
        "--before", type=Path, metavar="FILE", help="another reader's weights, to be judged beside it"
    )
    options.add_argument("--seed", type=whole_number(0), default=0, metavar="N", help="default 0")
    options.add_argument("--json", metavar="FILE", help="write the numbers there; - is standard output")
    add_device(options)


def run_pose(asked: PoseArguments) -> int:
    """Judge the reader, and say what came out."""
    from mien.cli.tools import load_box_reader, load_reader_from
    from mien.evaluate.pose import PoseLabels, evaluate_pose

    with TextOutput(asked.json, Found((), ())) as output:
        readers = {} if asked.before is None else {BEFORE: load_reader_from(asked.before, asked.device)}
        readers[READER] = load_box_reader(asked.device)
        try:
            labels = PoseLabels.read(asked.labels)
            with Show(len(labels.names)) as show:
                report = evaluate_pose(readers, asked.photos, labels, asked.seed, show.advance)
        except ValueError as error:  # a picture or labels that cannot be read, a bin of yaw without a face
            print(f"mien evaluate: error: {error}", file=sys.stderr)
            return EXIT_FAILED
        output.write(report.as_json(), indent=2)
        if asked.json != STANDARD:
            print("\n".join(pose_table(report)))
    return EXIT_DONE


def pose_table(report: "PoseReport") -> list[str]:
    """A row for each reader and condition; NME in per cent, angles in degrees."""
    lines = [
        f"{report.num_faces} faces, box of the true landmarks, seed {report.seed}; NME in % by yaw, "
        "mean absolute error of the angles in degrees",
        f"{'':20}" + "".join(f"{name:>10}" for name in COLUMNS),
    ]
    for who, conditions in report.landmarks.items():
        for condition in conditions:
            row = report.row(who, condition)
            lines.append(f"{who:8}{condition:12}" + "".join(f"{row[name]:10.2f}" for name in COLUMNS))
    return lines
