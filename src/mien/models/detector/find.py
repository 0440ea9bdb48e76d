"""Every face of a photo: the network on two sizes of it, its answers merged."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mien.faces.detect import distinct
from mien.image.warp import compose, rescaling, similarity, transform_points, translation, warp_affine
from mien.models.detector.network import Cells, ConvNorm, DetectorNetwork
from mien.types import Affine, Box, Detection, Image, Images

UNIT = 64
"""Sides of what the network takes are multiples of it."""
CUT = 192
"""Side of the upright cut in which a face is looked at again."""
FACE_IN_CUT = 96.0
FIRST_LOOK = 0.5
"""Weight of the points of the first look beside those of each later one."""
LEAST_FIT = 0.12
"""Overlap of the middle of a cut and an answer from which the answer means the face looked at."""
MIRRORED = [1, 0, 2, 4, 3]
"""Left and right of the five points change places in a mirror."""


@dataclass(frozen=True)
class DetectorSettings:
    """How a photo is looked at, and what counts as a face."""

    threshold: float = 0.53
    """21 boxes in 207 face-free pictures that were not trained on; half of them served to set it."""
    long_side: int = 1024
    """Larger photos are shrunk to it, which leaves faces of an eightieth of the photo visible."""
    short_view: int = 112
    """Smaller photos are enlarged to it, at most four times."""
    second_view: float = 0.36
    """The photo is seen again this much smaller, with a border: faces that fill it, and those under noise."""
    largest_second_view: int = 256
    border: int = 32
    same_face: float = 0.4
    """Overlap (shared over joint area) from which two answers are one face."""
    inside: float = 0.75
    """Share of the weaker answer's box that lies in a stronger one, from which it is a part of that face."""
    max_candidates: int = 1500
    faint: float = 0.75
    """Share of the threshold from which an answer is looked at again."""
    num_closer_looks: int = 1
    """How often each face is cut out, turned upright and shown to the network again: for better points."""
    batch: int = 16


@dataclass(frozen=True)
class View:
    """A photo as the network sees it: resized, then put at an offset on a gray canvas."""

    photo: int
    scale: float
    height: int
    width: int
    offset: int

    @property
    def canvas(self) -> tuple[int, int]:
        height, width = (
            (side + 2 * self.offset + UNIT - 1) // UNIT * UNIT for side in (self.height, self.width)
        )
        return height, width

    @property
    def canvas_from_photo(self) -> Affine:
        return compose(translation(self.offset, self.offset), rescaling(self.scale))


@dataclass(frozen=True)
class Seen:
    """A view and its pixels."""

    view: View
    canvas: Image


@dataclass(frozen=True)
class Candidates:
    """Answers of the network that may be faces, in pixels of the photo or the cut."""

    scores: Float[Tensor, "*faces"]
    boxes: Float[Tensor, "*faces 4"]
    points: Float[Tensor, "*faces 5 2"]

    def pick(self, which: Tensor | int | slice) -> "Candidates":
        return Candidates(self.scores[which], self.boxes[which], self.points[which])


class Detector:
    """Finds faces of 12 pixels to the whole photo, at any in-plane angle."""

    def __init__(
        self, network: DetectorNetwork, device: torch.device, settings: DetectorSettings | None = None
    ) -> None:
        self.settings = settings or DetectorSettings()
        self.device = device
        # bfloat16 is what makes it quick; the answers are turned into pixels in float32
        folded: nn.Module = fold_norms(network).to(device, torch.bfloat16)
        self.network = folded.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def __call__(self, photo: Image) -> list[Detection]:
        """The faces of a photo, the surest first."""
        return self.find_many([photo])[0]

    @torch.inference_mode()
    def find_many(self, photos: Sequence[Tensor]) -> list[list[Detection]]:
        """The faces of each photo, of any sizes; views of one size go through the network together."""
        found: list[list[Candidates]] = [[] for _ in photos]
        seen: list[list[Seen]] = [[] for _ in photos]
        by_canvas: dict[tuple[int, int], list[View]] = {}
        for index, photo in enumerate(photos):
            for view in plan_views(index, photo, self.settings):
                by_canvas.setdefault(view.canvas, []).append(view)
        for views in by_canvas.values():
            for start in range(0, len(views), self.settings.batch):
                part = views[start : start + self.settings.batch]
                canvases = torch.stack([paint(photos[view.photo].to(self.device), view) for view in part])
                cells = self._answer(canvases)
                for row, view in enumerate(part):
                    found[view.photo].append(read(cells, row, view, self.settings))
                    seen[view.photo].append(Seen(view, canvases[row]))
        return [
            self._look_closer(own, merge(candidates, photo, self.settings))
            for own, candidates, photo in zip(seen, found, photos, strict=True)
        ]

    def _answer(self, canvases: Images) -> Cells:
        return self.network(canvases.bfloat16().contiguous(memory_format=torch.channels_last))

    def _look_closer(self, seen: list[Seen], faces: list[Detection]) -> list[Detection]:
        """The same faces with points and scores from upright cuts of them, less those that were none."""
        for _ in range(self.settings.num_closer_looks):
            for start in range(0, len(faces), self.settings.batch):
                part = faces[start : start + self.settings.batch]
                moves = torch.stack([photo_from_cut(face) for face in part])
                upright = torch.cat(
                    [cut_out(seen, face, move) for face, move in zip(part, moves, strict=True)]
                )
                both = read_cuts(self._answer(torch.cat((upright, upright.flip(3)))))
                plain, mirrored = both.pick(slice(len(part))), both.pick(slice(len(part), None))
                faces[start : start + len(part)] = [
                    reconsider(face, move, plain.pick(row), mirrored.pick(row))
                    for row, (face, move) in enumerate(zip(part, moves, strict=True))
                ]
        sure = [face for face in faces if face.score >= self.settings.threshold]
        return distinct(sorted(sure, key=lambda face: face.score, reverse=True), self.settings.inside)


