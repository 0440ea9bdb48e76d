"""The contract of `rasterize`, compiled: for data work on a CPU, without gradients.

It lets go of the interpreter while it works, so that threads of a loader run side by side.
"""

import math
from typing import no_type_check

import numba  # in the `train` extra
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mien.geometry.mesh import Triangles
from mien.geometry.rasterize import REACH, SUBPIXELS, Fragments


def rasterize_compiled(
    points: Float[Tensor, "batch vertices 3"],
    triangles: Triangles,
    height: int,
    width: int,
    cull: bool = True,
) -> Fragments:
    if height < 1 or width < 1:
        raise ValueError(f"a picture has at least one pixel, not {width} x {height}")
    shape = (len(points), height, width)
    ids = np.full(shape, -1, dtype=np.int64)
    depths = np.full(shape, np.inf, dtype=np.float32)
    weights = np.zeros((*shape, 3), dtype=np.float32)
    corners = triangles.detach().cpu().numpy().astype(np.int64, copy=False)
    for sample, places in enumerate(points.detach().cpu().double().numpy()):
        _draw(places, corners, cull, ids[sample], depths[sample], weights[sample])
    filled = (torch.from_numpy(ids), torch.from_numpy(weights), torch.from_numpy(depths))
    found, shares, nearest = (tensor.to(points.device) for tensor in filled)
    return Fragments(found, shares.to(points.dtype), nearest.to(points.dtype))


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check  # a function wrapped to be checked cannot be compiled
def _draw(
    points: np.ndarray,
    triangles: np.ndarray,
    cull: bool,
    ids: np.ndarray,
    depths: np.ndarray,
    weights: np.ndarray,
) -> None:
    height, width = ids.shape
    snapped = np.empty_like(points)
    usable = np.empty(len(points), dtype=np.bool_)
    for vertex in range(len(points)):
        x = np.rint(points[vertex, 0] * SUBPIXELS) / SUBPIXELS
        y = np.rint(points[vertex, 1] * SUBPIXELS) / SUBPIXELS
        snapped[vertex, 0], snapped[vertex, 1], snapped[vertex, 2] = x, y, points[vertex, 2]
        # written so that what is not a number fails
        usable[vertex] = abs(x) <= REACH and abs(y) <= REACH and abs(points[vertex, 2]) < np.inf
    for number in range(len(triangles)):
        a, b, c = triangles[number, 0], triangles[number, 1], triangles[number, 2]
        if not (usable[a] and usable[b] and usable[c]):
            continue
        ax, ay, az = snapped[a, 0], snapped[a, 1], snapped[a, 2]
        bx, by, bz = snapped[b, 0], snapped[b, 1], snapped[b, 2]
        cx, cy, cz = snapped[c, 0], snapped[c, 1], snapped[c, 2]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0 or (cull and area > 0):
            continue
        turn, size = (1.0 if area > 0 else -1.0), abs(area)
        top = max(0, math.ceil(min(ay, by, cy)))
        bottom = min(height - 1, math.floor(max(ay, by, cy)))
        left = max(0, math.ceil(min(ax, bx, cx)))
        right = min(width - 1, math.floor(max(ax, bx, cx)))
        owns_a = _is_top_left(cx - bx, cy - by, area)
        owns_b = _is_top_left(ax - cx, ay - cy, area)
        owns_c = _is_top_left(bx - ax, by - ay, area)
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                first = turn * ((bx - x) * (cy - y) - (by - y) * (cx - x))
                second = turn * ((cx - x) * (ay - y) - (cy - y) * (ax - x))
                third = turn * ((ax - x) * (by - y) - (ay - y) * (bx - x))
                if first < 0 or second < 0 or third < 0:
                    continue
                if (first == 0 and not owns_a) or (second == 0 and not owns_b) or (third == 0 and not owns_c):
                    continue
                first, second, third = first / size, second / size, third / size
                depth = np.float32(first * az + second * bz + third * cz)
                if ids[y, x] < 0 or depth < depths[y, x]:
                    ids[y, x], depths[y, x] = number, depth
                    weights[y, x, 0], weights[y, x, 1], weights[y, x, 2] = first, second, third


@numba.njit(cache=True, nogil=True, inline="always")
@no_type_check
def _is_top_left(across: float, down: float, area: float) -> bool:
    """For an edge along which its triangle runs."""
    if down == 0:
        return across > 0 if area > 0 else across < 0
    return down < 0 if area > 0 else down > 0
