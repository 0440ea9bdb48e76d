import math

import pytest
import torch
from torch import Tensor

from mien.image.warp import transform_points
from mien.models.look.look import LookSettings, SecondLook, meet, photo_from_cuts, unmirror
from mien.models.look.network import LookConfig, LookNetwork, Sight
from mien.types import Detection

TINY = LookConfig(
    cut_size=96, face_size=64.0, stem_width=4, widths=(4, 4, 4), depths=(0, 1, 0), last_width=4, hidden=8
)
CPU = torch.device("cpu")
MIDDLE = 47.5
UPRIGHT = torch.tensor([[-16.0, -9], [16, -9], [0, 2], [-13, 14], [13, 14]]) + MIDDLE


def lying(degrees: float, side: float = 100.0) -> Detection:
    """A face around (200, 150), turned."""
    angle = math.radians(degrees)
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    points = (UPRIGHT - MIDDLE) @ turn.T * (side / 64) + torch.tensor([200.0, 150.0])
    half = side / 2
    return Detection(torch.tensor([200 - half, 150 - half, 200 + half, 150 + half]), points, 0.6)


class Brightest(LookNetwork):
    """Says of a cut where its brightest pixels are, which are taken for all five points."""

    def forward(self, cuts: Tensor) -> Sight:
        places = []
        for cut in cuts.float():
            rows, columns = (cut.mean(0) > 0.5).nonzero().float().unbind(1)
            places.append(torch.stack((columns.mean(), rows.mean())))
        place = torch.stack(places)
        return Sight(
            torch.full((len(cuts),), 2.0),
            torch.cat((place - 32, place + 32), 1),
            place[:, None].expand(-1, 5, 2).contiguous(),
        )


@pytest.mark.parametrize("degrees", [0.0, 45.0, 90.0, 180.0, -110.0])
def test_a_face_stands_upright_in_its_cut(degrees: float) -> None:
    face = lying(degrees)
    torch.testing.assert_close(
        transform_points(photo_from_cuts([face], 96, 64.0)[0], UPRIGHT), face.points, atol=1.0, rtol=0.0
    )


@pytest.mark.parametrize("degrees", [0.0, 60.0, 180.0])
@pytest.mark.parametrize("side", [40.0, 100.0, 300.0])
def test_what_is_seen_in_the_cut_comes_back_to_the_photo(degrees: float, side: float) -> None:
    photo = torch.zeros(3, 300, 400)
    photo[:, 156:165, 216:225] = 1.0  # around (220, 160)
    look = SecondLook(Brightest(TINY), CPU)
    (seen,) = look(photo, [lying(degrees, side)])
    place = torch.tensor([220.0, 160.0])
    torch.testing.assert_close(seen.points, place.expand(5, 2), atol=0.02 * side, rtol=0.0)
    torch.testing.assert_close(seen.box.view(2, 2).mean(0), place, atol=0.02 * side, rtol=0.0)
    assert float(seen.box[2] - seen.box[0]) == pytest.approx(side, rel=0.01)
    assert seen.score == pytest.approx(1 / (1 + math.exp(-2)), abs=1e-3)


def test_faces_keep_their_order_over_batches() -> None:
    photo = torch.rand(3, 300, 400, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    network = LookNetwork(TINY).eval()
    faces = [lying(10.0 * index, 60.0 + 20 * index) for index in range(5)]
    at_once = SecondLook(network, CPU)(photo, faces)
    in_parts = SecondLook(network, CPU, LookSettings(batch=2))(photo, faces)
    for one, other in zip(at_once, in_parts, strict=True):
        torch.testing.assert_close(one.points, other.points, atol=1.0, rtol=0.0)
    assert SecondLook(network, CPU)(photo, []) == []


def test_a_mirror_of_a_mirror_is_nothing() -> None:
    torch.manual_seed(0)
    sight = Sight(torch.rand(2), torch.rand(2, 4) * 96, torch.rand(2, 5, 2) * 96)
    for before, after in zip(sight, unmirror(unmirror(sight, 96), 96), strict=True):
        torch.testing.assert_close(after, before)
    assert torch.equal(unmirror(sight, 96).points[:, 1, 0], 95 - sight.points[:, 0, 0])


def test_two_answers_meet_halfway() -> None:
    one = Sight(torch.tensor([1.0]), torch.zeros(1, 4), torch.zeros(1, 5, 2))
    other = Sight(torch.tensor([3.0]), torch.ones(1, 4), torch.ones(1, 5, 2))
    met = meet(one, other)
    assert met.scores.tolist() == [2.0]
    assert float(met.boxes.mean()) == 0.5
    assert float(met.points.mean()) == 0.5
