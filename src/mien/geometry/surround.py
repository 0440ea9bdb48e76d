"""What is around a face, so that head and hair follow when it turns.

The picture outside the face becomes rings of points around the face's outline. As far as a head reaches they
turn with the face, and lie the deeper the farther out they are, as a head is round; then they give
way to rings that stay where they are. Face and rings together cover the picture without a
hole whatever the pose, because their outermost rim does not move.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from mien.geometry.camera import Camera
from mien.geometry.mesh import Triangles
from mien.geometry.pose import turn

STEPS = (0.0, 0.05, 0.11, 0.18, 0.26, 0.36, 0.48, 0.62, 0.8, 1.0)
"""Where the rings lie between the outline and where nothing moves."""
HEAD_REACH = 0.35
"""How far head and hair stand out around the face, in widths of the face: there the head is as deep as the
outline's deepest point, and a little deeper."""
HEAD_BACK = 0.1
"""That little, in widths of the face."""
LEAST_PASSAGE = 0.25
"""From the head's reach to where nothing moves, in widths of the face; more if the border is farther."""
LEAST_ROOM = 4.0
"""Pixels that a face is thought to be away from the picture's border, or more."""
NUM_SECTORS = 96
ON_SILHOUETTE = 0.025
"""In widths of the face: an outline this little inside the silhouette is on it; twice that is hidden."""
MARGIN = 0.02
"""In widths of the face: what is around a hidden outline begins that far beyond the silhouette."""
_BEHIND = 100.0
"""Ranges of depth by which all rings lie behind the face."""


@dataclass(frozen=True)
class Surroundings:
    """The rings around the faces of a batch."""

    vertices: Float[Tensor, "batch ring_vertices 3"]
    """In face space, as if they were part of the head."""
    pixels: Float[Tensor, "batch ring_vertices 2"]
    """Where they are in the picture."""
    hold: Float[Tensor, "batch ring_vertices 1"]
    """How much each stays where it is: 0 turns with the face, 1 does not move."""
    triangles: Triangles

    def project(
        self, rotation: Float[Tensor, "batch 3 3"], camera: Camera, face: Float[Tensor, "batch vertices 3"]
    ) -> Float[Tensor, "batch ring_vertices 3"]:
        """Where they are when the head is turned; behind the face's projected points, in the same order."""
        points = camera.project(turn(self.vertices, rotation))
        pixels = torch.lerp(points[..., :2], self.pixels, self.hold)
        return behind(torch.cat((pixels, points[..., 2:]), -1), face)


def behind(
    points: Float[Tensor, "batch points 3"], face: Float[Tensor, "batch vertices 3"]
) -> Float[Tensor, "batch points 3"]:
    """Pushed so deep that they lie behind the face's own points, in the same order."""
    finite = face[..., 2].nan_to_num(0.0)
    push = _BEHIND * (finite.amax(1) - finite.amin(1))
    return points + F.pad(push[:, None, None], (2, 0))


def surroundings(
    turned: Float[Tensor, "batch vertices 3"],
    rotation: Float[Tensor, "batch 3 3"],
    camera: Camera,
    outline: Int[Tensor, " outline"],
    height: int,
    width: int,
) -> Surroundings:
    """Of turned faces that a camera sees in a picture of this size."""
    rim = turned[:, outline]
    face = camera.project(turned)
    across = face[..., 0].nan_to_num(0.0)
    face_width = (across.amax(1) - across.amin(1)).clamp(min=1.0)[:, None]
    rim_pixels, centre, direction = _rays(face[:, outline, :2], height, width)
    hidden = _to_silhouette(face[..., :2] - centre, rim_pixels - centre, direction, face_width)
    start = rim_pixels + hidden * direction
    border, beyond = _ends(start, direction, height, width)
    width_in_space = (turned[..., 0].amax(1) - turned[..., 0].amin(1))[:, None]
    back = rim[..., 2] - rim[..., 2].amin(1, keepdim=True) + HEAD_BACK * width_in_space
    head, length = HEAD_REACH * face_width, torch.linalg.vector_norm(border - start, dim=-1)
    stretch = torch.maximum(length, head + LEAST_PASSAGE * face_width) / length.clamp(min=1.0)
    end = torch.lerp(start, border, stretch[..., None])
    length = torch.linalg.vector_norm(end - start, dim=-1)
    depth = camera.project(rim)[..., 2:]
    rings, hold = [torch.cat((rim_pixels, depth), -1)], [torch.zeros_like(length)]
    for step in (*STEPS, 1.0):
        drop = back * _ease(step * length / head)
        depth = camera.project(rim - F.pad(drop[..., None], (2, 0)))[..., 2:]
        rings.append(torch.cat((torch.lerp(start, end, step), depth), -1))
        hold.append(_ease((step * length - head) / (length - head)))
    rings[-1] = torch.cat((beyond, rings[-1][..., 2:]), -1)
    points = torch.cat(rings, 1)
    # where a part of the face hides the outline, what is around begins at that part's edge
    pixels = torch.cat((start, points[:, len(outline) :, :2]), 1)
    return Surroundings(
        turn(camera.unproject(points), rotation.mT),
        pixels,
        torch.cat(hold, 1)[..., None],
        _ring_triangles(len(outline), len(rings)).to(outline.device),
    )


