"""Small changes that leave a face a face: mirror, shift, brightness, gray."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.image.color import to_gray
from mien.types import Images


@dataclass(frozen=True)
class Variety:
    """How much training pictures are varied before they are damaged."""

    largest_shift: int = 16
    """Pixels, both ways, by reflection at the border: nothing is resampled, so nothing gets softer."""
    brightness: float = 0.15
    contrast: float = 0.15
    gray_share: float = 0.05

    def __call__(self, images: Images, generator: torch.Generator) -> Images:
        images = mirror(images, generator)
        images = shift(images, self.largest_shift, generator)
        images = relight(images, self.brightness, self.contrast, generator)
        return drop_color(images, self.gray_share, generator)


def per_picture(images: Images, generator: torch.Generator) -> Float[Tensor, "batch 1 1 1"]:
    """One number in [0, 1) for each picture."""
    return torch.rand((len(images), 1, 1, 1), generator=generator, device=images.device)


def mirror(images: Images, generator: torch.Generator) -> Images:
    """Half of the pictures, left to right."""
    return torch.where(per_picture(images, generator) < 0.5, images.flip(-1), images)


def shift(images: Images, largest: int, generator: torch.Generator) -> Images:
    """The whole batch by one offset in each direction."""
    if largest == 0:
        return images
    down, right = torch.randint(0, 2 * largest + 1, (2,), generator=generator, device=images.device).tolist()
    height, width = images.shape[-2:]
    padded = F.pad(images, (largest,) * 4, mode="reflect")  # (B, 3, H + 2 largest, W + 2 largest)
    return padded[..., down : down + height, right : right + width]


def relight(images: Images, brightness: float, contrast: float, generator: torch.Generator) -> Images:
    """A gain around the picture's mean, and an offset."""
    gain = 1 + contrast * (2 * per_picture(images, generator) - 1)
    offset = brightness * (2 * per_picture(images, generator) - 1)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return ((images - mean) * gain + mean + offset).clamp(0, 1)


def drop_color(images: Images, share: float, generator: torch.Generator) -> Images:
    """Old photos are gray."""
    gray = to_gray(images).expand_as(images)
    return torch.where(per_picture(images, generator) < share, gray, images)
