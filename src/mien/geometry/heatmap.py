"""Points as pictures: a Gaussian spot for each."""

import torch
from jaxtyping import Float
from torch import Tensor


def gaussian_heatmaps(
    points: Float[Tensor, "batch points 2"], height: int, width: int, sigma: float
) -> Float[Tensor, "batch points height width"]:
    """One map per point with a peak of 1 where it is; a point that is not finite leaves its map empty.

    A point beyond the picture's border still shows the part of its spot that reaches in.
    """
    if sigma <= 0:
        raise ValueError(f"a spot needs a width above 0, not {sigma}")
    is_known = points.isfinite().all(-1)[..., None]
    x, y = points.nan_to_num(0.0, 0.0, 0.0).unbind(-1)
    columns = torch.arange(width, dtype=points.dtype, device=points.device)
    rows = torch.arange(height, dtype=points.dtype, device=points.device)
    across = torch.exp(-((columns - x[..., None]) ** 2) / (2 * sigma**2))
    down = torch.exp(-((rows - y[..., None]) ** 2) / (2 * sigma**2)) * is_known
    return down[..., :, None] * across[..., None, :]
