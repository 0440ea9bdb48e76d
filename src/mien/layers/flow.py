"""Flow fields: where in another picture each pixel comes from.

A flow counts as GFRNet's does, x before y, -1 and 1 being the centres of the corner pixels. It is kept in
float32: half precision would lose a pixel.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Flow = Float[Tensor, "batch 2 height width"]


def identity_flow(height: int, width: int, device: torch.device | None = None) -> Float[Tensor, "1 2 h w"]:
    """Every pixel from its own place."""
    y = torch.linspace(-1, 1, height, device=device)
    x = torch.linspace(-1, 1, width, device=device)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))[None]


def warp(
    pictures: Float[Tensor, "batch channels height width"], flow: Flow
) -> Float[Tensor, "batch channels height width"]:
    """I_w (GFRNet, equation 2): the bilinear mean of the four pixels around each place of the flow.

    What lies beyond the border is the border's pixel. Sampling starts from each pixel's own place and adds
    what the flow says beside the identity, so that rounding is in the difference alone.
    """
    height, width = pictures.shape[-2:]
    shift = flow.float() - identity_flow(height, width, flow.device)  # (B, 2, H, W)
    # `grid_sample` between outer edges: for sides that are powers of two, pixels' own places are exact
    x = (2 * torch.arange(width, device=flow.device) + 1) / width - 1
    y = (2 * torch.arange(height, device=flow.device) + 1) / height - 1
    own = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)  # (H, W, 2)
    scale = shift.new_tensor([(width - 1) / width, (height - 1) / height])
    grid = own + shift.permute(0, 2, 3, 1) * scale
    warped = F.grid_sample(pictures.float(), grid, "bilinear", padding_mode="border", align_corners=False)
    return warped.to(pictures.dtype)


def enlarged_flow(shift: Float[Tensor, "batch 2 rows columns"], height: int, width: int) -> Flow:
    """The flow whose difference from the identity is given on a coarse grid."""
    smooth = F.interpolate(shift.float(), (height, width), mode="bilinear", align_corners=False)
    return identity_flow(height, width, shift.device) + smooth
