"""`mien synthesize` at work: photo after photo."""

import torch

from mien.cli.largest import largest_crop
from mien.cli.outputs import Job, beside
from mien.cli.progress import Show
from mien.cli.synthesize import BESIDE, SHEET, SynthesizeArguments
from mien.cli.tools import load_finder, load_reader
from mien.cli.work import work_through
from mien.data.synthesis import SynthesisSettings, Triples
from mien.degrade.exact import picture_seed
from mien.image.blend import contact_sheet
from mien.image.io import ImageError, write_image
from mien.models.rotate.recover import TEMPLATE
from mien.recipes.triples import TripleMaker, open_parser
from mien.types import Image
from mien.zoo.load import load_morphable

MOST_ROWS = 24
"""Of the sheet: further photos are not on it."""


def synthesize_photos(asked: SynthesizeArguments, jobs: list[Job], show: Show) -> None:
    """What becomes of a photo depends on the seed and its name, not on the others."""
    find = None if asked.aligned else load_finder("cpu")
    parser = None if asked.parser is None else open_parser(asked.parser)
    maker = TripleMaker(load_reader("cpu"), load_morphable("cpu"), SynthesisSettings(), parser)
    rows: list[list[Image]] = []

    def work(job: Job) -> str:
        crop = largest_crop(job, find, TEMPLATE, asked.size, asked.max_pixels, asked.tolerant)
        generator = torch.Generator().manual_seed(picture_seed(asked.seed, job.source.place.name))
        triples = maker(crop.pixels[None], generator)
        if triples is None:
            raise ImageError("the face cannot be read in 3D")
        write(job, triples)
        if len(rows) < MOST_ROWS:
            rows.append(row(triples))
        covered = float((triples.mask * triples.face).sum() / triples.face.sum().clamp(min=1))
        return f"{job.name}: {covered:.0%} of the face to be found"

    work_through(jobs, work, show)
    if rows:
        write_image(asked.out / SHEET, contact_sheet([tile for one in rows for tile in one], len(rows[0])))


def write(job: Job, triples: Triples) -> None:
    """Truth, damaged picture, guide and mask."""
    if job.target is None:
        raise ValueError("triples need a folder")
    job.target.parent.mkdir(parents=True, exist_ok=True)
    write_image(job.target, triples.truth[0])
    pictures = (triples.damaged[0], triples.guide[0], triples.mask[0].expand(3, -1, -1))
    for ending, picture in zip(BESIDE, pictures, strict=True):
        write_image(beside(job.target, ending), picture)


def row(triples: Triples) -> list[Image]:
    """Damaged, guide, estimate, mask, truth."""
    mask = triples.mask.expand(-1, 3, -1, -1)
    return [picture[0] for picture in (triples.damaged, triples.guide, triples.estimate, mask, triples.truth)]
