"""Label the faces of a folder of photos with two teacher networks the user has downloaded.

RetinaFace proposes boxes, 3DDFA_V2 places 68 points in each; a face on which both agree is
kept, any other proposal becomes a region to ignore. Label clean photos; damage them afterwards.

    python tools/label_faces.py PHOTOS... --retinaface FILE --points FILE --out LABELS.npz
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from teachers import PointTeacher, RetinaFace
from torch import Tensor
from torch.nn import functional as F

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
NUM_POINTS = 68


@dataclass(frozen=True)
class Settings:
    """What is kept and what is ignored."""

    content: int = 288
    """Long side of a photo as RetinaFace sees it."""
    margin: int = 48
    """Border around it, so that a face filling the photo still has surroundings."""
    sure_score: float = 0.5
    faint_score: float = 0.04
    """Fainter than sure, but too face-like to serve as background."""
    max_disagreement: float = 0.12
    """Between the two teachers' five points, in box sides; in profiles RetinaFace's are loose: take 0.3."""
    batch: int = 16


def five_of_68(points: Tensor) -> Tensor:
    """Two eye centres, nose tip, two mouth corners, of (..., 68, 2)."""
    eyes = [points[..., 36:42, :].mean(-2), points[..., 42:48, :].mean(-2)]
    return torch.stack([*eyes, points[..., 30, :], points[..., 48, :], points[..., 54, :]], -2)


def read_bgr(path: Path) -> Tensor:
    with Image.open(path) as picture:
        pixels = np.array(picture.convert("RGB"))
    return torch.from_numpy(pixels).flip(-1).permute(2, 0, 1).float()


def letterbox(photo: Tensor, settings: Settings) -> tuple[Tensor, float]:
    """The photo on a gray square, and how much it was enlarged."""
    scale = settings.content / max(photo.shape[1:])
    size = [max(1, round(side * scale)) for side in photo.shape[1:]]
    small = F.interpolate(photo[None], size, mode="bilinear", antialias=True, align_corners=False)
    side = settings.content + 2 * settings.margin
    square = small.new_full((3, side, side), 110.0)
    square[:, settings.margin : settings.margin + size[0], settings.margin : settings.margin + size[1]] = (
        small[0]
    )
    return square, scale


def overlap(box: Tensor, others: Tensor) -> Tensor:
    low, high = torch.maximum(box[:2], others[:, :2]), torch.minimum(box[2:], others[:, 2:])
    both = (high - low).clamp(min=0).prod(-1)
    return both / ((box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(-1) - both)


def suppress(scores: Tensor, boxes: Tensor, limit: float = 0.35) -> list[int]:
    order = scores.argsort(descending=True).tolist()
    kept: list[int] = []
    for index in order:
        if not kept or float(overlap(boxes[index], boxes[kept]).max()) < limit:
            kept.append(index)
    return kept


def propose(
    teacher: RetinaFace, photos: list[Tensor], settings: Settings
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Scores, boxes and five points of each photo, in its own pixels (edges at -0.5)."""
    squares, scales = zip(*(letterbox(photo, settings) for photo in photos), strict=True)
    found = []
    for score, box, points, scale in zip(*teacher(torch.stack(squares)), scales, strict=True):
        likely = score > settings.faint_score
        score, box, points = score[likely], box[likely], points[likely]
        kept = suppress(score, box)
        place = [(value[kept] - settings.margin) / scale - 0.5 for value in (box, points)]
        found.append((score[kept], *place))
    return found


def cut(photo: Tensor, centre: Tensor, side: Tensor, size: int = 120) -> Tensor:
    """A square of the photo, sampled twice as finely and averaged; black outside."""
    fine = 2 * size
    steps = (torch.arange(fine) + 0.5) / fine - 0.5
    height, width = photo.shape[1:]
    columns = (centre[0] + steps * side + 0.5) / width * 2 - 1
    rows = (centre[1] + steps * side + 0.5) / height * 2 - 1
    grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)
    return F.avg_pool2d(F.grid_sample(photo[None], grid[None], align_corners=False), 2)[0]