def fold_norms(network: DetectorNetwork) -> DetectorNetwork:
    """A copy for inference, its batch norms inside the convolutions."""
    folded = copy.deepcopy(network).eval()
    for module in folded.modules():
        if isinstance(module, ConvNorm) and isinstance(module.norm, nn.BatchNorm2d):
            module.conv = torch.nn.utils.fuse_conv_bn_eval(module.conv, module.norm)
            module.norm = nn.Identity()
    return folded


def plan_views(index: int, photo: Image, settings: DetectorSettings) -> list[View]:
    """The two sizes a photo is seen in; none for one too small to hold a face."""
    height, width = photo.shape[1:]
    long_side = max(height, width)
    if long_side < 6:
        return []
    # between the two sides a photo is seen as it is
    first = max(min(1.0, settings.long_side / long_side), min(4.0, settings.short_view / long_side))
    second = min(first * settings.second_view, settings.largest_second_view / long_side)
    views = []
    for scale, offset in ((first, 0), (second, settings.border)):
        size = [max(1, round(side * scale)) for side in (height, width)]
        views.append(View(index, scale, size[0], size[1], offset))
    return views


def paint(photo: Image, view: View) -> Float[Tensor, "3 canvas_height canvas_width"]:
    """The canvas of a view; its gray is what the network's own padding looks like."""
    size = (view.height, view.width)
    if size != photo.shape[1:]:
        photo = F.interpolate(
            photo[None], size, mode="bilinear", antialias=view.scale < 1, align_corners=False
        )[0]
    height, width = view.canvas
    after = (width - view.width - view.offset, height - view.height - view.offset)
    return F.pad(photo, (view.offset, after[0], view.offset, after[1]), value=0.5)


def read(cells: Cells, row: int, view: View, settings: DetectorSettings) -> Candidates:
    """What one view's answers say of its photo."""
    scores = cells.scores[row].sigmoid()
    sure = (scores > settings.threshold * settings.faint).nonzero()[:, 0]
    if len(sure) > settings.max_candidates:
        sure = sure[scores[sure].topk(settings.max_candidates).indices]
    # half a pixel, as coordinates count from the centres of pixels
    boxes = (cells.boxes[row, sure] - view.offset + 0.5) / view.scale - 0.5
    points = (cells.points[row, sure] - view.offset + 0.5) / view.scale - 0.5
    return Candidates(scores[sure].cpu(), boxes.cpu(), points.cpu())


def merge(parts: list[Candidates], photo: Image, settings: DetectorSettings) -> list[Detection]:
    """One detection for each face, the mean of the answers that agree on it."""
    if not parts:
        return []
    every = Candidates(
        torch.cat([part.scores for part in parts]),
        torch.cat([part.boxes for part in parts]),
        torch.cat([part.points for part in parts]),
    )
    left = every.pick(every.scores.argsort(descending=True, stable=True))
    height, width = photo.shape[1:]
    limit = torch.tensor([width, height, width, height]) - 0.5
    faces = []
    least = settings.threshold * (settings.faint if settings.num_closer_looks else 1.0)
    while len(left.scores) and float(left.scores[0]) >= least:
        same, part = belonging(left.boxes, settings)
        weights = left.scores[same] / left.scores[same].sum()
        faces.append(
            Detection(
                box=torch.minimum((weights @ left.boxes[same]).clamp(min=-0.5), limit),
                points=torch.einsum("n,npc->pc", weights, left.points[same]),
                score=float(left.scores[0]),
            )
        )
        left = left.pick(~(same | part))
    return faces


