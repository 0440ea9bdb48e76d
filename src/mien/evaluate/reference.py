"""Damage, recover, compare with the truth: what blind restoration and super-resolution have in common.

Every picture is damaged once, and every maker gets the same bytes, whose checksum is told.
"""

import base64
import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from mien.data.photos import square
from mien.evaluate.compare import METHOD, differences
from mien.evaluate.findings import Findings, Strip
from mien.evaluate.judges import Judges, Picture, Vectors, alike, as_lists, recovered_face
from mien.evaluate.population import population_scores, samples_of
from mien.evaluate.sheets import Sheet, sheet_of, with_scores
from mien.evaluate.trial import INPUT, Trial, keeps_pose
from mien.image.io import Photo, encode_photo, read_image
from mien.image.resize import resize
from mien.metrics.score import Score
from mien.pipeline import recover_aligned
from mien.types import Image, Recoverer

REFERENCE = "the same pictures, undamaged"
TRUTH = "truth"
SHOWN_SIDE = 192
Spoil = Callable[[Image, str], Image]
"""A picture and its name to the damaged picture of the same size."""


@dataclass(frozen=True)
class Attempt:
    """What one maker made of a picture, in the size it came in."""

    pixels: Image
    face: Picture | None = None
    """What a recogniser sees of it where the head was turned, so that the truth shows another pose."""


@dataclass(frozen=True)
class Judged:
    """One condition: the input and every model, and the worst cases."""

    sheets: tuple[Sheet, ...]
    checksum: str
    """Of the bytes of all damaged pictures."""
    strips: tuple[Strip, ...]
    vectors: Mapping[str, Vectors]
    """Whom the embedder sees in all pictures of a maker, and in the truth; empty without one."""

    def population(self, who: str, judges: Judges, seed: int) -> list[Score]:
        """The whole set beside the whole set of truths."""
        if not self.vectors:
            return []
        made, truth = (samples_of(self.vectors[name], judges.identify_name) for name in (who, TRUTH))
        return population_scores(made, truth, REFERENCE, are_pairs=True, seed=seed)


def judge_condition(condition: str, trial: Trial, spoil: Spoil) -> Judged:
    """Every picture damaged once and given to every model; the worst cases of the last one are shown."""
    entries: dict[str, dict[str, dict[str, float]]] = {who: {} for who in (INPUT, *trial.models)}
    pictures: list[tuple[float, Strip]] = []
    seen: dict[str, list[Vectors]] = {}
    digest = hashlib.sha256()
    for number, path in enumerate(trial.photos):
        truth = square(read_image(path), trial.side)
        damaged = spoil(truth, path.name)
        digest.update((damaged * 255).round().to(torch.uint8).numpy().tobytes())
        made = {INPUT: Attempt(damaged), **recover_all(trial.models, damaged)}
        values, vectors = judge_picture(made, truth, trial.judges)
        for who, vector in vectors.items():
            seen.setdefault(who, []).append(vector)
        name = f"{number}/{path.name}"
        for who, found in values.items():
            entries[who][name] = found
        if trial.num_strips:
            strip = make_strip(f"{condition}: {path.name}", made, truth, entries)
            pictures.append((worth(entries[list(trial.models)[-1]][name]), strip))
        trial.advance()
    pictures.sort(key=lambda pair: pair[0])
    return Judged(
        sheets=tuple(sheet_of(condition, who, found) for who, found in entries.items()),
        checksum=digest.hexdigest()[:16],
        strips=tuple(strip for _, strip in pictures[: trial.num_strips]),
        vectors={who: torch.cat(found) for who, found in seen.items()},
    )


