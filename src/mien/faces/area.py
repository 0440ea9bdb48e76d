"""Where in aligned pictures the face itself is: not the hair, the hat or the hand before it."""

import torch

from mien.image.blend import pasted_mask
from mien.image.filter import gaussian_blur
from mien.types import FindParts, Images, Mask, Masks

PASTED = (
    "skin", "nose", "eye_glasses", "left_eye", "right_eye", "left_brow", "right_brow", "left_ear",
    "right_ear", "mouth_inside", "upper_lip", "lower_lip",
)  # fmt: skip
"""Classes of the parser that make a face; eyes behind glasses are seen through them."""
RIM = 0.01
"""Standard deviation of the soft rim, in parts of the side."""
LEAST_FACE = 0.5
"""Of a pasted pixel, the share that is the recovery's; where no pixel has as much, no face was found."""


def face_areas(pictures: Images, find_parts: FindParts) -> Masks:
    """Their insides are 1, their rims soft, and what lies before the faces 0."""
    rims = torch.full((len(pictures),), RIM * pictures.shape[-1])
    return gaussian_blur(find_parts(pictures, (PASTED,)), rims).clamp(0, 1)


def shows_face(area: Mask) -> bool:
    """Whether anything would be pasted, and not just the shade of a few pixels."""
    return float(pasted_mask(area.shape[-1], area).max()) >= LEAST_FACE