def belonging(
    boxes: Float[Tensor, "faces 4"], settings: DetectorSettings
) -> tuple[Bool[Tensor, " faces"], Bool[Tensor, " faces"]]:
    """Which answers mean the same face as the first one, and which are a part or a mere neighbour of it."""
    low, high = torch.maximum(boxes[0, :2], boxes[:, :2]), torch.minimum(boxes[0, 2:], boxes[:, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1).clamp(min=1e-6)
    overlap = shared / (area + area[0] - shared)
    same = overlap > 0.5 + settings.same_face / 2
    same[0] = True
    return same, (overlap > settings.same_face) | (shared / area > settings.inside)


def photo_from_cut(face: Detection) -> Affine:
    """Where the pixels of a face's upright cut lie in the photo."""
    side = float((face.box[2:] - face.box[:2]).clamp(min=1).prod().sqrt())
    middle = (face.box[:2] + face.box[2:]) / 2
    turned = similarity(side / FACE_IN_CUT, face.roll, (float(middle[0]), float(middle[1])))
    return compose(turned, translation(-(CUT - 1) / 2, -(CUT - 1) / 2))


def cut_out(seen: list[Seen], face: Detection, photo_from: Affine) -> Float[Tensor, "1 3 cut_side cut_side"]:
    """The upright cut of a face, from the smallest view that has its detail: shrinking costs time."""
    side = float((face.box[2:] - face.box[:2]).clamp(min=1).prod().sqrt())
    detailed = [one for one in seen if side * one.view.scale > 0.75 * FACE_IN_CUT]
    best = min(detailed or seen[:1], key=lambda one: one.view.scale)
    canvas_from_cut = compose(best.view.canvas_from_photo, photo_from)
    return warp_affine(best.canvas[None], canvas_from_cut[None], CUT, CUT, "border", "bilinear")


def read_cuts(cells: Cells) -> Candidates:
    """For each cut the answer that best means the face in its middle; its score counts as far as it fits."""
    low, high = (CUT - 1 - FACE_IN_CUT) / 2, (CUT - 1 + FACE_IN_CUT) / 2
    expected = torch.tensor([low, low, high, high], device=cells.boxes.device)
    corner = torch.maximum(cells.boxes[..., :2], expected[:2])
    shared = (torch.minimum(cells.boxes[..., 2:], expected[2:]) - corner).clamp(min=0).prod(-1)
    area = (cells.boxes[..., 2:] - cells.boxes[..., :2]).prod(-1)
    fit = shared / (area + FACE_IN_CUT**2 - shared)
    scores = cells.scores.sigmoid() * (fit > LEAST_FIT)
    best = (scores * fit).argmax(1)
    rows = torch.arange(len(best), device=best.device)
    return Candidates(scores[rows, best].cpu(), cells.boxes[rows, best].cpu(), cells.points[rows, best].cpu())


def reconsider(face: Detection, photo_from: Affine, plain: Candidates, mirrored: Candidates) -> Detection:
    """A face after it was seen upright, as it is and in a mirror; unseen there, it keeps box and points."""
    seen = plain.scores + mirrored.scores
    score = (face.score + float(seen)) / 3
    if float(seen) == 0:
        return Detection(face.box, face.points, score)
    x0, y0, x1, y1 = mirrored.boxes
    other_box = torch.stack((CUT - 1 - x1, y0, CUT - 1 - x0, y1))
    x, y = mirrored.points[MIRRORED].unbind(-1)
    other_points = torch.stack((CUT - 1 - x, y), -1)
    upright = (plain.scores * plain.points + mirrored.scores * other_points) / seen
    # the first look saw less of the detail but more of the surroundings, which steadies blurred faces
    weight = FIRST_LOOK * face.score / (FIRST_LOOK * face.score + float(seen))
    points = weight * face.points + (1 - weight) * transform_points(photo_from, upright)
    cut_box = (plain.scores * plain.boxes + mirrored.scores * other_box) / seen
    return Detection(reboxed(face.box, photo_from, cut_box), points, score)


def reboxed(box: Box, photo_from: Affine, cut_box: Box) -> Box:
    """The first box, unless the cut shows a face of quite another size or at another place."""
    change = float((cut_box[2:] - cut_box[:2]).clamp(min=1).prod().sqrt()) / FACE_IN_CUT
    cut_middle = (cut_box[:2] + cut_box[2:]) / 2
    moved = float((cut_middle - (CUT - 1) / 2).norm()) / FACE_IN_CUT
    if 0.75 < change < 1.33 and moved < 0.2:
        return box
    middle = transform_points(photo_from, cut_middle[None])[0]
    half = (box[2:] - box[:2]) / 2 * change
    return torch.cat((middle - half, middle + half))
