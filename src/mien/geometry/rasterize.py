"""Which triangle each pixel sees, and where on it: a z-buffer in vectorised torch.

The contract, which `rasterize_numba` keeps to the bit:
- x and y are snapped to 1/1024 of a pixel and may reach 16,384 pixels; edge functions are then exact in
  float64, whatever the order of operations, and an edge shared by two triangles gives each pixel to one;
- a pixel centre on an edge belongs to the triangle whose top or left edge it is;
- the smallest depth wins, compared in float32; at the same depth the triangle that comes first;
- a triangle is not drawn if a corner of it is not finite or out of reach, or if it has no area.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mien.geometry.mesh import Triangles

SUBPIXELS = 1024
REACH = 16384
_CHUNK = 1 << 16
"""Pixels looked at in one go, over all triangles, so that memory has a bound and caches suffice."""
_SIDES = (3, 5, 9, 16, 32)
"""Widths and heights of the rectangles that triangles are looked for in."""
_EMPTY = torch.iinfo(torch.int64).max


@dataclass(frozen=True)
class Fragments:
    """What each pixel sees."""

    triangles: Int[Tensor, "batch height width"]
    """Its number, -1 where there is none."""
    weights: Float[Tensor, "batch height width 3"]
    """How much of each corner, as the picture of the triangle is flat; zeros where there is none."""
    depth: Float[Tensor, "batch height width"]
    """Infinite where there is nothing."""

    @property
    def covered(self) -> Bool[Tensor, "batch height width"]:
        return self.triangles >= 0


@dataclass(frozen=True)
class _Drawn:
    """The triangles that can be seen, over the whole batch; coordinates snapped, in float64."""

    x: Float[Tensor, "3 drawn"]
    y: Float[Tensor, "3 drawn"]
    depth: Float[Tensor, "3 drawn"]
    number: Int[Tensor, " drawn"]
    sample: Int[Tensor, " drawn"]
    """Its place in the batch."""


@dataclass(frozen=True)
class _Tiles:
    """Rectangles of one size that together hold pixels of triangles: what is regular is fast."""

    owner: Int[Tensor, " tiles"]
    """Which of the drawn triangles."""
    left: Int[Tensor, " tiles"]
    top: Int[Tensor, " tiles"]
    width: int
    height: int


@runtime_checkable
class Rasterizer(Protocol):
    """`rasterize`, or something that gives the same faster."""

    def __call__(
        self,
        points: Float[Tensor, "batch vertices 3"],
        triangles: Triangles,
        height: int,
        width: int,
        cull: bool = True,
    ) -> Fragments: ...


def rasterize(
    points: Float[Tensor, "batch vertices 3"],
    triangles: Triangles,
    height: int,
    width: int,
    cull: bool = True,
) -> Fragments:
    """Draw projected points (x, y in pixels, depth); `cull` leaves out what shows its back.

    Gradients flow from weights and depth to the points, not through the choice of the triangle.
    """
    if height < 1 or width < 1:
        raise ValueError(f"a picture has at least one pixel, not {width} x {height}")
    with torch.no_grad():
        fragments = _fragments(points, triangles, height, width, cull)
    if not (points.requires_grad and torch.is_grad_enabled()):
        return fragments
    at = fragments.covered.nonzero().unbind(1)
    corners = points[at[0][:, None], triangles[fragments.triangles[at]]].double()
    weights = _weights(_snapped(corners[..., :2]), at[2], at[1])
    depth = (weights * corners[..., 2]).sum(1)
    return Fragments(
        fragments.triangles,
        fragments.weights.index_put(at, weights.to(points)),
        fragments.depth.index_put(at, depth.to(points)),
    )


def interpolate(
    fragments: Fragments,
    triangles: Triangles,
    values: Float[Tensor, "batch vertices channels"],
    points: Float[Tensor, "batch vertices 3"] | None = None,
) -> Float[Tensor, "batch channels height width"]:
    """What vertices have, at every pixel; zero where no triangle is.

    With a perspective camera give the projected points, too: what is flat on the face is
    then not flat in the picture.
    """
    corners = triangles.T.contiguous()[:, fragments.triangles.clamp(min=0)]  # (3, batch, height, width)
    first = torch.arange(len(values), device=values.device)[:, None, None] * values.shape[1]
    at = (corners + first).flatten(1)
    weights = fragments.weights.movedim(-1, 0).flatten(1)
    is_covered = fragments.covered.flatten()
    if points is not None:
        nearness = torch.stack(_pick_each(points[..., 2].flatten(), at)) * weights
        total = torch.where(is_covered, nearness.sum(0), 1)
        weights = nearness / total
    planes = []
    for plane in values.flatten(0, 1).unbind(-1):
        a, b, c = (share * value for share, value in zip(weights, _pick_each(plane, at), strict=True))
        planes.append(torch.where(is_covered, a + b + c, 0).view(fragments.triangles.shape))
    return torch.stack(planes, 1)


def _pick_each(plane: Float[Tensor, " vertices"], at: Int[Tensor, "3 pixels"]) -> list[Tensor]:
    """Its values at the three corners."""
    return [plane.index_select(0, corner) for corner in at]


def _snapped(pixels: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """To the grid, in float64; gradients pass as if nothing had happened."""
    wide = pixels.double()
    grid = (wide.detach() * SUBPIXELS).round_() / SUBPIXELS
    return wide + (grid - wide.detach()) if pixels.requires_grad else grid


def _weights(
    corners: Float[Tensor, "pixels 3 2"], column: Int[Tensor, " pixels"], row: Int[Tensor, " pixels"]
) -> Float[Tensor, "pixels 3"]:
    (ax, ay), (bx, by), (cx, cy) = (corner.unbind(-1) for corner in corners.unbind(1))
    x, y = column.double(), row.double()
    opposite_a = (bx - x) * (cy - y) - (by - y) * (cx - x)
    opposite_b = (cx - x) * (ay - y) - (cy - y) * (ax - x)
    opposite_c = (ax - x) * (by - y) - (ay - y) * (bx - x)
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    return torch.stack((opposite_a, opposite_b, opposite_c), -1) / area[:, None]


def _fragments(
    points: Float[Tensor, "batch vertices 3"], triangles: Triangles, height: int, width: int, cull: bool
) -> Fragments:
    drawn = _drawable(points, triangles, cull)
    shape = (len(points), height, width)
    nearest = torch.full(shape, _EMPTY, device=points.device).flatten()
    weights = points.new_zeros(3, len(nearest))
    depths = points.new_full((len(nearest),), torch.inf)
    for tiles in _tiles(drawn, height, width):
        which, column, row, shares = _inside(drawn, tiles, height, width)
        parts = [share * far for share, far in zip(shares, _pick(drawn.depth, which), strict=True)]
        depth = (parts[0] + parts[1] + parts[2]).float()  # in this order, on which equal depths depend
        key = (_sortable(depth) << 32) | drawn.number.index_select(0, which)
        pixel = (drawn.sample.index_select(0, which) * height + row) * width + column
        nearest.scatter_reduce_(0, pixel, key, "amin")
        is_nearest = (key == nearest.index_select(0, pixel)).nonzero()[:, 0]
        pixel = pixel.index_select(0, is_nearest)
        for plane, share in zip(weights, _pick(shares, is_nearest), strict=True):
            plane.scatter_(0, pixel, share.to(points))
        depths.scatter_(0, pixel, depth.index_select(0, is_nearest).to(points))
    ids = torch.where(nearest == _EMPTY, -1, nearest & 0xFFFFFFFF)
    return Fragments(ids.view(shape), weights.view(3, *shape).movedim(0, -1), depths.view(shape))


def _pick(planes: Iterable[Tensor], which: Int[Tensor, " chosen"]) -> list[Tensor]:
    """Plane by plane, which is several times as fast as all at once."""
    return [plane.index_select(0, which) for plane in planes]


def _drawable(points: Float[Tensor, "batch vertices 3"], triangles: Triangles, cull: bool) -> _Drawn:
    batch, num_vertices, _ = points.shape
    flat = points.detach().reshape(-1, 3).T.double().contiguous()
    flat[:2] = _snapped(flat[:2])
    # what is not a number fails
    is_usable = (flat[:2].abs().amax(0) <= REACH) & flat[2].isfinite()
    first = torch.arange(batch, device=points.device) * num_vertices
    corners = (triangles.T[:, None] + first[:, None]).reshape(3, -1)  # (3, batch * triangles)
    x, y = (plane.view(3, -1) for plane in _pick(flat[:2], corners.flatten()))
    area = _area(x, y)
    # y points down, so what runs counter-clockwise to the eye has a negative area
    is_facing = area < 0 if cull else area != 0
    a, b, c = _pick([is_usable], corners.flatten())[0].view(3, -1)
    chosen = (is_facing & a & b & c).nonzero()[:, 0]
    depth = torch.stack([flat[2].index_select(0, corner) for corner in _pick(corners, chosen)])
    sample = chosen.div(max(len(triangles), 1), rounding_mode="floor")
    number = chosen - sample * len(triangles)
    return _Drawn(torch.stack(_pick(x, chosen)), torch.stack(_pick(y, chosen)), depth, number, sample)


def _area(x: Sequence[Tensor] | Tensor, y: Sequence[Tensor] | Tensor) -> Float[Tensor, " drawn"]:
    """Twice the area; negative if counter-clockwise to the eye."""
    return (x[1] - x[0]) * (y[2] - y[0]) - (y[1] - y[0]) * (x[2] - x[0])


def _tiles(drawn: _Drawn, height: int, width: int) -> Iterator[_Tiles]:
    left, columns = _extent(drawn.x, width)
    top, rows = _extent(drawn.y, height)
    sides = torch.tensor(_SIDES[:-1], device=left.device)
    kinds = torch.bucketize(columns, sides) * len(_SIDES) + torch.bucketize(rows, sides)
    kinds = torch.where((columns > 0) & (rows > 0), kinds, -1)
    for kind in kinds.unique().tolist():
        if kind < 0:
            continue
        member = (kinds == kind).nonzero()[:, 0]
        tile_width, tile_height = _SIDES[kind // len(_SIDES)], _SIDES[kind % len(_SIDES)]
        across = (columns[member] - 1).div(tile_width, rounding_mode="floor") + 1
        down = (rows[member] - 1).div(tile_height, rounding_mode="floor") + 1
        counts = across * down
        place = torch.arange(int(counts.sum()), device=counts.device)
        place -= (counts.cumsum(0) - counts).repeat_interleave(counts)
        owner, across = member.repeat_interleave(counts), across.repeat_interleave(counts)
        tile_left = left[owner] + place % across * tile_width
        tile_top = top[owner] + place.div(across, rounding_mode="floor") * tile_height
        if tile_width * tile_height > 64:
            touching = _may_touch(drawn, owner, tile_left, tile_top, (tile_width, tile_height))
            owner, tile_left, tile_top = _pick((owner, tile_left, tile_top), touching)
        step = max(1, _CHUNK // (tile_width * tile_height))
        for start in range(0, len(owner), step):
            part = slice(start, start + step)
            yield _Tiles(owner[part], tile_left[part], tile_top[part], tile_width, tile_height)


def _may_touch(
    drawn: _Drawn,
    owner: Int[Tensor, " tiles"],
    left: Int[Tensor, " tiles"],
    top: Int[Tensor, " tiles"],
    size: tuple[int, int],
) -> Int[Tensor, " touching"]:
    """The rectangles that are not beyond an edge of their triangle: few, where it is long and thin."""
    x, y = _pick(drawn.x, owner), _pick(drawn.y, owner)
    turn = _area(x, y).sign()
    half_width, half_height = (size[0] - 1) / 2, (size[1] - 1) / 2
    middle_x, middle_y = left + half_width, top + half_height
    is_near = torch.ones_like(owner, dtype=torch.bool)
    for start, end in ((1, 2), (2, 0), (0, 1)):
        across, down = x[end] - x[start], y[end] - y[start]
        at_middle = turn * (across * (middle_y - y[start]) - down * (middle_x - x[start]))
        is_near &= at_middle + across.abs() * half_height + down.abs() * half_width >= 0
    return is_near.nonzero()[:, 0]


def _extent(places: Float[Tensor, "3 drawn"], size: int) -> tuple[Tensor, Tensor]:
    """The first pixel centre that corners enclose, and how many there are, inside the picture."""
    first = places.amin(0).ceil().clamp(min=0).long()
    return first, places.amax(0).floor().clamp(max=size - 1).long() - first + 1


def _inside(
    drawn: _Drawn, tiles: _Tiles, height: int, width: int
) -> tuple[Int[Tensor, " found"], Int[Tensor, " found"], Int[Tensor, " found"], list[Tensor]]:
    """Triangle, column, row and the three weights of each pixel centre in a triangle."""
    x, y = _pick(drawn.x, tiles.owner), _pick(drawn.y, tiles.owner)
    area = _area(x, y)
    turn = area.sign()
    # tiles come last: torch is fast along long dimensions
    column = tiles.left + torch.arange(tiles.width, device=area.device)[:, None]
    row = tiles.top + torch.arange(tiles.height, device=area.device)[:, None]
    is_inside = (row < height)[:, None] & (column < width)  # (tile_height, tile_width, tiles)
    functions = []
    for start, end in ((1, 2), (2, 0), (0, 1)):  # each edge is opposite the corner that it weighs
        across, down = turn * (x[end] - x[start]), turn * (y[end] - y[start])
        is_top_left = (down < 0) | ((down == 0) & (across > 0))
        function = (across * (row - y[start]))[:, None] - down * (column - x[start])
        # an edge function is a whole number of 1/1024 squared, so half of one says what happens at 0
        is_inside &= function > is_top_left * (-0.5 / SUBPIXELS**2)
        functions.append(function.flatten())
    cell = is_inside.flatten().nonzero()[:, 0]
    place = cell.div(len(tiles.owner), rounding_mode="floor")
    tile = cell - place * len(tiles.owner)
    down = place.div(tiles.width, rounding_mode="floor")
    owner, left, top, size = _pick((tiles.owner, tiles.left, tiles.top, area.abs()), tile)
    weights = [function / size for function in _pick(functions, cell)]
    return owner, left + place - down * tiles.width, top + down, weights


def _sortable(depth: Float[Tensor, " pixels"]) -> Int[Tensor, " pixels"]:
    """Whole numbers of 32 bits in the order of the depths."""
    bits = (depth + 0.0).view(torch.int32).long()  # minus zero becomes zero
    return torch.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
