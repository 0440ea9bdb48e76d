"""Points led by a flow: x before y, -1 and 1 at the centres of a picture's corner pixels (GFRNet)."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Flow = Float[Tensor, "batch 2 height width"]
PointSets = Float[Tensor, "batch points 2"]


def to_unit(points: PointSets, height: int, width: int) -> PointSets:
    """Pixels as flows count them."""
    return 2 * points / points.new_tensor([width - 1, height - 1]) - 1


def flow_at(flow: Flow, points: PointSets) -> PointSets:
    """Where the flow leads from each place, both in pixels; beyond the border as from the border."""
    height, width = flow.shape[-2:]
    grid = to_unit(points, height, width)[:, None]  # (B, 1, P, 2)
    found = F.grid_sample(flow.float(), grid.float(), padding_mode="border", align_corners=True)
    unit = found[:, :, 0].mT  # (B, P, 2)
    return (unit + 1) / 2 * unit.new_tensor([width - 1, height - 1])


def flow_error(flow: Flow, here: PointSets, there: PointSets) -> Float[Tensor, " batch"]:
    """Mean distance in pixels between where the flow leads from points here and where they are there."""
    return (flow_at(flow, here) - there).norm(dim=-1).mean(1)
