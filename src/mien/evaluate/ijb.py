"""Templates of many pictures, as IJB-A, B and C compare them; from tables or lists."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mien.evaluate.lists import lines_of
from mien.evaluate.pairs import need_pictures
from mien.evaluate.portraits import Portrait
from mien.evaluate.sheets import EvaluationError
from mien.types import Box

FILE_COLUMNS = ("FILENAME", "FILE")
MEDIUM_COLUMNS = ("SIGHTING_ID", "MEDIA_ID")
BOX_COLUMNS = ("FACE_X", "FACE_Y", "FACE_WIDTH", "FACE_HEIGHT")


@dataclass(frozen=True)
class TemplateList:
    """Pictures, the templates they make, and which templates are compared."""

    name: str
    portraits: tuple[Portrait, ...]
    templates: Int[Tensor, " portraits"]
    """Numbers of the templates that the pictures belong to."""
    media: Int[Tensor, " portraits"]
    """Frames of one video share a number."""
    first: Int[Tensor, " pairs"]
    """Numbers of templates."""
    second: Int[Tensor, " pairs"]
    same: Bool[Tensor, " pairs"]
    weights: Float[Tensor, " portraits"] | None = None
    """Scores of the detector that comes with the lists."""


@dataclass(frozen=True)
class Sighting:
    """A picture's place in a template."""

    path: Path
    template: int
    person: str
    medium: int
    box: Box | None


def read_ijb_tables(metadata: Sequence[Path], matches: Path, root: Path) -> TemplateList:
    """Official tables: who is in which template (one or several), and the templates to compare.

    IJB-A: `verify_metadata_1.csv` with `verify_comparisons_1.csv`; IJB-B and C: `..._1N_gallery_G1.csv`,
    `..._G2.csv` and `..._probe_mixed.csv` with `..._11_G1_G2_matches.csv`.
    """
    sightings = [sighting for path in metadata for sighting in read_sightings(path)]
    person_of = {sighting.template: sighting.person for sighting in sightings}
    first, second = read_matches(matches, person_of)
    wanted = set(first) | set(second)
    sightings = [sighting for sighting in sightings if sighting.template in wanted]
    need_pictures(matches.name, root, sorted({sighting.path for sighting in sightings}))
    return TemplateList(
        name=matches.name,
        portraits=tuple(Portrait(one.path.as_posix(), root / one.path, box=one.box) for one in sightings),
        templates=torch.tensor([one.template for one in sightings]),
        media=torch.tensor([one.medium for one in sightings]),
        first=torch.tensor(first),
        second=torch.tensor(second),
        same=torch.tensor([person_of[a] == person_of[b] for a, b in zip(first, second, strict=True)]),
    )


def read_sightings(path: Path) -> list[Sighting]:
    """Of one table, by the names of its columns."""
    rows = list(csv.DictReader(lines_of(path)))
    names = set(rows[0]) if rows else set()
    file = next((name for name in FILE_COLUMNS if name in names), "")
    medium = next((name for name in MEDIUM_COLUMNS if name in names), "")
    if not file or not {"TEMPLATE_ID", "SUBJECT_ID"} <= names:
        raise EvaluationError(
            f"{path}: wanted TEMPLATE_ID, SUBJECT_ID and FILENAME, got {', '.join(sorted(names))}"
        )
    has_boxes = names.issuperset(BOX_COLUMNS)
    found = []
    for number, row in enumerate(rows):
        try:
            found.append(
                Sighting(
                    path=Path(row[file]),
                    template=int(row["TEMPLATE_ID"]),
                    person=row["SUBJECT_ID"],
                    medium=int(row[medium]) if medium else number,
                    box=read_box(row) if has_boxes else None,
                )
            )
        except (ValueError, TypeError) as error:
            raise EvaluationError(f"{path}, line {number + 2}: {error}") from error
    return found


def read_box(row: dict[str, str]) -> Box | None:
    """Corners from a corner and sides; None where the table leaves it open."""
    if not all(row[name] for name in BOX_COLUMNS):
        return None
    x, y, width, height = (float(row[name]) for name in BOX_COLUMNS)
    return torch.tensor([x, y, x + width, y + height])


def read_matches(path: Path, person_of: dict[int, str]) -> tuple[list[int], list[int]]:
    """Two templates a line, without a head."""
    first, second = [], []
    for number, line in enumerate(lines_of(path)):
        try:
            one, other = (int(word) for word in line.split(",")[:2])
        except ValueError:
            raise EvaluationError(f"{path}, line {number + 1}: wanted two templates, got {line!r}") from None
        unknown = [template for template in (one, other) if template not in person_of]
        if unknown:
            raise EvaluationError(f"{path}, line {number + 1}: no table says what template {unknown[0]} is")
        first.append(one)
        second.append(other)
    return first, second


def read_ijb_lists(templates: Path, pairs: Path, points: Path, root: Path) -> TemplateList:
    """`ijbc_face_tid_mid.txt`, `ijbc_template_pair_label.txt` and `ijbc_name_5pts_score.txt`."""
    members = [line.split() for line in lines_of(templates)]
    compared = [line.split() for line in lines_of(pairs)]
    placed = {words[0]: words[1:] for words in (line.split() for line in lines_of(points))}
    try:
        known = {name: [float(word) for word in words] for name, words in placed.items()}
        numbers = [(name, int(template), int(medium)) for name, template, medium in members]
        first, second, answers = zip(*((int(a), int(b), int(c)) for a, b, c in compared), strict=True)
    except ValueError as error:
        raise EvaluationError(f"{templates.name}, {pairs.name} or {points.name}: {error}") from error
    missing = [name for name, _, _ in numbers if len(known.get(name, ())) != 11]
    if missing:
        raise EvaluationError(
            f"{points}: no five points and score of {missing[0]}, nor of {len(missing) - 1} others"
        )
    need_pictures(templates.name, root, sorted({Path(name) for name, _, _ in numbers}))
    there = {template for _, template, _ in numbers}
    unknown = sorted((set(first) | set(second)) - there)
    if unknown:
        raise EvaluationError(f"{pairs}: {len(unknown)} templates have no pictures, such as {unknown[0]}")
    return TemplateList(
        name=pairs.name,
        portraits=tuple(
            Portrait(name, root / name, torch.tensor(known[name][:10]).reshape(5, 2))
            for name, _, _ in numbers
        ),
        templates=torch.tensor([template for _, template, _ in numbers]),
        media=torch.tensor([medium for _, _, medium in numbers]),
        first=torch.tensor(first),
        second=torch.tensor(second),
        same=torch.tensor(answers) == 1,
        weights=torch.tensor([known[name][10] for name, _, _ in numbers]),
    )
