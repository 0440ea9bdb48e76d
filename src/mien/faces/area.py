"""Where in an aligned picture the face itself is: not the hair, the hat or the hand before it."""

import torch
import torch.nn.functional as F

from mien.image.filter import gaussian_blur
from mien.types import FindParts, Image, Mask

FACE = (
    "skin", "nose", "eye_glasses", "left_eye", "right_eye", "left_brow", "right_brow", "left_ear",
    "right_ear", "mouth_inside", "upper_lip", "lower_lip",
)  # fmt: skip
"""Classes of the parser."""
PARSED_SIZE = 256
RIM = 2.5
"""Standard deviation of the soft rim, in pixels of a picture of that size."""


def face_area(picture: Image, find_parts: FindParts) -> Mask:
    """Its inside is 1, its rim soft, and what lies before the face 0."""
    size = picture.shape[-1]
    parsed = F.interpolate(picture[None], (PARSED_SIZE, PARSED_SIZE), mode="bilinear", antialias=True)
    area = gaussian_blur(find_parts(parsed.clamp(0, 1), (FACE,)), torch.tensor([RIM]))
    return F.interpolate(area, (size, size), mode="bilinear")[0].clamp(0, 1)
