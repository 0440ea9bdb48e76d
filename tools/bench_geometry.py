"""Time what draws faces: the rasteriser's two faces, and views for training, on one core.

    python tools/bench_geometry.py [--repeats N]

Each figure is processor time, the least of many runs, so that other work on the machine hardly counts.
"""

import argparse
import time
from collections.abc import Callable
from importlib.util import find_spec

import torch
from torch import Tensor

from mien.geometry.camera import WeakPerspective
from mien.geometry.fit import Fit
from mien.geometry.mesh import close_openings
from mien.geometry.rasterize import Rasterizer, rasterize
from mien.geometry.rotate import RotationSettings, fitted_face, training_views
from mien.zoo.load import load_morphable

SIDE = 256
GRID = 100
"""Vertices along each side of the drawn sheet: 10,000 in all."""
VIEW_SIDE, BATCH = 128, 8
YAWS = (-75.0, -45.0, -15.0, 15.0, 45.0, 75.0)


def sheet() -> tuple[Tensor, Tensor]:
    """A bulging sheet, projected, as large in the picture as a face, and its 19,602 triangles, all seen."""
    line = torch.linspace(0.12, 0.88, GRID) * SIDE
    y, x = torch.meshgrid(line, line, indexing="ij")
    depth = ((x - SIDE / 2) ** 2 + (y - SIDE / 2) ** 2) / SIDE
    jitter = torch.rand(2, GRID, GRID, generator=torch.Generator().manual_seed(0)) - 0.5
    points = torch.stack((x + jitter[0], y + jitter[1], depth), -1).view(1, -1, 3)
    places = torch.arange(GRID * GRID).view(GRID, GRID)
    a, b, c, d = (p.flatten() for p in (places[:-1, :-1], places[:-1, 1:], places[1:, :-1], places[1:, 1:]))
    return points, torch.cat((torch.stack((a, c, b), 1), torch.stack((b, c, d), 1)))


def least_milliseconds(work: Callable[[], object], repeats: int) -> float:
    work()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1000 * min(times)


def views_per_second(draw: Rasterizer, repeats: int) -> float:
    """Of 128 px, warped background and all, from photos whose faces are fitted already."""
    model = load_morphable("cpu")
    closure = close_openings(model.triangles, len(model.mean))
    generator = torch.Generator().manual_seed(0)
    camera = WeakPerspective(torch.full((BATCH,), 45.0), torch.full((BATCH, 2), (VIEW_SIDE - 1) / 2))
    fit = Fit(
        torch.randn(BATCH, 40, generator=generator),
        torch.randn(BATCH, 10, generator=generator),
        torch.eye(3).expand(BATCH, 3, 3),
        camera,
    )
    pictures = torch.rand(BATCH, 3, VIEW_SIDE, VIEW_SIDE, generator=generator)

    def work() -> None:
        face = fitted_face(model, fit, closure)
        landmarks = model.landmark_points(face.vertices)
        training_views(pictures, face, landmarks, YAWS, RotationSettings(draw=draw))

    return 1000 * BATCH * len(YAWS) / least_milliseconds(work, repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repeats", type=int, default=100)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    drawers: dict[str, Rasterizer] = {"torch": rasterize}
    if find_spec("numba") is None:
        print("numba is not installed: pip install 'mien[train]' draws faster")
    else:
        from mien.geometry.rasterize_numba import rasterize_compiled

        drawers["numba"] = rasterize_compiled
    points, triangles = sheet()
    with torch.no_grad():
        for name, draw in drawers.items():
            spent = least_milliseconds(lambda: draw(points, triangles, SIDE, SIDE), repeats)  # noqa: B023
            print(f"rasterise {GRID * GRID:,} vertices, {SIDE} px, {name}: {spent:.2f} ms")
        for name, draw in drawers.items():
            speed = views_per_second(draw, max(repeats // 10, 3))
            print(f"training views, {VIEW_SIDE} px, {name}: {speed:.0f} a second")


if __name__ == "__main__":
    main()
