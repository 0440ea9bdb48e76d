"""Boxes by hand numbers and by counting pixels."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mien.faces import detect
from mien.types import Detection

corners = st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(1, 8), st.integers(1, 8))


def painted(corner):
    x, y, width, height = corner
    grid = torch.zeros(24, 24, dtype=torch.bool)
    grid[y : y + height, x : x + width] = True
    return grid


@given(st.lists(corners, min_size=1, max_size=3), st.lists(corners, min_size=1, max_size=3))
def test_iou_counts_pixels(first, second):
    def boxes(all_corners):
        return torch.tensor([[x, y, x + w, y + h] for x, y, w, h in all_corners], dtype=torch.float32)

    ious = detect.box_iou(boxes(first), boxes(second))
    for i, one in enumerate(first):
        for j, other in enumerate(second):
            shared = (painted(one) & painted(other)).sum() / (painted(one) | painted(other)).sum()
            torch.testing.assert_close(ious[i, j], shared)


def test_boxes_without_area_overlap_nothing():
    empty = torch.tensor([[1.0, 1.0, 1.0, 5.0], [4.0, 4.0, 2.0, 6.0]])
    assert torch.equal(detect.box_areas(empty), torch.zeros(2))
    assert torch.equal(detect.box_iou(empty, empty), torch.zeros(2, 2))


def test_suppression_keeps_the_surest_of_each_heap():
    boxes = torch.tensor([[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10], [2, 0, 12, 10], [30, 1, 40, 11.0]])
    kept = detect.suppress_overlaps(boxes, torch.tensor([0.5, 0.9, 0.3, 0.6, 0.8]), 0.5)
    assert kept.tolist() == [1, 4]


def test_suppression_is_not_a_chain():
    # the middle box falls to the first and may not take the last with it
    boxes = torch.tensor([[0.0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]])
    assert detect.suppress_overlaps(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.3).tolist() == [0, 2]


@pytest.mark.parametrize("num", [0, 1])
def test_suppression_of_few(num):
    boxes = torch.tensor([[0.0, 0, 1, 1]])[:num]
    assert detect.suppress_overlaps(boxes, torch.ones(num), 0.5).tolist() == list(range(num))


@given(st.lists(corners, min_size=1, max_size=12), st.integers(0, 1000))
def test_suppression_leaves_no_two_that_overlap_and_loses_no_heap(all_corners, seed):
    boxes = torch.tensor([[x, y, x + w, y + h] for x, y, w, h in all_corners], dtype=torch.float32)
    scores = torch.rand(len(boxes), generator=torch.Generator().manual_seed(seed))
    kept = detect.suppress_overlaps(boxes, scores, 0.4)
    among = detect.box_iou(boxes[kept], boxes[kept]).fill_diagonal_(0)
    assert among.max() <= 0.4
    for index in set(range(len(boxes))) - set(kept.tolist()):
        over = detect.box_iou(boxes[index : index + 1], boxes[kept])[0] > 0.4
        assert bool((scores[kept][over] >= scores[index]).any())
    assert scores[kept].tolist() == sorted(scores[kept].tolist(), reverse=True)


def test_the_largest_face():
    small, large = (
        Detection(torch.tensor([0.0, 0.0, side, side]), torch.zeros(5, 2), 1 / side) for side in (5.0, 9.0)
    )
    assert detect.largest([small, large]) == [large]
    assert detect.largest([]) == []
