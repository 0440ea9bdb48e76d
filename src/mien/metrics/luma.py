"""The luma that published "Y channel" figures are measured on."""

from jaxtyping import Float
from torch import Tensor

from mien.image.color import to_gray
from mien.types import Images


def luma(images: Images) -> Float[Tensor, "batch 1 height width"]:
    """ITU-R BT.601 in its studio range, 16/255 for black to 235/255 for white, not rounded."""
    return (to_gray(images.double()) * 219 + 16) / 255
