"""`mien recover` at work: photo after photo, from file to file."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from mien.cli.beside import save_comparison, save_faces
from mien.cli.files import Original, copy_photo, open_photo, put_photo
from mien.cli.outputs import Job, TextOutput, all_or_nothing, beside
from mien.cli.progress import Show
from mien.cli.recover import COMPARE, FACES, RecoverArguments
from mien.cli.report import Json, describe_face, describe_size
from mien.cli.tools import load_finder, load_model
from mien.cli.work import work_through
from mien.image.io import FORMATS, ImageError, Photo
from mien.image.resize import resize
from mien.pipeline import RecoverOptions, Stopwatch, recover, recover_aligned
from mien.types import Image, Mask, Result


@dataclass(frozen=True)
class Done:
    """A photo, recovered and written."""

    original: Original
    result: Result
    notes: tuple[str, ...]
    seconds: dict[str, float]


def recover_photos(asked: RecoverArguments, jobs: list[Job], report: TextOutput, show: Show) -> None:
    """Load the model once, then do each job."""
    recover_image = bound_recover(asked)

    def work(job: Job) -> str:
        done = recover_photo(job, asked, recover_image)
        for note in done.notes:
            show.say(f"{job.name}: {note}")
        report.write(describe(job, done, asked.model))
        return summary(job, done)

    work_through(jobs, work, show, lambda problem: report.write(problem.as_json()))


def bound_recover(asked: RecoverArguments) -> Callable[[Image], Result]:
    """The library's part, with everything that was asked for bound to it."""
    model = load_model(asked.model, asked.device)
    model = model.with_fidelity(asked.fidelity).with_batch_size(asked.batch_size)
    if asked.aligned:
        return lambda image: recover_aligned(image, model)
    find = load_finder(asked.device)
    options = RecoverOptions(asked.only_largest, asked.scale, asked.match_colors)
    return lambda image: recover(image, model, options, find)


def recover_photo(job: Job, asked: RecoverArguments, recover_image: Callable[[Image], Result]) -> Done:
    """From file to file."""
    watch = Stopwatch()
    with watch.measure("read"):
        original = open_photo(job.source, asked.max_pixels, asked.tolerant)
    photo = original.photo
    refuse_too_large(job, photo, asked)
    with torch.no_grad():
        result = recover_image(photo.image)
    with watch.measure("write"), all_or_nothing(job):
        write_beside(job, photo, result)
        notes = write_result(job, original, result, asked)
    seconds = {"read": watch.seconds["read"], **result.seconds, "write": watch.seconds["write"]}
    return Done(original, result, notes, seconds)


def refuse_too_large(job: Job, photo: Photo, asked: RecoverArguments) -> None:
    """The limit holds for what comes out too."""
    height, width = photo.image.shape[1:]
    if asked.scale > 1 and height * width * asked.scale**2 > asked.max_pixels:
        raise ImageError(
            f"{job.name}: {asked.scale} times {width} x {height} is more than the limit of "
            f"{asked.max_pixels:,} pixels"
        )


def write_beside(job: Job, photo: Photo, result: Result) -> None:
    """Whatever is to be seen next to the result."""
    if job.target is None:
        return
    job.target.parent.mkdir(parents=True, exist_ok=True)
    if FACES in job.endings and result.faces:
        save_faces(result.faces, beside(job.target, FACES))
    if COMPARE in job.endings:
        save_comparison(photo.image, result.photo, beside(job.target, COMPARE))


def write_result(job: Job, original: Original, result: Result, asked: RecoverArguments) -> tuple[str, ...]:
    """The photo itself; what a person should know of it."""
    photo = original.photo
    if not result.faces:
        if asked.scale == 1 and copy_photo(original, job.target):
            return ("no face found: copied unchanged",)
        nothing = "no face found: nothing is changed" if asked.scale == 1 else "no face found: only enlarged"
        photo = replace(photo, notes=(*photo.notes, nothing))
    if photo.alpha is not None and job.target is not None and FORMATS[job.target.suffix.lower()] == "JPEG":
        photo = replace(photo, notes=(*photo.notes, "JPEG has no transparency: it is lost"))
    alpha = None if photo.alpha is None else enlarged(photo.alpha, *result.photo.shape[1:])
    put_photo(original, replace(photo, image=result.photo, alpha=alpha), job.target, asked.quality)
    return photo.notes


def enlarged(alpha: Mask, height: int, width: int) -> Float[Tensor, "1 {height} {width}"]:
    """Transparency in the size of the result."""
    if alpha.shape[1:] == (height, width):
        return alpha
    return resize(alpha.expand(3, -1, -1)[None], height, width)[0, :1].clamp(0, 1)


def describe(job: Job, done: Done, model: str) -> Json:
    """The line of the report."""
    return {
        "input": job.name,
        "output": job.target_name,
        "size": describe_size(done.original.photo.image),
        "output_size": describe_size(done.result.photo),
        "model": model,
        "seconds": {stage: round(seconds, 4) for stage, seconds in done.seconds.items()},
        "faces": [describe_face(face, model) for face in done.result.faces],
        "notes": list(done.notes),
    }


def summary(job: Job, done: Done) -> str:
    """The line for a person."""
    faces = done.result.faces
    num_pasted = sum(face.pasted for face in faces)
    count = "1 face" if len(faces) == 1 else f"{len(faces)} faces"
    left_out = "" if num_pasted == len(faces) else f" ({num_pasted} pasted)"
    seconds = sum(done.seconds.values())
    return f"{job.name}: {count}{left_out}, {seconds:.2f} s, written to {job.target_name}"
