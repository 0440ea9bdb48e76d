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
    start, border, beyond = _rays(face[:, outline, :2], height, width)
    across = face[..., 0].nan_to_num(0.0)
    face_width = (across.amax(1) - across.amin(1)).clamp(min=1.0)[:, None]
    width_in_space = (turned[..., 0].amax(1) - turned[..., 0].amin(1))[:, None]
    back = rim[..., 2] - rim[..., 2].amin(1, keepdim=True) + HEAD_BACK * width_in_space
    head, length = HEAD_REACH * face_width, torch.linalg.vector_norm(border - start, dim=-1)
    stretch = torch.maximum(length, head + LEAST_PASSAGE * face_width) / length.clamp(min=1.0)
    end = torch.lerp(start, border, stretch[..., None])
    length = torch.linalg.vector_norm(end - start, dim=-1)
    rings, hold = [], []
    for step in (*STEPS, 1.0):
        drop = back * _ease(step * length / head)
        depth = camera.project(rim - F.pad(drop[..., None], (2, 0)))[..., 2:]
        rings.append(torch.cat((torch.lerp(start, end, step), depth), -1))
        hold.append(_ease((step * length - head) / (length - head)))
    rings[-1] = torch.cat((beyond, rings[-1][..., 2:]), -1)
    points = torch.cat(rings, 1)
    return Surroundings(
        turn(camera.unproject(points), rotation.mT),
        points[..., :2],
        torch.cat(hold, 1)[..., None],
        _ring_triangles(len(outline), len(rings)).to(outline.device),
    )


def _rays(
    outline: Float[Tensor, "batch outline 2"], height: int, width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """From each point of the outline outwards: its start, the picture's border, and far beyond."""
    middle = outline.new_tensor([(width - 1) / 2, (height - 1) / 2])
    outline = torch.where(outline.isfinite(), outline, middle)
    centre = (outline.amax(1, keepdim=True) + outline.amin(1, keepdim=True)) / 2
    angle = _without_return(torch.atan2(*(outline - centre).flip(-1).unbind(-1)))
    direction = torch.stack((angle.cos(), angle.sin()), -1)
    # the sides that a ray leaves by; a face at the border still has some pixels to all sides
    room = torch.where(direction > 0, middle * 2 + 0.5 - outline, outline + 0.5).clamp(min=LEAST_ROOM)
    to_border = (room / direction.abs().clamp(min=1e-6)).amin(-1, keepdim=True)
    # the chord between two rays must leave the picture's corners inside
    far = 2.0 * (height + width)
    return outline, outline + to_border * direction, outline + (to_border + far) * direction


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
