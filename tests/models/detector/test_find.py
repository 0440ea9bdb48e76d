import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mien.image.warp import transform_points
from mien.models.detector.find import (
    CUT,
    FACE_IN_CUT,
    Candidates,
    Detector,
    DetectorSettings,
    fold_norms,
    merge,
    paint,
    photo_from_cut,
    plan_views,
    read_cuts,
    reboxed,
    reconsider,
)
from mien.models.detector.network import Cells, DetectorConfig, DetectorNetwork
from mien.types import Detection

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
    return Candidates(torch.tensor(scores), box, box[:, None, :2].expand(-1, 5, 2).contiguous())


@pytest.mark.parametrize("size", [(100, 140), (700, 500), (1500, 2100), (60, 40)])
def test_boxes_come_back_to_the_photo(size: tuple[int, int]) -> None:
    height, width = size
    photo = torch.full((3, height, width), 0.2)
    x0, y0, x1, y1 = width // 4, height // 3, 3 * width // 4, 2 * height // 3
    photo[:, y0:y1, x0:x1] = 1.0
    (face,) = Detector(Brightest(TINY), CPU, DetectorSettings(num_closer_looks=0))(photo)
    truth = torch.tensor([x0 - 0.5, y0 - 0.5, x1 - 0.5, y1 - 0.5])
    # the smaller view knows its edges to a pixel of its own
    assert float((face.box - truth).abs().max()) <= 1.5 * max(size) / 200 + 1
    torch.testing.assert_close(face.points[2], (face.box[:2] + face.box[2:]) / 2, atol=0.5, rtol=0)


def test_nothing_in_a_photo_without_faces() -> None:
    find = Detector(Brightest(TINY), CPU)
    assert find(torch.zeros(3, 90, 120)) == []
    assert find(torch.ones(3, 1, 1)) == []


def test_many_photos_are_found_as_one_by_one() -> None:
    torch.manual_seed(0)
    photos = [torch.rand(3, 64, 80) * 0.5, torch.rand(3, 64, 80) * 0.5, torch.rand(3, 200, 90) * 0.5]
    photos[1][:, 20:40, 30:60] = 1.0
    photos[2][:, 20:90, 30:60] = 1.0
    find = Detector(Brightest(TINY), CPU)
    together = find.find_many(photos)
    assert [len(faces) for faces in together] == [0, 1, 1]
    for faces, photo in zip(together, photos, strict=True):
        for face, alone in zip(faces, find(photo), strict=True):
            torch.testing.assert_close(face.box, alone.box)


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


def test_faint_answers_are_left_out_or_looked_at_again() -> None:
    parts = [candidates([[0, 0, 20, 20]], [0.4])]
    once = DetectorSettings(threshold=0.5, num_closer_looks=0)
    assert merge(parts, torch.zeros(3, 50, 50), once) == []
    again = DetectorSettings(threshold=0.5, faint=0.6, num_closer_looks=1)
    assert len(merge(parts, torch.zeros(3, 50, 50), again)) == 1


MIDDLE = (CUT - 1) / 2
UPRIGHT = torch.tensor([[-24.0, -14], [24, -14], [0, 2], [-19, 21], [19, 21]]) * FACE_IN_CUT / 72 + MIDDLE


def lying(degrees: float) -> Detection:
    """A face of 100 px around (200, 150), turned."""
    angle = math.radians(degrees)
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    points = (UPRIGHT - MIDDLE) @ turn.T * (100 / FACE_IN_CUT) + torch.tensor([200.0, 150.0])
    return Detection(torch.tensor([150.0, 100.0, 250.0, 200.0]), points, 0.6)


@pytest.mark.parametrize("degrees", [0.0, 45.0, 90.0, 180.0, -110.0])
def test_a_face_stands_upright_in_its_cut(degrees: float) -> None:
    face = lying(degrees)
    torch.testing.assert_close(
        transform_points(photo_from_cut(face), UPRIGHT), face.points, atol=2.0, rtol=0.0
    )


