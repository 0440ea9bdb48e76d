"""Using the second look: each face found is cut out upright, seen as it is and mirrored, and judged anew."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mien.image.warp import areas, cut_many, transform_points
from mien.layers.packed import made_ready
from mien.models.look.network import LookNetwork, Sight
from mien.types import Detection, Image, Images

Places = Float[Tensor, "faces 2 3"]
"""`photo_from_cut` of each face."""
MIRRORED = [1, 0, 2, 4, 3]
"""Left and right of the five points change places in a mirror."""


@dataclass(frozen=True)
class LookSettings:
    """How carefully it looks."""

    batch: int = 32


class SecondLook:
    """Gives faces that were found a new score, box and points."""

    def __init__(
        self, network: LookNetwork, device: torch.device, settings: LookSettings | None = None
    ) -> None:
        self.settings = settings or LookSettings()
        self.device = device
        self.cut_size, self.face_size = network.config.cut_size, network.config.face_size
        self.network = made_ready(network, device, torch.bfloat16)

    @torch.inference_mode()
    def __call__(self, photo: Image, faces: list[Detection]) -> list[Detection]:
        """The same faces in the same order."""
        size = self.settings.batch
        parts = [faces[start : start + size] for start in range(0, len(faces), size)]
        return [face for part in parts for face in self._look(photo, part)]

    def _look(self, photo: Image, faces: list[Detection]) -> list[Detection]:
        places = photo_from_cuts(faces, self.cut_size, self.face_size)
        cuts = cut_many(photo, places, self.cut_size).to(self.device)
        return judged(places, self._see_both(cuts))

    def _see_both(self, cuts: Images) -> Sight:
        sight = self._see(torch.cat((cuts, cuts.flip(3))))  # the cuts, then their mirror images
        plain, mirrored = (Sight(*halves) for halves in zip(*(part.chunk(2) for part in sight), strict=True))
        return meet(plain, unmirror(mirrored, self.cut_size))

    def _see(self, cuts: Images) -> Sight:
        sight = self.network(cuts.bfloat16().contiguous(memory_format=torch.channels_last))
        return Sight(*(part.float().cpu() for part in sight))


def photo_from_cuts(faces: list[Detection], cut_size: int, face_size: float) -> Places:
    """Where the pixels of each face's upright cut lie in the photo."""
    boxes = torch.stack([face.box for face in faces]).double()
    scales = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1).prod(1).sqrt() / face_size
    rolls = torch.tensor([face.roll for face in faces], dtype=torch.float64).deg2rad()
    cosines, sines = scales * rolls.cos(), scales * rolls.sin()
    turns = torch.stack((cosines, -sines, sines, cosines), 1).view(-1, 2, 2)
    middle = torch.full((2, 1), (cut_size - 1) / 2, dtype=torch.float64)
    shifts = (boxes[:, :2] + boxes[:, 2:])[..., None] / 2 - turns @ middle  # (faces, 2, 1)
    return torch.cat((turns, shifts), dim=2)


def unmirror(sight: Sight, size: int) -> Sight:
    """What was seen in a mirror, as it is without one."""
    x0, y0, x1, y1 = sight.boxes.unbind(-1)
    boxes = torch.stack((size - 1 - x1, y0, size - 1 - x0, y1), -1)
    x, y = sight.points[:, MIRRORED].unbind(-1)
    return Sight(sight.scores, boxes, torch.stack((size - 1 - x, y), -1))


def meet(one: Sight, other: Sight) -> Sight:
    """The mean of two answers."""
    return Sight(*((a + b) / 2 for a, b in zip(one, other, strict=True)))


def judged(places: Places, sight: Sight) -> list[Detection]:
    """Faces as seen in their cuts; boxes, whose sides are the photo's, are moved and resized alone."""
    scales = areas(places).abs().sqrt().float()
    corners = sight.boxes.unflatten(1, (2, 2))  # (faces, corners, xy)
    middles = transform_points(places, corners.mean(1, keepdim=True))[:, 0]
    halves = (corners[:, 1] - corners[:, 0]) / 2 * scales[:, None]
    boxes = torch.cat((middles - halves, middles + halves), 1)
    points = transform_points(places, sight.points)
    found = zip(boxes, points, sight.scores.sigmoid().tolist(), strict=True)
    return [Detection(box, five, score) for box, five, score in found]
