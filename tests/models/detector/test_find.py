import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mien.models.detector.find import Candidates, Detector, DetectorSettings, merge, paint, plan_views
from mien.models.detector.network import Cells, DetectorConfig, DetectorNetwork

TINY = DetectorConfig(stem_widths=(4, 4), widths=(4, 4, 6, 6), depths=(0, 1, 0, 0), neck_width=4)
CPU = torch.device("cpu")


class Brightest(DetectorNetwork):
    """Answers with a box around what is white, as a trained network would around a face."""

    def forward(self, images: Tensor) -> Cells:
        scores, boxes, points = [], [], []
        for image in images.float():
            rows, columns = (image.amin(0) > 0.9).nonzero().unbind(1)
            found = len(rows) > 0
            edges = [columns.min(), rows.min(), columns.max(), rows.max()] if found else [torch.tensor(0)] * 4
            box = torch.stack(edges).float() + torch.tensor([-0.5, -0.5, 0.5, 0.5])
            scores.append(torch.tensor([4.0 if found else -9.0]))
            boxes.append(box[None])
            middle = (box[:2] + box[2:]) / 2
            points.append(middle.expand(1, 5, 2))
        return Cells(
            torch.stack(scores), torch.stack(boxes), torch.stack(points), torch.zeros(1, 2), torch.ones(1)
        )


def candidates(boxes: list[list[float]], scores: list[float]) -> Candidates:
    box = torch.tensor(boxes, dtype=torch.float32)
    points = box[:, None, :2].expand(-1, 5, 2)
    return Candidates(np.array(scores, np.float32), box.numpy(), points.numpy())


@pytest.mark.parametrize("size", [(100, 140), (700, 500), (1500, 2100), (60, 40)])
def test_boxes_come_back_to_the_photo(size: tuple[int, int]) -> None:
    height, width = size
    photo = torch.full((3, height, width), 0.2)
    x0, y0, x1, y1 = width // 4, height // 3, 3 * width // 4, 2 * height // 3
    photo[:, y0:y1, x0:x1] = 1.0
    (face,) = Detector(Brightest(TINY), CPU)(photo)
    truth = torch.tensor([x0 - 0.5, y0 - 0.5, x1 - 0.5, y1 - 0.5])
    # the smaller view knows its edges to a pixel of its own
    assert float((face.box - truth).abs().max()) <= 1.5 * max(size) / 200 + 1
    torch.testing.assert_close(face.points[2], (face.box[:2] + face.box[2:]) / 2, atol=0.5, rtol=0)


def test_nothing_in_a_photo_without_faces() -> None:
    find = Detector(Brightest(TINY), CPU)
    assert find(torch.zeros(3, 90, 120)) == []
    assert find(torch.ones(3, 1, 1)) == []


def test_answers_that_agree_become_their_mean() -> None:
    parts = [candidates([[0, 0, 10, 10], [0, 0, 10, 11]], [0.9, 0.6]), candidates([[30, 30, 40, 40]], [0.7])]
    faces = merge(parts, torch.zeros(3, 50, 50), DetectorSettings())
    assert [face.score for face in faces] == pytest.approx([0.9, 0.7])
    assert faces[0].box.tolist() == pytest.approx([0, 0, 10, 10.4])


def test_a_part_of_a_face_is_no_face() -> None:
    parts = [candidates([[0, 0, 40, 40], [5, 5, 15, 15]], [0.9, 0.8])]
    assert len(merge(parts, torch.zeros(3, 50, 50), DetectorSettings())) == 1


def test_neighbours_are_two_faces() -> None:
    parts = [candidates([[0, 0, 20, 20], [14, 0, 34, 20]], [0.9, 0.8])]
    assert len(merge(parts, torch.zeros(3, 50, 50), DetectorSettings())) == 2


@given(height=st.integers(6, 3000), width=st.integers(6, 3000))
def test_views_fit_their_canvases(height: int, width: int) -> None:
    photo = torch.zeros(3, 1, 1).expand(3, height, width)
    for view in plan_views(photo, DetectorSettings()):
        rows, columns = view.canvas
        assert rows % 64 == 0
        assert columns % 64 == 0
        assert view.height + 2 * view.offset <= rows < view.height + 2 * view.offset + 64
        assert max(view.height, view.width) <= 1024


def test_the_canvas_is_gray_around_the_photo() -> None:
    view = plan_views(torch.ones(3, 100, 80), DetectorSettings())[1]
    canvas = paint(torch.ones(3, 100, 80), view)
    assert canvas.shape[1:] == view.canvas
    assert float(canvas[:, : view.offset].max()) == 0.5
    inner = canvas[:, view.offset : view.offset + view.height, view.offset : view.offset + view.width]
    assert float(inner.min()) == pytest.approx(1.0)