def test_two_looks_become_one_answer() -> None:
    face = lying(90.0)
    box = torch.tensor([-1.0, -1.0, 1.0, 1.0]) * FACE_IN_CUT / 2 + MIDDLE
    plain = Candidates(torch.tensor(0.9), box, UPRIGHT)
    mirror_image = (torch.tensor([CUT - 1.0, 0.0]) + UPRIGHT * torch.tensor([-1.0, 1.0]))[[1, 0, 2, 4, 3]]
    again = reconsider(face, photo_from_cut(face), plain, Candidates(torch.tensor(0.9), box, mirror_image))
    assert again.score == pytest.approx((0.6 + 0.9 + 0.9) / 3)
    torch.testing.assert_close(again.points, face.points, atol=2.0, rtol=0.0)
    unseen = Candidates(torch.tensor(0.0), box, UPRIGHT)
    doubted = reconsider(face, photo_from_cut(face), unseen, unseen)
    assert doubted.score == pytest.approx(0.2)
    assert doubted.points is face.points


def test_a_cut_is_read_at_its_middle() -> None:
    middle = [MIDDLE - 40, MIDDLE - 40, MIDDLE + 40, MIDDLE + 40]
    boxes = torch.tensor([[middle, [0.0, 0, 40, 40]], [[0, 0, 40, 40], [150, 150, 190, 190]]])
    scores = torch.tensor([[0.0, 5.0], [5.0, 5.0]])
    cells = Cells(scores, boxes, torch.zeros(2, 2, 5, 2), torch.zeros(2, 2), torch.ones(2))
    seen = read_cuts(cells)
    assert seen.scores.tolist() == pytest.approx([0.5, 0.0])
    assert seen.boxes[0].tolist() == middle


def test_folding_changes_nothing() -> None:
    torch.manual_seed(0)
    network = DetectorNetwork(TINY)
    for _ in range(3):
        network(torch.rand(4, 3, 64, 64))  # gives the norms statistics of their own
    picture = torch.rand(1, 3, 128, 64)
    network.eval()
    torch.testing.assert_close(
        fold_norms(network)(picture).boxes, network(picture).boxes, atol=1e-3, rtol=1e-4
    )


@given(height=st.integers(6, 3000), width=st.integers(6, 3000))
def test_views_fit_their_canvases(height: int, width: int) -> None:
    photo = torch.zeros(3, 1, 1).expand(3, height, width)
    for view in plan_views(0, photo, DetectorSettings()):
        rows, columns = view.canvas
        assert rows % 64 == 0
        assert columns % 64 == 0
        assert view.height + 2 * view.offset <= rows < view.height + 2 * view.offset + 64
        assert max(view.height, view.width) <= 1024


def test_the_canvas_is_gray_around_the_photo() -> None:
    view = plan_views(0, torch.ones(3, 100, 80), DetectorSettings())[1]
    canvas = paint(torch.ones(3, 100, 80), view)
    assert canvas.shape[1:] == view.canvas
    assert float(canvas[:, : view.offset].max()) == 0.5
    inner = canvas[:, view.offset : view.offset + view.height, view.offset : view.offset + view.width]
    assert float(inner.min()) == pytest.approx(1.0)


def test_a_box_twice_too_large_is_made_smaller_and_moved() -> None:
    face = lying(90.0)
    # half as large, and a little to the right of the cut's middle, which is down in the photo
    half, right = FACE_IN_CUT / 4, FACE_IN_CUT / 8
    small = torch.tensor([right - half, -half, right + half, half]) + MIDDLE
    moved = reboxed(face.box, photo_from_cut(face), small)
    down = 150 + 100 / 8
    torch.testing.assert_close(moved, torch.tensor([175.0, down - 25, 225.0, down + 25]), atol=1.0, rtol=0.0)
    nearly = torch.tensor([-0.45, -0.5, 0.5, 0.5]) * FACE_IN_CUT + MIDDLE
    assert reboxed(face.box, photo_from_cut(face), nearly) is face.box
