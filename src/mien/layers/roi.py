"""A box of each picture in a fixed size (RoIAlign: He et al., Mask R-CNN, section 3)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

SAMPLES = 2
"""Points per pixel of the result and axis, whose mean it is."""


def align_regions(
    images: Float[Tensor, "batch channels height width"], boxes: Float[Tensor, "batch 4"], size: int
) -> Float[Tensor, "batch channels {size} {size}"]:
    """`boxes`: x0, y0, x1, y1 in pixels, whose centres are whole numbers; the border goes on."""
    height, width = images.shape[-2:]
    num = size * SAMPLES
    places = (torch.arange(num, device=images.device, dtype=boxes.dtype) + 0.5) / num
    along = torch.lerp(boxes[:, None, :2], boxes[:, None, 2:], places[:, None])  # (B, num, 2)
    unit = 2 * along / along.new_tensor([width - 1, height - 1]) - 1
    across, down = unit.unbind(2)
    grid = torch.stack((across[:, None].expand(-1, num, -1), down[:, :, None].expand(-1, -1, num)), dim=3)
    found = F.grid_sample(images, grid.to(images.dtype), padding_mode="border", align_corners=True)
    return F.avg_pool2d(found, SAMPLES)
