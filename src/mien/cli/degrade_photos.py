"""`mien degrade` at work: picture after picture."""

from dataclasses import replace

from mien.cli.degrade import DegradeArguments
from mien.cli.files import open_photo, put_photo
from mien.cli.outputs import Job
from mien.cli.progress import Show
from mien.cli.work import work_through
from mien.degrade.chain import PROFILES
from mien.degrade.exact import degrade_exact, picture_seed

BEST_QUALITY = 100
"""For a JPEG or WebP that was asked for by its name: the damage is in the pixels already."""


def degrade_photos(asked: DegradeArguments, jobs: list[Job], show: Show) -> None:
    """Damage each as if it were alone."""
    profile = PROFILES[asked.profile]

    def work(job: Job) -> str:
        original = open_photo(job.source, asked.max_pixels, asked.tolerant)
        for note in original.photo.notes:
            show.say(f"{job.name}: {note}")
        seed = picture_seed(asked.seed, job.source.place.name)
        damaged = degrade_exact(original.photo.image, profile, seed)
        # noise gives colour to a gray picture, and 8 bits hold all that is left
        photo = replace(original.photo, image=damaged, is_gray=False, bit_depth=8)
        put_photo(original, photo, job.target, BEST_QUALITY)
        return f"{job.name}: damaged, written to {job.target_name}"

    work_through(jobs, work, show)
