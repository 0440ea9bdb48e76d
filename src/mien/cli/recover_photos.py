"""`mien recover` at work: photo after photo, from file to file."""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from mien.cli.beside import drop_stale, files_of, save_comparison, save_evidence, save_faces
from mien.cli.files import Original, copy_photo, open_photo, put_photo
from mien.cli.outputs import Job, TextOutput, all_or_nothing, beside
from mien.cli.progress import Show
from mien.cli.recover import COMPARE, EVIDENCE, FACES, RecoverArguments
from mien.cli.references import WARP, bind_references, save_warps
from mien.cli.report import describe_face
from mien.cli.tools import check_parser, load_finder, load_judge, load_model
from mien.cli.turning import of_the_masks_size, with_turning
from mien.cli.variants import Variants, bind_variants, variant_endings, write_variants
from mien.cli.work import work_through
from mien.describe import Json, describe_size, label_of, mark_of, notes_on, percent, seen_in_words
from mien.faces.identify import Identify
from mien.image.io import FORMATS, ImageError, Photo
from mien.image.mark import Mark
from mien.image.resize import resize
from mien.pipeline import (
    Prepared,
    RecoverOptions,
    Stopwatch,
    finish,
    prepare,
    prepare_aligned,
    through,
    turned_faces,
)
from mien.types import Crop, Face, FindFaces, Image, Mask, Recoverer, Recovery, Result, Turnable


@dataclass(frozen=True)
class Bound:
    """The library's part, with everything that was asked for bound to it."""

    model: Recoverer
    options: RecoverOptions
    find: FindFaces | None
    """None where every photo is a face crop."""
    identify: Identify | None
    variants: Variants
    fits: Callable[[Image], None]
    """Refuses photos that what was asked for cannot be meant for."""

    def prepare(self, image: Image) -> Prepared:
        """Everything before the model."""
        if self.find is None:
            return prepare_aligned(image, self.model, self.options)
        return prepare(image, self.model, self.options, self.find)

    def finish(self, prepared: Prepared, recoveries: list[Recovery], seconds: float) -> Result:
        """Everything after the model, which took so long."""
        return finish(prepared, recoveries, seconds, self.options, self.identify)


@dataclass(frozen=True)
class Begun:
    """A photo, read and looked at."""

    job: Job
    original: Original
    prepared: Prepared
    seconds: float
    """For reading."""

    @property
    def crops(self) -> tuple[Crop, ...]:
        return self.prepared.crops

    @property
    def weight(self) -> int:
        """Pixels, of which what waits should not have too many."""
        return self.prepared.photo[0].numel()


@dataclass(frozen=True)
class Done:
    """A photo, recovered and written."""

    original: Original
    result: Result
    notes: tuple[str, ...]
    seconds: dict[str, float]
    beside: tuple[Path, ...]
    """What was written beside the result."""


def recover_photos(asked: RecoverArguments, jobs: list[Job], report: TextOutput, show: Show) -> None:
    """Load the model once, then do each job."""
    bound = bound_recover(asked, show.say)
    files = files_of(jobs) if asked.overwrite else frozenset[Path]()

    def work(job: Job) -> str:
        done = recover_photo(job, asked, bound, files)
        for note in done.notes:
            show.say(f"{job.name}: {note}")
        if asked.report is not None:  # quality takes a while to measure
            report.write(describe(job, done, asked.model))
        return summary(job, done)

    work_through(jobs, work, show, lambda problem: report.write(problem.as_json()))


def bound_recover(asked: RecoverArguments, say: Callable[[str], None]) -> Bound:
    """Models loaded, and photos to look at read."""
    model = with_turning(load_model(asked.model, asked.device, asked.runtime), asked.model, asked)
    if asked.only_face or isinstance(model, Turnable):
        check_parser()
    model = bind_references(model, asked, asked.max_pixels, say)
    model = model.with_fidelity(asked.fidelity).with_batch_size(asked.batch_size)
    options = RecoverOptions(
        only_largest=asked.only_largest,
        scale=asked.scale,
        match_colors=asked.match_colors,
        only_face=asked.only_face,
        identity=not asked.no_identity,
        min_identity=asked.min_identity,
    )
    identify = load_judge(asked.device) if options.asks_identity else None
    variants = bind_variants(model, asked, asked.aligned, options, identify)
    find = None if asked.aligned else load_finder(asked.device)
    return Bound(model, options, find, identify, variants, of_the_masks_size(asked.mask))


def recover_photo(job: Job, asked: RecoverArguments, bound: Bound, files: Container[Path]) -> Done:
    """From file to file; `files` are those of the whole run."""
    with torch.no_grad():
        begun = begin_photo(job, asked, bound)
        recoveries, seconds = through(bound.model, begun.prepared)
        with all_or_nothing(job):
            done = finish_photo(begun, recoveries, seconds, asked, bound)
            if asked.overwrite and job.target is not None:
                drop_stale(job.target, job.endings, done.beside, files)
            return done


def begin_photo(job: Job, asked: RecoverArguments, bound: Bound) -> Begun:
    """From the file to faces for the model."""
    watch = Stopwatch()
    with watch.measure("read"):
        original = open_photo(job.source, asked.max_pixels, asked.tolerant)
    image = original.photo.image
    bound.fits(image)
    height, width = image.shape[1:]
    refuse_too_large(job.name, height, width, asked)
    return Begun(job, original, bound.prepare(image), watch.seconds["read"])


