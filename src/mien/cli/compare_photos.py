"""`mien compare` at work: the first photo once, then each of the others beside it."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mien.cli.compare import CompareArguments
from mien.cli.files import open_photo
from mien.cli.inputs import Input, Problem
from mien.cli.outputs import Job
from mien.cli.progress import Show
from mien.cli.tools import load_finder, load_judge
from mien.cli.work import FAILURES, explain, work_through
from mien.describe import Json, chance_of
from mien.faces.identify import Identify, cut_face, most_prominent
from mien.image.io import ImageError
from mien.metrics.identity import identity_cosine, identity_degrees
from mien.types import Detection, FindFaces


class NoFaceError(ImageError):
    """A picture in which nobody was found."""


@dataclass(frozen=True)
class Sitters:
    """The faces of one photo that are compared."""

    name: str
    detections: tuple[Detection, ...]
    vectors: Float[Tensor, "faces features"]
    num_found: int


def compare_photos(
    asked: CompareArguments, first: Input, jobs: list[Job], entries: list[Json], show: Show
) -> None:
    """Compare and say; what comes of it is added to `entries`."""
    find, identify = load_finder(asked.device), load_judge(asked.device)
    try:
        known = look_at(asked, first, find, identify, show)
    except FAILURES as error:
        problem = Problem(first.name, explain(error, first.name))
        show.fail(problem)
        entries.append({**problem.as_json()})
        return

    def work(job: Job) -> str:
        if is_one_file(first, job.source):
            show.say(f"{job.name}: this is the same file as the first")
        other = look_at(asked, job.source, find, identify, show)
        for pair in pairs_of(known, other):
            entries.append(pair)
            if asked.json is None:
                tell(pair, asked.all)
        return f"{job.name}: {counted(other.num_found)}"

    work_through(jobs, work, show, lambda problem: entries.append({**problem.as_json()}))


def look_at(
    asked: CompareArguments, source: Input, find: FindFaces, identify: Identify, show: Show
) -> Sitters:
    """The faces of a photo, or the most prominent alone."""
    photo = open_photo(source, asked.max_pixels, asked.tolerant).photo
    for note in photo.notes:
        show.say(f"{source.name}: {note}")
    with torch.no_grad():
        found = find(photo.image)
    if not found:
        raise NoFaceError("there is no face to be found in this picture")
    chosen = found if asked.all else [most_prominent(photo.image, found)]
    faces = torch.stack([cut_face(photo.image, detection).float() for detection in chosen])
    return Sitters(source.name, tuple(chosen), identify(faces), len(found))


def pairs_of(known: Sitters, other: Sitters) -> list[Json]:
    """Each face of the one beside each of the other."""
    return [
        describe_pair(known, row, other, column)
        for row in range(len(known.detections))
        for column in range(len(other.detections))
    ]


def describe_pair(known: Sitters, row: int, other: Sitters, column: int) -> Json:
    vectors = known.vectors[row : row + 1], other.vectors[column : column + 1]
    cosine = float(identity_cosine(*vectors))
    return {
        "first": known.name,
        "second": other.name,
        "first_box": box_of(known.detections[row]),
        "second_box": box_of(other.detections[column]),
        "cosine": round(cosine, 4),
        "degrees": round(float(identity_degrees(*vectors)), 2),
        "probability": chance_of(cosine),
    }


def box_of(detection: Detection) -> list[float]:
    return [round(number, 2) for number in detection.box.tolist()]


def tell(pair: Json, with_boxes: bool) -> None:
    """A line on standard output."""
    names = [str(pair["first"]), str(pair["second"])]
    if with_boxes:
        names = [
            f"{name} ({corner(pair[key])})"
            for name, key in zip(names, ("first_box", "second_box"), strict=True)
        ]
    chance = f"{100 * float(str(pair['probability'])):.2f} %"
    alike = f"cosine {pair['cosine']:.3f}  degrees {pair['degrees']:.1f}"
    print(f"{names[0]}  {names[1]}  {alike}  same person {chance}", flush=True)


def corner(box: object) -> str:
    """A face among several, by its box."""
    assert isinstance(box, list)
    return " ".join(str(math.floor(number + 0.5)) for number in box)


def counted(number: int) -> str:
    return f"{number} face{'' if number == 1 else 's'}"


def is_one_file(first: Input, second: Input) -> bool:
    if first.path is None or second.path is None:
        return False
    return first.path.samefile(second.path)
