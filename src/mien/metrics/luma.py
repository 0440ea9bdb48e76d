"""The luma that published "Y channel" figures are measured on."""

import torch
from jaxtyping import Float
from torch import Tensor

from mien.types import Images


def luma(images: Images) -> Float[Tensor, "batch 1 height width"]:
    """ITU-R BT.601 in its studio range, 16/255 for black to 235/255 for white, not rounded."""
    weights = torch.tensor([65.481, 128.553, 24.966], dtype=torch.float64, device=images.device) / 255
    return torch.einsum("bchw,c->bhw", images.double(), weights)[:, None] + 16 / 255
