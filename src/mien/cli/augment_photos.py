"""`mien augment` at work: photo after photo."""

import torch

from mien.cli.arguments import UsageError
from mien.cli.augment import AugmentArguments, ending
from mien.cli.files import packet_of, put_image
from mien.cli.largest import largest_crop
from mien.cli.outputs import Job, all_or_nothing, beside
from mien.cli.progress import Show
from mien.cli.tools import load_finder, load_model
from mien.cli.work import work_through
from mien.describe import label_of, mark_of_views
from mien.image.io import ImageError
from mien.types import Crop, Recovery, Turnable


def augment_photos(asked: AugmentArguments, jobs: list[Job], show: Show) -> None:
    """All copies of a photo, or none."""
    model = load_model(asked.model, asked.device)
    if not isinstance(model, Turnable):
        raise UsageError(f"{asked.model} does not turn heads")
    find = None if asked.aligned else load_finder(asked.device)

    def work(job: Job) -> str:
        if job.target is None:
            raise ValueError("copies need a folder")
        crop = largest_crop(job, find, model.template, model.crop_size, asked.max_pixels, asked.tolerant)
        copies = {job.target: copy_of(model, crop, None)}
        copies |= {beside(job.target, ending(yaw)): copy_of(model, crop, yaw) for yaw in asked.yaws}
        job.target.parent.mkdir(parents=True, exist_ok=True)
        with all_or_nothing(job):
            for path, copy in copies.items():
                mark = mark_of_views([copy], label_of(asked.model))
                put_image(path, copy.pixels, mark, before=packet_of(job.source))
        return f"{job.name}: {len(copies)} copies"

    with torch.no_grad():
        work_through(jobs, work, show)


def copy_of(model: Turnable, crop: Crop, yaw: float | None) -> Recovery:
    """Uncovered, and turned if there is an angle; a face that was left as it is is no copy."""
    recovery = model.to(yaw)([crop])[0]
    if recovery.mirrored is None:
        raise ImageError("; ".join(recovery.notes) or "the face cannot be turned")
    return recovery
