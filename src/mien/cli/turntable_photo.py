"""`mien turntable` at work."""

import torch

from mien.cli.arguments import UsageError
from mien.cli.film import FILM_TARGETS, MOVING
from mien.cli.largest import largest_crop
from mien.cli.outputs import Job
from mien.cli.progress import Show
from mien.cli.tools import load_finder, load_model
from mien.cli.turntable import TurntableArguments
from mien.cli.work import work_through
from mien.image.blend import side_by_side
from mien.image.io import ImageError, write_animation, write_bytes, write_image
from mien.types import Crop, Image, Turnable


def turn_photo(asked: TurntableArguments, job: Job, show: Show) -> None:
    """Frames, and the file."""
    model = load_model(asked.model, asked.device)
    if not isinstance(model, Turnable):
        raise UsageError(f"{asked.model} does not turn heads")
    find = None if asked.aligned else load_finder(asked.device)

    def work(job: Job) -> str:
        crop = largest_crop(job, find, model.template, model.crop_size, asked.max_pixels, asked.tolerant)
        frames = turned_frames(model, crop, asked)
        suffix = asked.out.suffix.lower()
        if suffix in FILM_TARGETS:
            from mien.video.made import film_of

            seconds = asked.seconds / (len(frames) - 1)
            write_bytes(asked.out, film_of(list(frames), seconds, suffix, asked.quality))
        elif suffix in MOVING:
            # back again, so that it goes on for ever without a jump
            seconds = asked.seconds / (len(frames) - 1)
            write_animation(asked.out, [*frames, *frames[-2:0:-1]], seconds, asked.quality)
        else:
            write_image(asked.out, side_by_side(list(frames), gap=0), asked.quality)
        return f"{job.name}: {len(frames)} views written to {job.target_name}"

    with torch.no_grad():
        work_through([job], work, show)


def turned_frames(model: Turnable, crop: Crop, asked: TurntableArguments) -> list[Image]:
    """The face at evenly spaced yaws, always in the crop's frame."""
    frames = []
    for yaw in torch.linspace(asked.first, asked.last, asked.frames).tolist():
        recovery = model.to(yaw).pasting()([crop])[0]
        if recovery.mirrored is None:
            raise ImageError("; ".join(recovery.notes) or "the face cannot be turned")
        frames.append(recovery.pixels)
    return frames
