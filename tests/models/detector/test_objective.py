import pytest
import torch

from mien.models.detector.network import Cells, grid
from mien.models.detector.objective import DetectorObjective, Lesson, generalized_iou, pairwise_iou


def one_grid(side: int = 8, stride: int = 8) -> Cells:
    """Cells that answer with boxes of four strides around themselves."""
    centres = grid(side, side, stride)
    boxes = torch.cat((centres - 2 * stride, centres + 2 * stride), -1)[None]
    points = centres[None, :, None].expand(1, -1, 5, 2).contiguous()
    return Cells(
        torch.zeros(1, len(centres)), boxes, points, centres, torch.full((len(centres),), float(stride))
    )


def lesson(boxes: list[list[float]], kinds: list[int], side: int = 64) -> Lesson:
    box = torch.tensor([boxes])
    middle = (box[..., :2] + box[..., 2:]) / 2
    points = middle[:, :, None].expand(-1, -1, 5, -1).contiguous()
    return Lesson(torch.zeros(1, 3, side, side), box, points, torch.tensor([kinds]))


def test_cells_near_the_centre_answer_and_no_others() -> None:
    owner = DetectorObjective().assign(one_grid(), lesson([[11.5, 11.5, 43.5, 43.5]], [1]))[0]
    taken = (owner >= 0).nonzero()[:, 0]
    assert 1 <= len(taken) <= 8
    away = (one_grid().centres[taken] - torch.tensor([27.5, 27.5])).abs().amax(-1)
    assert float(away.max()) < 16
    assert int(owner[3 * 8 + 3]) == 0  # the cell whose box is the face's


def test_neither_empty_room_nor_ignored_regions_are_answered_for() -> None:
    owner = DetectorObjective().assign(
        one_grid(), lesson([[11.5, 11.5, 43.5, 43.5], [0.0, 0.0, 0.0, 0.0]], [2, 0])
    )
    assert int((owner >= 0).sum()) == 0


def test_a_face_too_large_or_small_for_a_grid_is_left_to_others() -> None:
    wanted = lesson([[30.0, 30.0, 34.0, 34.0]], [1])
    assert int((DetectorObjective().assign(one_grid(), wanted) >= 0).sum()) == 0
    wanted = lesson([[-50.0, -50.0, 114.0, 114.0]], [1])
    assert int((DetectorObjective().assign(one_grid(), wanted) >= 0).sum()) == 0


def test_of_two_faces_a_cell_answers_for_the_one_it_suits() -> None:
    owner = DetectorObjective().assign(
        one_grid(), lesson([[3.5, 3.5, 35.5, 35.5], [27.5, 27.5, 59.5, 59.5]], [1, 1])
    )[0]
    assert int(owner[2 * 8 + 2]) == 0
    assert int(owner[5 * 8 + 5]) == 1


def test_perfect_answers_cost_nothing_but_doubt() -> None:
    wanted = lesson([[11.5, 11.5, 43.5, 43.5]], [1])
    losses = DetectorObjective(num_candidates=1).judge(one_grid(), wanted)
    assert float(losses.terms["box"]) == pytest.approx(0.0, abs=1e-6)
    assert float(losses.terms["points"]) == pytest.approx(0.0, abs=1e-6)
    assert float(losses.terms["score"]) > 0


def test_nothing_is_asked_inside_ignored_regions() -> None:
    cells = one_grid()
    whole = lesson([[-0.5, -0.5, 63.5, 63.5]], [2])
    assert float(DetectorObjective().judge(cells, whole).total) == 0.0
    nothing = lesson([[0.0, 0.0, 0.0, 0.0]], [0])
    # at score 1/2 each empty cell costs 1/4 log 2
    expected = 64 * 0.25 * float(torch.log(torch.tensor(2.0)))
    assert float(DetectorObjective().judge(cells, nothing).total) == pytest.approx(expected, rel=1e-5)


def test_overlaps_by_hand() -> None:
    one, other = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 0.0, 3.0, 2.0]])
    assert float(pairwise_iou(one[None], other[None])) == pytest.approx(1 / 3)
    assert float(generalized_iou(one, other)) == pytest.approx(1 / 3)
    # apart: nothing shared, and the box around both is a third empty
    apart = torch.tensor([[4.0, 0.0, 6.0, 2.0]])
    assert float(generalized_iou(one, apart)) == pytest.approx(-1 / 3)


def test_descending_leads_to_the_face() -> None:
    wanted = lesson([[10.0, 13.0, 40.0, 42.0]], [1])
    start = one_grid()
    scores, boxes, points = (part.clone().requires_grad_() for part in start[:3])
    optimizer = torch.optim.Adam([scores, boxes, points], lr=0.3)
    for _ in range(80):
        losses = DetectorObjective().judge(Cells(scores, boxes, points, start.centres, start.strides), wanted)
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
    best = int(scores[0].argmax())
    torch.testing.assert_close(boxes[0, best].detach(), wanted.boxes[0, 0], atol=1.0, rtol=0)
    torch.testing.assert_close(points[0, best].detach(), wanted.points[0, 0], atol=1.5, rtol=0)
    assert int((scores.sigmoid() > 0.5).sum()) <= 8
