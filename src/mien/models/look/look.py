"""Using the second look: each face found is cut out upright, seen as it is and mirrored, and judged anew."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mien.image.warp import compose, cut_many, similarity, transform_points, translation
from mien.layers.norm import fold_norms
from mien.models.look.network import LookNetwork, Sight
from mien.types import Affine, Detection, Image, Images

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
        folded: nn.Module = fold_norms(network).to(device, torch.bfloat16)
        self.network = folded.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    @torch.inference_mode()
    def __call__(self, photo: Image, faces: list[Detection]) -> list[Detection]:
        """The same faces in the same order."""
        size = self.settings.batch
        parts = [faces[start : start + size] for start in range(0, len(faces), size)]
        return [face for part in parts for face in self._look(photo, part)]

    def _look(self, photo: Image, faces: list[Detection]) -> list[Detection]:
        moves = [photo_from_cut(face, self.cut_size, self.face_size) for face in faces]
        cuts = cut_many(photo, moves, self.cut_size).to(self.device)
        sight = self._see_both(cuts)
        return [judged(face, move, *answer) for face, move, *answer in zip(faces, moves, *sight, strict=True)]

    def _see_both(self, cuts: Images) -> Sight:
        sight = self._see(torch.cat((cuts, cuts.flip(3))))  # the cuts, then their mirror images
        plain, mirrored = (Sight(*halves) for halves in zip(*(part.chunk(2) for part in sight), strict=True))
        return meet(plain, unmirror(mirrored, self.cut_size))

    def _see(self, cuts: Images) -> Sight:
        sight = self.network(cuts.bfloat16().contiguous(memory_format=torch.channels_last))
        return Sight(*(part.float().cpu() for part in sight))


def photo_from_cut(face: Detection, cut_size: int, face_size: float) -> Affine:
    """Where the pixels of a face's upright cut lie in the photo."""
    side = float((face.box[2:] - face.box[:2]).clamp(min=1).prod().sqrt())
    middle = (face.box[:2] + face.box[2:]) / 2
    turned = similarity(side / face_size, face.roll, (float(middle[0]), float(middle[1])))
    return compose(turned, translation(-(cut_size - 1) / 2, -(cut_size - 1) / 2))


def unmirror(sight: Sight, size: int) -> Sight:
    """What was seen in a mirror, as it is without one."""
    x0, y0, x1, y1 = sight.boxes.unbind(-1)
    boxes = torch.stack((size - 1 - x1, y0, size - 1 - x0, y1), -1)
    x, y = sight.points[:, MIRRORED].unbind(-1)
    return Sight(sight.scores, boxes, torch.stack((size - 1 - x, y), -1))


def meet(one: Sight, other: Sight) -> Sight:
    """The mean of two answers."""
    return Sight(*((a + b) / 2 for a, b in zip(one, other, strict=True)))


def judged(
    face: Detection, photo_from: Affine, score: Tensor, box: Float[Tensor, " 4"], points: Float[Tensor, "5 2"]
) -> Detection:
    """A face as it was seen in its cut; its box, whose sides are the photo's, is moved and resized alone."""
    scale = float(photo_from[:, :2].det().abs().sqrt())
    middle = transform_points(photo_from, ((box[:2] + box[2:]) / 2)[None])[0]
    half = (box[2:] - box[:2]) / 2 * scale
    return Detection(
        torch.cat((middle - half, middle + half)),
        transform_points(photo_from, points),
        float(score.sigmoid()),
    )
