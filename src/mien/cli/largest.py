"""The largest face of a photo, which commands on one face each work on."""

from mien.cli.files import open_photo
from mien.cli.outputs import Job
from mien.faces.align import align, whole_crop
from mien.faces.detect import largest
from mien.image.io import ImageError
from mien.types import Crop, FindFaces


def largest_crop(
    job: Job, find: FindFaces | None, template: str, size: int, max_pixels: int, tolerant: bool
) -> Crop:
    """Cut out; without a finder the photo is a crop already."""
    photo = open_photo(job.source, max_pixels, tolerant).photo.image
    if find is None:
        return whole_crop(photo, size, template)
    found = largest(find(photo))
    if not found:
        raise ImageError("no face found")
    return align(photo, found[0], template, size)
