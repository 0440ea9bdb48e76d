"""Label faces more exactly: the 68 points of 3DDFA_V2 averaged over several cuts of each face.

Starts from label files of label_faces.py. Every face is cut out upright, at three scales and three angles,
and seen as it is and in the mirror; what single answers get wrong mostly cancels.

    python tools/refine_labels.py LABELS.npz... --points FILE --out FOLDER
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from label_faces import five_of_68, read_bgr
from teachers import PointTeacher
from torch import Tensor
from torch.nn import functional as F

VIEWS = ((1.0, 0.0), (0.93, 0.0), (1.07, 0.0), (1.0, -9.0), (1.0, 9.0))
"""Scale and degrees of each cut."""
SIDE, LOWERED, SIZE = 1.58, 0.14, 120
"""As the teacher was trained: side over that of the points' box, how much lower its centre is, its pixels."""
BATCH = 8


def rolls(points: Tensor) -> Tensor:
    """Radians by which each face is turned in its picture."""
    left_eye, right_eye, _, left_mouth, right_mouth = five_of_68(points).unbind(-2)
    down = (left_mouth + right_mouth - left_eye - right_eye) / 2
    across = right_eye - left_eye
    return torch.atan2(across[..., 1] - down[..., 0], across[..., 0] + down[..., 1])


def squares(points: Tensor, scale: float, degrees: float) -> tuple[Tensor, Tensor]:
    """Centre (N, 2) and half an edge (N, 2, 2: along x, along y) of an upright cut around each face."""
    angle = rolls(points)
    upright = turned(points, -angle)
    low, high = upright.amin(1), upright.amax(1)
    side = (high - low).mean(-1)
    middle = (low + high) / 2 + LOWERED * side[:, None] * torch.tensor([0.0, 1.0])
    centre = turned(middle[:, None], angle)[:, 0]
    angle = angle + np.deg2rad(degrees)
    half = SIDE * scale * side / 2
    along = torch.stack((angle.cos(), angle.sin()), -1) * half[:, None]
    down = torch.stack((-angle.sin(), angle.cos()), -1) * half[:, None]
    return centre, torch.stack((along, down), 1)


def turned(points: Tensor, angle: Tensor) -> Tensor:
    cosine, sine = angle.cos()[:, None], angle.sin()[:, None]
    x, y = points.unbind(-1)
    return torch.stack((cosine * x - sine * y, sine * x + cosine * y), -1)


def cut(photo: Tensor, centre: Tensor, edges: Tensor) -> Tensor:
    """Sampled twice as finely and averaged; black outside."""
    fine = 2 * SIZE
    steps = (torch.arange(fine) + 0.5) / fine * 2 - 1
    across, down = torch.meshgrid(steps, steps, indexing="xy")
    places = centre + across[..., None] * edges[0] + down[..., None] * edges[1]
    height, width = photo.shape[1:]
    grid = (places + 0.5) / places.new_tensor([width, height]) * 2 - 1
    return F.avg_pool2d(F.grid_sample(photo[None], grid[None], align_corners=False), 2)[0]


def refine(teacher: PointTeacher, photos: list[Tensor], points: Tensor) -> Tensor:
    """Better points for one face in each of the photos."""
    answers = []
    for scale, degrees in VIEWS:
        centre, edges = squares(points, scale, degrees)
        cuts = torch.stack([cut(*one) for one in zip(photos, centre, edges, strict=True)])
        answers.append(centre[:, None] + teacher(cuts) @ edges)
    return torch.stack(answers).mean(0)


def refine_file(teacher: PointTeacher, path: Path, out: Path) -> float:
    """Rewrites one label file; returns how far the points moved, in parts of the face."""
    with np.load(path) as file:
        labels = {name: file[name] for name in file.files}
    owners = np.repeat(np.arange(len(labels["files"])), labels["num_faces"])
    points = torch.from_numpy(labels["points"])
    better = points.clone()
    for start in range(0, len(points), BATCH):
        part = slice(start, start + BATCH)
        photos = [read_bgr(Path(str(labels["files"][owner]))) for owner in owners[part]]
        better[part] = refine(teacher, photos, points[part])
    size = (points.amax(1) - points.amin(1)).prod(-1).sqrt()
    moved = (better - points).norm(dim=-1).mean(-1) / size
    np.savez_compressed(out, **{**labels, "points": better.numpy()})
    return float(moved.mean())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labels", nargs="+", type=Path)
    parser.add_argument("--points", type=Path, required=True, help="3DDFA_V2's mb05 weights")
    parser.add_argument("--out", type=Path, required=True, help="a folder; the names stay")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    teacher = PointTeacher(options.points)
    for path in options.labels:
        moved = refine_file(teacher, path, options.out / path.name)
        print(f"{path.name}: points moved by {100 * moved:.2f} % of the face", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
