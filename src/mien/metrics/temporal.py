"""How steady faces are in a film: landmarks that tremble, and pictures that flicker."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.types import Images, Masks


def landmark_jitter(
    found: Float[Tensor, "frames points 2"], known: Float[Tensor, "frames points 2"]
) -> float:
    """Root mean square of how far a landmark jumps beside its known motion, from frame to frame, in pixels.

    What is found may lie off what is known, as long as it does so in the same way in every frame.
    """
    if len(found) < 2:
        raise ValueError(f"jitter shows between frames, and there is {len(found)}")
    errors = found.double() - known.double()
    return float((errors[1:] - errors[:-1]).square().sum(dim=-1).mean().sqrt())


def warping_error(
    earlier: Images, later: Images, flow: Float[Tensor, "batch 2 height width"], seen: Masks
) -> float:
    """Mean squared difference of each frame and the next one, brought to it along the known motion.

    E_warp of Lai et al., Learning blind video temporal consistency, 2018, section 4.2, of films in [0, 1].
    `flow` says, in pixels, how far what a pixel shows has moved in the later frame (x before y); `seen` is 1
    where it can be seen in both.
    """
    if not bool((seen > 0).any()):
        raise ValueError("nothing is seen in both frames")
    brought = _brought(later.double(), flow.double())
    squares = (earlier.double() - brought).square().mean(dim=1, keepdim=True)
    return float((squares * seen).sum() / seen.sum())


def _brought(
    pictures: Float[Tensor, "batch channels height width"], flow: Float[Tensor, "batch 2 height width"]
) -> Float[Tensor, "batch channels height width"]:
    height, width = pictures.shape[-2:]
    x = torch.arange(width, device=flow.device) + flow[:, 0]
    y = torch.arange(height, device=flow.device)[:, None] + flow[:, 1]
    grid = torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / height - 1), dim=-1)
    return F.grid_sample(pictures, grid, "bilinear", padding_mode="border", align_corners=False)
