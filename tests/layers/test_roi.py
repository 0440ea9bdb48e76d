import math

import pytest
import torch

from mien.layers.roi import SAMPLES, align_regions


def value_at(plane: torch.Tensor, x: float, y: float) -> float:
    """Bilinear between the four pixels around, the border repeated."""
    height, width = plane.shape
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    left, top = min(math.floor(x), width - 2), min(math.floor(y), height - 2)
    across, down = x - left, y - top
    upper = (1 - across) * plane[top, left] + across * plane[top, left + 1]
    lower = (1 - across) * plane[top + 1, left] + across * plane[top + 1, left + 1]
    return float((1 - down) * upper + down * lower)


def test_agrees_with_a_loop_over_points() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 2, 9, 11, generator=generator, dtype=torch.float64)
    boxes = torch.tensor([[1.5, 2.0, 7.25, 6.0], [-1.0, 3.0, 12.0, 9.5]], dtype=torch.float64)
    size = 4
    found = align_regions(images, boxes, size)
    for picture, (x0, y0, x1, y1) in enumerate(boxes.tolist()):
        for row in range(size):
            for column in range(size):
                points = [
                    (
                        x0 + (x1 - x0) * (column + (i + 0.5) / SAMPLES) / size,
                        y0 + (y1 - y0) * (row + (j + 0.5) / SAMPLES) / size,
                    )
                    for j in range(SAMPLES)
                    for i in range(SAMPLES)
                ]
                for channel in range(2):
                    expected = sum(value_at(images[picture, channel], x, y) for x, y in points) / SAMPLES**2
                    assert float(found[picture, channel, row, column]) == pytest.approx(expected)


def test_gradients_reach_the_pictures() -> None:
    images = torch.rand(1, 1, 6, 6, dtype=torch.float64, requires_grad=True)
    boxes = torch.tensor([[0.7, 1.2, 4.1, 4.9]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda pictures: align_regions(pictures, boxes, 3), images)