def judge_picture(
    made: Mapping[str, Attempt], truth: Image, judges: Judges
) -> tuple[dict[str, dict[str, float]], dict[str, Vectors]]:
    """Maker, then measure; and whom the embedder sees in each, and in the truth.

    Where a head was turned only its identity can be compared, which needs an embedder.
    """
    still = {who: attempt.pixels for who, attempt in made.items() if attempt.face is None}
    seen: dict[str, Vectors] = {}
    vectors = None
    if judges.identify is not None:
        vectors = judges.vectors([*still.values(), truth])
        seen = dict(zip((*still, TRUTH), vectors.split(1), strict=True))
    values = judges.against(torch.stack(list(still.values())), truth, vectors)
    found = {
        who: {measure: of_all[row] for measure, of_all in values.items()} for row, who in enumerate(still)
    }
    for who, attempt in made.items():
        if attempt.face is not None and judges.identify is not None:
            seen[who] = judges.identify(attempt.face.float()[None])
            likeness = as_lists(alike(seen[who], seen[TRUTH]))
            found[who] = {measure: numbers[0] for measure, numbers in likeness.items()}
    return found, seen


def suited(trial: Trial) -> tuple[Trial, tuple[str, ...]]:
    """Who can be compared with a truth, and a line on who cannot, or not in all."""
    if trial.judges.identify is None:
        return trial.suited(same_pose=True)
    trial, notes = trial.suited()
    turning = (name for name, model in trial.models.items() if not keeps_pose(model))
    said = (f"{name} turns heads, so only its identity is compared with the truth" for name in turning)
    return trial, (*notes, *said)


def findings_of(
    protocol: str,
    title: str,
    trial: Trial,
    settings: Mapping[str, str],
    judged: Mapping[str, Judged],
    left_out: tuple[str, ...] = (),
) -> Findings:
    """Rows, paired differences and worst cases of all conditions; and whom this could not judge."""
    checksums = {f"checksum of {name}": one.checksum for name, one in judged.items()}
    sheets = tuple(sheet for one in judged.values() for sheet in one.sheets)
    alone = ("one picture has no interval: there are no paired differences",)
    return Findings(
        protocol=protocol,
        title=title,
        settings={
            **trial.settings,
            "size": f"{trial.side} px",
            **settings,
            **checksums,
            "differences": METHOD,
        },
        rows=tuple(
            with_scores(
                sheet.row(REFERENCE, trial.judges.backends),
                judged[sheet.condition].population(sheet.who, trial.judges, trial.seed),
            )
            for sheet in sheets
        ),
        differences=differences(sheets, trial.seed),
        strips=tuple(strip for one in judged.values() for strip in one.strips),
        notes=(*left_out, *(alone if len(trial.photos) < 2 else ())),
        sheets=sheets,
    )


def recover_all(models: Mapping[str, Recoverer], damaged: Image) -> dict[str, Attempt]:
    """The same picture by every model."""
    return {name: attempt(damaged, model) for name, model in models.items()}


@torch.no_grad()
def attempt(damaged: Image, model: Recoverer) -> Attempt:
    """By one."""
    result = recover_aligned(damaged, model)
    (face,) = result.faces
    if face.recovery.keeps_pose:
        return Attempt(result.photo)
    return Attempt(result.photo, recovered_face(face.crop, face.recovery, model.template))


def worth(values: Mapping[str, float]) -> float:
    """Low for the cases to look at first: who it is counts most, then structure."""
    value = values["identity"] if "identity" in values else values["ssim"]
    return -math.inf if math.isnan(value) else value


def make_strip(
    caption: str,
    made: Mapping[str, Attempt],
    truth: Image,
    entries: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> Strip:
    """Input, results and truth, each with its numbers."""
    labels = [f"{who} {describe(list(entries[who].values())[-1])}".strip() for who in made]
    pictures = [*(attempt.pixels for attempt in made.values()), truth]
    return Strip(caption, (*labels, TRUTH), tuple(jpeg_of(picture) for picture in pictures))


def describe(values: Mapping[str, float]) -> str:
    """The two numbers that say most."""
    shown = {"psnr": "{:.1f} dB", "identity": "id {:.2f}"}
    return " · ".join(words.format(values[kind]) for kind, words in shown.items() if kind in values)


def jpeg_of(picture: Image, side: int = SHOWN_SIDE) -> str:
    """Small, for a page."""
    height, width = picture.shape[1:]
    scale = side / max(height, width)
    shown = resize(picture[None], max(1, round(height * scale)), max(1, round(width * scale)))[0]
    return base64.b64encode(encode_photo(Photo(shown.clamp(0, 1)), "JPEG", 85)).decode()
