"""`mien prepare` at work, in one process or several."""

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from mien.cli.files import open_photo
from mien.cli.outputs import Job
from mien.cli.prepare import NO_MODEL, PrepareArguments
from mien.cli.processes import process_pool
from mien.cli.progress import Show
from mien.cli.tools import load_finder, load_model
from mien.cli.work import work_through
from mien.faces.align import align, cut, fit_similarity, template_points
from mien.faces.identify import most_prominent, recovered_crop
from mien.image.io import ImageError, write_image
from mien.image.warp import invert
from mien.types import FindFaces, Image, Recoverer


@dataclass(frozen=True)
class Settings:
    """All that a picture's outcome depends on, for processes that know nothing else."""

    model: str
    template: str
    size: int
    device: str
    max_pixels: int
    tolerant: bool
    num_threads: int | None
    """Of each process; None leaves torch its choice."""


@dataclass(frozen=True)
class Tools:
    """What a process loads once."""

    find: FindFaces
    recover: Recoverer | None


def prepare_photos(asked: PrepareArguments, jobs: list[Job], show: Show) -> None:
    """Each photo's face, in the order of the photos."""
    num_threads = max(1, torch.get_num_threads() // asked.workers) if asked.workers > 1 else None
    settings = Settings(
        asked.model, asked.template, asked.size, asked.device, asked.max_pixels, asked.tolerant, num_threads
    )
    tools = load_tools(settings)  # what cannot be loaded is said once, and before anything is begun
    if asked.workers == 1:
        work_through(jobs, lambda job: prepare(job, settings, tools), show)
        return
    with process_pool(asked.workers) as pool:
        pending = {job: pool.submit(prepare_elsewhere, job, settings) for job in jobs}
        work_through(jobs, lambda job: pending.pop(job).result(), show)


def load_tools(settings: Settings) -> Tools:
    if settings.num_threads is not None:
        torch.set_num_threads(settings.num_threads)
    is_plain = settings.model == NO_MODEL
    recover = None if is_plain else load_model(settings.model, settings.device).with_batch_size(1)
    return Tools(load_finder(settings.device), recover)


tools_of_process = cache(load_tools)


def prepare_elsewhere(job: Job, settings: Settings) -> str:
    """In another process, which loads its tools for the first photo."""
    return prepare(job, settings, tools_of_process(settings))


def prepare(job: Job, settings: Settings, tools: Tools) -> str:
    """One photo's face, written; what to say of it."""
    assert job.target is not None
    photo = open_photo(job.source, settings.max_pixels, settings.tolerant).photo
    face = prepared_face(photo.image, tools, settings.template, settings.size)
    job.target.parent.mkdir(parents=True, exist_ok=True)
    write_image(job.target, face)
    return f"{job.name}: written to {job.target_name}"


def prepared_face(photo: Image, tools: Tools, template: str, size: int) -> Float[Tensor, "3 {size} {size}"]:
    """The most prominent face, recovered and then aligned by the points that its recovery has."""
    with torch.no_grad():
        found = tools.find(photo)
        if not found:
            raise ImageError("no face was found")
        detection = most_prominent(photo, found)
        model = tools.recover
        if model is None:
            return align(photo, detection, template, size).pixels.float()
        crop = align(photo, detection, model.template, model.crop_size)
        face = recovered_crop(crop, model([crop])[0], model.template)
        face_from_crop = fit_similarity(face.points, template_points(template, size))
        return cut(face.pixels, invert(face_from_crop), size).float()