def _rays(
    outline: Float[Tensor, "batch outline 2"], height: int, width: int
) -> tuple[Float[Tensor, "batch outline 2"], Float[Tensor, "batch 1 2"], Float[Tensor, "batch outline 2"]]:
    """From each point of the outline outwards: its start, what it leads away from, its direction."""
    middle = outline.new_tensor([(width - 1) / 2, (height - 1) / 2])
    outline = torch.where(outline.isfinite(), outline, middle)
    centre = (outline.amax(1, keepdim=True) + outline.amin(1, keepdim=True)) / 2
    angle = _without_return(torch.atan2(*(outline - centre).flip(-1).unbind(-1)))
    return outline, centre, torch.stack((angle.cos(), angle.sin()), -1)


def _to_silhouette(
    face: Float[Tensor, "batch vertices 2"],
    start: Float[Tensor, "batch outline 2"],
    direction: Float[Tensor, "batch outline 2"],
    face_width: Float[Tensor, "batch 1"],
) -> Float[Tensor, "batch outline 1"]:
    """How far the face goes on along each ray from the middle: from the side it hides some of its outline."""
    sector, distance = _sector(face), torch.linalg.vector_norm(face.nan_to_num(0.0), dim=-1)
    reach = distance.new_zeros(len(face), NUM_SECTORS).scatter_reduce(1, sector, distance, "amax")
    beyond = reach.gather(1, _sector(direction)) - (start * direction).sum(-1)
    # a ramp, so that an outline on the silhouette stays there though sectors are coarse
    amount = _ease((beyond / face_width - ON_SILHOUETTE) / ON_SILHOUETTE)
    return (amount * (beyond + MARGIN * face_width))[..., None]


def _sector(offset: Float[Tensor, "batch points 2"]) -> Int[Tensor, "batch points"]:
    """Which of the equal slices around the middle a point lies in."""
    angle = torch.atan2(*offset.nan_to_num(0.0).flip(-1).unbind(-1))
    return (angle / (2 * torch.pi) * NUM_SECTORS).floor().long() % NUM_SECTORS


def _ends(
    start: Float[Tensor, "batch outline 2"],
    direction: Float[Tensor, "batch outline 2"],
    height: int,
    width: int,
) -> tuple[Float[Tensor, "batch outline 2"], Float[Tensor, "batch outline 2"]]:
    """Where rays meet the picture's border, and far beyond."""
    size = start.new_tensor([width, height])
    # the sides that a ray leaves by; a face at the border still has some pixels to all sides
    room = torch.where(direction > 0, size - 0.5 - start, start + 0.5).clamp(min=LEAST_ROOM)
    to_border = (room / direction.abs().clamp(min=1e-6)).amin(-1, keepdim=True)
    # the chord between two rays must leave the picture's corners inside
    far = 2.0 * (height + width)
    return start + to_border * direction, start + (to_border + far) * direction


def _without_return(angle: Float[Tensor, "batch outline"]) -> Float[Tensor, "batch outline"]:
    """Directions around an outline that never go back: rays that cross would fold the picture."""
    steps = (angle.roll(-1, 1) - angle + torch.pi).remainder(2 * torch.pi) - torch.pi
    sense = torch.where(steps.sum(1, keepdim=True) < 0, -1.0, 1.0)
    travelled = sense * F.pad(steps[:, :-1], (1, 0)).cumsum(1)
    return angle[:, :1] + sense * travelled.cummax(1).values


def _ease(amount: Tensor) -> Tensor:
    """From 0 to 1 with level ends."""
    inside = amount.clamp(0, 1)
    return inside * inside * (3 - 2 * inside)


def _ring_triangles(around: int, num_rings: int) -> Triangles:
    """Between neighbouring rings; the outline runs counter-clockwise to the eye, and so do these."""
    start = torch.arange(around)
    after = start.roll(-1)
    cells = []
    for ring in range(num_rings - 1):
        inner, outer = ring * around, (ring + 1) * around
        cells.append(torch.stack((inner + start, outer + start, outer + after), 1))
        cells.append(torch.stack((inner + start, outer + after, inner + after), 1))
    return torch.cat(cells) if cells else torch.zeros(0, 3, dtype=torch.int64)