def place_points(teacher: PointTeacher, photos: list[Tensor], boxes: Tensor, passes: int = 2) -> Tensor:
    """68 points for one box per photo; the second pass starts from the first one's points."""
    points = boxes.new_zeros(0, NUM_POINTS, 2)
    for _ in range(passes):
        mean_side = (boxes[:, 2:] - boxes[:, :2]).mean(-1)
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2
        centre = torch.stack((centre[:, 0], centre[:, 1] + 0.14 * mean_side), -1)
        side = 1.58 * mean_side
        crops = [cut(photo, *where) for photo, *where in zip(photos, centre, side, strict=True)]
        answer = teacher(torch.stack(crops))
        points = centre[:, None] + answer / 2 * side[:, None, None]
        boxes = torch.cat((points.amin(1), points.amax(1)), -1)
    return points


def label_batch(
    boxes_from: RetinaFace, points_from: PointTeacher, photos: list[Tensor], settings: Settings
) -> list[dict[str, np.ndarray]]:
    proposals = propose(boxes_from, photos, settings)
    owners = [index for index, (score, _, _) in enumerate(proposals) for _ in score]
    boxes = torch.cat([box for _, box, _ in proposals])
    fives = torch.cat([five for _, _, five in proposals])
    scores = torch.cat([score for score, _, _ in proposals])
    points = torch.zeros(len(owners), NUM_POINTS, 2)
    sure = (scores > settings.sure_score).nonzero().flatten()
    if len(sure):
        points[sure] = place_points(points_from, [photos[owners[int(index)]] for index in sure], boxes[sure])
    side = (boxes[:, 2:] - boxes[:, :2]).prod(-1).clamp(min=1).sqrt()
    distance = (five_of_68(points) - fives).norm(dim=-1).mean(-1) / side
    agreed = (scores > settings.sure_score) & (distance < settings.max_disagreement)
    owner = torch.tensor(owners, dtype=torch.long)
    labels = []
    for index in range(len(photos)):
        mine, doubted = (owner == index) & agreed, (owner == index) & ~agreed
        labels.append(
            {
                "points": points[mine].numpy(),
                "scores": scores[mine].numpy(),
                "distance": distance[mine].numpy(),
                "ignore": boxes[doubted].numpy(),
                "ignore_scores": scores[doubted].numpy(),
            }
        )
    return labels


def find_photos(roots: list[Path]) -> list[Path]:
    files = [file for root in roots for file in ([root] if root.is_file() else sorted(root.rglob("*")))]
    return [file for file in files if file.suffix.lower() in SUFFIXES]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--retinaface", type=Path, required=True, help="retinaface_mobilenet025.pth")
    parser.add_argument("--points", type=Path, required=True, help="3DDFA_V2's mb05 weights")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--max-disagreement", type=float, default=Settings.max_disagreement)
    options = parser.parse_args()
    settings = Settings(max_disagreement=options.max_disagreement)
    boxes_from, points_from = RetinaFace(options.retinaface), PointTeacher(options.points)
    files = find_photos(options.photos)
    labels = []
    for start in range(0, len(files), settings.batch):
        photos = [read_bgr(file) for file in files[start : start + settings.batch]]
        labels += label_batch(boxes_from, points_from, photos, settings)
        if start % (50 * settings.batch) == 0:
            print(f"{start} of {len(files)}", file=sys.stderr, flush=True)
    columns = {
        name: np.concatenate([label[name] for label in labels])
        for name in ("points", "scores", "distance", "ignore", "ignore_scores")
    }
    counts = {
        "num_faces": np.array([len(label["scores"]) for label in labels]),
        "num_ignored": np.array([len(label["ignore"]) for label in labels]),
    }
    np.savez_compressed(options.out, files=np.array([str(file) for file in files]), **columns, **counts)
    print(f"{int(counts['num_faces'].sum())} faces in {len(files)} photos: {options.out}")


if __name__ == "__main__":
    main()