def finish_photo(
    begun: Begun, recoveries: list[Recovery], seconds: float, asked: RecoverArguments, bound: Bound
) -> Done:
    """From what the model made to files."""
    job, original, photo = begun.job, begun.original, begun.original.photo
    result = bound.finish(begun.prepared, recoveries, seconds)
    others = bound.variants(photo.image, result)
    watch = Stopwatch()
    with watch.measure("write"):
        written = write_beside(job, photo, result, asked)
        notes = (*write_result(job, original, result, asked), *notes_on(result.faces))
        notes = (*notes, *write_variants(job, others, lambda other: mark_on(other, asked)))
        if job.target is not None:
            answers = variant_endings(asked)[: len(others)]
            written += tuple(beside(job.target, ending) for ending in answers)
    took = {"read": begun.seconds, **result.seconds, "write": watch.seconds["write"]}
    return Done(original, result, notes, took, written)


def refuse_too_large(name: str, height: int, width: int, asked: RecoverArguments) -> None:
    """The limit holds for what comes out too."""
    if asked.scale > 1 and height * width * asked.scale**2 > asked.max_pixels:
        raise ImageError(
            f"{name}: {asked.scale} times {width} x {height} is more than the limit of "
            f"{asked.max_pixels:,} pixels"
        )


def write_beside(job: Job, photo: Photo, result: Result, asked: RecoverArguments) -> tuple[Path, ...]:
    """Whatever is to be seen next to the result; the files."""
    if job.target is None:
        return ()
    job.target.parent.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    if FACES in job.endings and result.faces:
        written += save_faces(
            result.faces,
            beside(job.target, FACES),
            lambda face: mark_of_faces([face], asked),
        )
    mark_of_all = mark_of_faces(result.faces, asked)
    if WARP in job.endings and save_warps(result.faces, beside(job.target, WARP), mark_of_all):
        written.append(beside(job.target, WARP))
    if EVIDENCE in job.endings and result.faces:
        save_evidence(result.faces, beside(job.target, EVIDENCE), mark_of_all)
        written.append(beside(job.target, EVIDENCE))
    if COMPARE in job.endings:
        save_comparison(photo.image, result.photo, beside(job.target, COMPARE), mark_on(result, asked))
        written.append(beside(job.target, COMPARE))
    return tuple(written)


def write_result(job: Job, original: Original, result: Result, asked: RecoverArguments) -> tuple[str, ...]:
    """The photo itself; what a person should know of it."""
    photo = original.photo
    if not result.faces:
        if asked.scale == 1 and copy_photo(original, job.target):
            return ("no face found: copied unchanged",)
        nothing = "no face found: nothing is changed" if asked.scale == 1 else "no face found: only enlarged"
        photo = replace(photo, notes=(*photo.notes, nothing))
    turned = turned_faces(result)
    if turned is not None and not asked.aligned:
        note = "turned faces have no place in their photo: they are written by themselves (see --paste)"
        faces = [face for face in result.faces if not face.recovery.keeps_pose]
        put_photo(original, Photo(turned), job.target, asked.quality, mark_of_faces(faces, asked))
        return (*photo.notes, note)
    if photo.alpha is not None and job.target is not None and FORMATS[job.target.suffix.lower()] == "JPEG":
        photo = replace(photo, notes=(*photo.notes, "JPEG has no transparency: it is lost"))
    alpha = None if photo.alpha is None else enlarged(photo.alpha, *result.photo.shape[1:])
    written = replace(photo, image=result.photo, alpha=alpha)
    put_photo(original, written, job.target, asked.quality, mark_on(result, asked))
    return photo.notes


def mark_on(result: Result, asked: RecoverArguments) -> Mark | None:
    """What a recovered photo says of itself; None where no face in it was made anew."""
    made = [face for face in result.faces if face.pasted or (asked.aligned and not face.recovery.keeps_pose)]
    return mark_of_faces(made, asked, asked.scale)


def mark_of_faces(faces: Iterable[Face], asked: RecoverArguments, scale: int = 1) -> Mark | None:
    """What a picture with these faces says of itself, if it may."""
    return None if asked.no_mark else mark_of(faces, label_of(asked.model), scale)


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
        "model": label_of(model),
        "seconds": {stage: round(seconds, 4) for stage, seconds in done.seconds.items()},
        "faces": [describe_face(face, label_of(model)) for face in done.result.faces],
        "notes": list(done.notes),
    }


def summary(job: Job, done: Done) -> str:
    """The line for a person."""
    faces = done.result.faces
    num_pasted = sum(face.pasted for face in faces)
    count = "1 face" if len(faces) == 1 else f"{len(faces)} faces"
    left_out = "" if num_pasted == len(faces) else f" ({num_pasted} pasted)"
    seen = f", {seen_in_words(faces)}" if faces else ""
    seconds = sum(done.seconds.values())
    return f"{job.name}: {count}{left_out}{seen}{alike(faces)}, {seconds:.2f} s, written to {job.target_name}"


def alike(faces: tuple[Face, ...]) -> str:
    """How alike faces are to those they were recovered from; of several the least and the most."""
    cosines = sorted(face.identity for face in faces if face.identity is not None)
    if not cosines:
        return ""
    if len(cosines) == 1:
        return f", identity {cosines[0]:.2f} (same person {percent(cosines[0])})"
    least, most = cosines[0], cosines[-1]
    return f", identity {least:.2f} to {most:.2f} (same person {percent(least)} or more)"
