"""Resizing as two matrices of interpolation weights: `rows @ image @ columns^T`.

When a picture shrinks the kernels widen by the factor, as Pillow's do, so nothing aliases.
"""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

Method = Literal["bicubic", "bilinear", "box", "nearest"]
_SUPPORT: dict[Method, float] = {"bicubic": 2.0, "bilinear": 1.0, "box": 0.5, "nearest": 0.5}


def resize(
    planes: Float[Tensor, "batch channels height width"], height: int, width: int, method: Method = "bicubic"
) -> Float[Tensor, "batch channels new_height new_width"]:
    """To height × width pixels; bicubic may leave [0, 1] a little beside edges."""
    if height < 1 or width < 1:
        raise ValueError(f"a picture needs at least one pixel, wanted {width}×{height}")
    rows = axis_weights(planes.shape[-2], height, method, planes)
    columns = axis_weights(planes.shape[-1], width, method, planes)
    return rows @ (planes @ columns.mT)


def axis_weights(
    source_size: int, target_size: int, method: Method, like: Tensor
) -> Float[Tensor, "target source"]:
    """Weights for one axis, of the type and on the device of `like`."""
    source_sizes = torch.tensor([source_size], device=like.device)
    target_sizes = torch.tensor([target_size], device=like.device)
    weights = resize_weights(source_sizes, target_sizes, source_size, target_size, method)
    return weights[0].to(like.dtype)


def resize_weights(
    source_sizes: Int[Tensor, " batch"],
    target_sizes: Int[Tensor, " batch"],
    source_canvas: int,
    target_canvas: int,
    method: Method = "bicubic",
) -> Float[Tensor, "batch target_canvas source_canvas"]:
    """One matrix per sample, in float64, for pictures that lie at the start of a common canvas.

    Each sample goes from its own size to its own size. What lies on the source canvas beyond its
    size counts nothing; on the target canvas beyond its size the last pixel is repeated, so a
    JPEG of the canvas sees what libjpeg would have padded the picture with.
    """
    device = source_sizes.device
    scale = (source_sizes.double() / target_sizes.double())[:, None]
    last = target_sizes[:, None] - 1
    place = torch.arange(target_canvas, device=device)
    center = (torch.minimum(place[None], last) + 0.5) * scale
    widening = scale.clamp(min=1.0)
    reach = _SUPPORT[method] * widening
    first = (center - reach).floor().long()
    num_taps = int(2 * _SUPPORT[method] * max(1.0, float(scale.max()))) + 2
    source = first[:, :, None] + torch.arange(num_taps, device=device)
    if method == "nearest":
        taps = (source == center.floor()[:, :, None]).double()
    else:
        taps = _kernel((source + 0.5 - center[:, :, None]) / widening[:, :, None], method)
    taps = taps * ((source >= 0) & (source < source_sizes[:, None, None]))
    taps = taps / taps.sum(2, keepdim=True)
    weights = taps.new_zeros(len(source_sizes), target_canvas, source_canvas)
    # only the taps under the kernel are computed; those that fell outside weigh nothing wherever they land
    return weights.scatter_add(2, source.clamp(0, source_canvas - 1), taps)


def _kernel(distance: Float[Tensor, "..."], method: Method) -> Float[Tensor, "..."]:
    if method == "box":
        # half open, so that a pixel on the border between two boxes counts in one of them
        return ((distance > -_SUPPORT["box"]) & (distance <= _SUPPORT["box"])).to(distance.dtype)
    size = distance.abs().clamp(max=_SUPPORT[method])
    if method == "bilinear":
        return 1.0 - size
    # Keys' cubic with a = -0.5, MATLAB's and Pillow's bicubic
    near = (1.5 * size - 2.5) * size * size + 1.0
    far = ((-0.5 * size + 2.5) * size - 4.0) * size + 2.0
    return torch.where(size < 1.0, near, far)
