"""A face that was cut out of a photo and read, seen from elsewhere."""

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from mien.geometry.morphable import LinearMorphable
from mien.geometry.rotate import FittedFace, RotationSettings, rotate
from mien.types import Crop, Reading

MARGIN = 0.25
"""Of a crop's side, cut out around it too, because what is around a face comes into sight when it turns."""


@dataclass(frozen=True)
class Subject:
    """A face that was read."""

    crop: Crop
    wide: Float[Tensor, "3 wide wide"]
    """The crop with a margin."""
    reading: Reading
    face: FittedFace
    """In crop pixels."""


def view(
    subject: Subject, rotation: Float[Tensor, "1 3 3"], model: LinearMorphable, settings: RotationSettings
) -> Float[Tensor, "3 size size"]:
    """The face turned, in the crop's frame."""
    margin = (subject.wide.shape[-1] - subject.crop.pixels.shape[-1]) // 2
    face = replace(subject.face, camera=subject.face.camera.moved(float(margin), float(margin)))
    mirror = model.mirror if settings.unseen == "mirrored" else None
    pixels = rotate(subject.wide[None], face, rotation, settings, mirror).pixels[0].clamp(0, 1)
    return pixels[:, margin : pixels.shape[1] - margin, margin : pixels.shape[2] - margin]
