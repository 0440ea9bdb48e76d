"""What a flow is asked for: to lead from landmark to landmark, and to be smooth (GFRNet, section 3.3)."""

from jaxtyping import Float
from torch import Tensor

from mien.geometry.flow import Flow, PointSets, flow_at, to_unit


def landmark_loss(flow: Flow, truth: PointSets, guide: PointSets) -> Float[Tensor, ""]:
    """Sum over landmarks of the squared way from where the flow leads to where the guide has it (equation 9).

    Coordinates from -1 to 1, mean over the batch. Landmarks beyond the border of either picture do not count:
    no flow leads there.
    """
    height, width = flow.shape[-2:]
    reached = to_unit(flow_at(flow, truth), height, width)
    wanted, start = to_unit(guide, height, width), to_unit(truth, height, width)
    is_inside = (wanted.abs() <= 1).all(-1) & (start.abs() <= 1).all(-1)
    return ((reached - wanted).square().sum(-1) * is_inside).sum(1).mean()


def roughness(flow: Flow) -> Float[Tensor, ""]:
    """Sum of the squared differences between neighbours, of what moves each pixel (equation 10).

    The identity is taken off: it has a gradient of its own, which would ask for a smaller picture. The sum is
    as printed; it hardly changes with the size of the picture, as a mean would.
    """
    height, width = flow.shape[-2:]
    along = flow.float().diff(dim=3) - _slope(flow, 0, width)
    down = flow.float().diff(dim=2) - _slope(flow, 1, height)
    return (along.square().sum((1, 2, 3)) + down.square().sum((1, 2, 3))).mean()


def _slope(flow: Flow, axis: int, side: int) -> Float[Tensor, "1 2 1 1"]:
    """Of the identity, from one pixel to the next."""
    slope = flow.new_zeros((1, 2, 1, 1), dtype=flow.float().dtype)
    slope[:, axis] = 2 / (side - 1)
    return slope
