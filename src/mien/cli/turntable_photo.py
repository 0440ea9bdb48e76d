"""`mien turntable` at work."""

import torch

from mien.cli.arguments import UsageError
from mien.cli.files import packet_of, put_image
from mien.cli.film import FILM_TARGETS, MOVING
from mien.cli.largest import largest_crop
from mien.cli.outputs import Job
from mien.cli.progress import Show
from mien.cli.tools import load_finder, load_model
from mien.cli.turntable import TurntableArguments
from mien.cli.work import work_through
from mien.describe import label_of, mark_of_views
from mien.image.blend import side_by_side
from mien.image.io import ImageError, encode_animation, write_bytes
from mien.image.mark import Mark, marked
from mien.types import Crop, Image, Recovery, Turnable


def turn_photo(asked: TurntableArguments, job: Job, show: Show) -> None:
    """Frames, and the file."""
    model = load_model(asked.model, asked.device)
    if not isinstance(model, Turnable):
        raise UsageError(f"{asked.model} does not turn heads")
    find = None if asked.aligned else load_finder(asked.device)

    def work(job: Job) -> str:
        crop = largest_crop(job, find, model.template, model.crop_size, asked.max_pixels, asked.tolerant)
        views = turned_views(model, crop, asked)
        frames, mark = [view.pixels for view in views], mark_of_views(views, label_of(asked.model))
        suffix, before = asked.out.suffix.lower(), packet_of(job.source)
        if suffix in (*FILM_TARGETS, *MOVING):
            write_bytes(asked.out, moving(frames, suffix, asked, mark, before))
        else:
            put_image(asked.out, side_by_side(frames, gap=0), mark, asked.quality, before)
        return f"{job.name}: {len(views)} views written to {job.target_name}"

    with torch.no_grad():
        work_through([job], work, show)


def moving(
    frames: list[Image], suffix: str, asked: TurntableArguments, mark: Mark, before: bytes | None
) -> bytes:
    """The content of a film, or of a picture that moves; a GIF has no place for a mark."""
    seconds = asked.seconds / (len(frames) - 1)
    if suffix in FILM_TARGETS:
        from mien.video.made import film_of

        return film_of(frames, seconds, suffix, asked.quality, mark)
    # back again, so that it goes on for ever without a jump
    content = encode_animation([*frames, *frames[-2:0:-1]], suffix[1:].upper(), seconds, asked.quality)
    return content if suffix == ".gif" else marked(content, mark, before)


def turned_views(model: Turnable, crop: Crop, asked: TurntableArguments) -> list[Recovery]:
    """The face at evenly spaced yaws, always in the crop's frame."""
    views = []
    for yaw in torch.linspace(asked.first, asked.last, asked.frames).tolist():
        recovery = model.to(yaw).pasting()([crop])[0]
        if recovery.mirrored is None:
            raise ImageError("; ".join(recovery.notes) or "the face cannot be turned")
        views.append(recovery)
    return views
