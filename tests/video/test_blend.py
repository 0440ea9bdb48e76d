import pytest
import torch
import torch.nn.functional as F

from mien.video.blend import Hop, agreement, blended, reach_of
from mien.video.flow import pull


@pytest.fixture
def face():
    coarse = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    return F.interpolate(coarse, (64, 64), mode="bicubic")[0].clamp(0.1, 0.9)


def hop(pixels, x=0.0):
    flow = torch.zeros(2, 64, 64)
    flow[0] = x
    return Hop(pixels.clamp(0, 1), flow)


def grains(face, count, amount=0.04):
    generator = torch.Generator().manual_seed(1)
    return [face + amount * torch.randn(face.shape, generator=generator) for _ in range(count)]


def test_alone_a_recovery_is_itself(face):
    assert torch.allclose(blended(face, [], [], 4), face, atol=1e-6)


def test_grain_goes_and_the_face_stays(face):
    own, *others = grains(face, 9)
    made = blended(own.clamp(0, 1), [hop(p) for p in others[:4]], [hop(p) for p in others[4:]], 4)
    assert (made - face).std() < (own - face).std() / 2
    assert abs(float((made - face).mean())) < 0.005


def test_motion_is_followed(face):
    moved = [hop(face.roll(2 * step, dims=2), 2.0) for step in (1, 2, 3)]
    made = blended(face, [], moved, 3)
    assert (made - face)[:, :, 4:-10].abs().max() < 0.01


def test_what_moved_without_a_flow_leaves_no_ghost(face):
    own = face.clone()
    own[:, 20:44, 20:44] = 0.05
    made = blended(own, [hop(face)] * 4, [hop(face)] * 4, 4)
    assert (made - own)[:, 26:38, 26:38].abs().max() < 0.02


@pytest.mark.parametrize(("away", "is_moved"), [(0.3, True), (1.5, False)])
def test_what_trembles_is_put_on_its_way_and_what_moves_by_itself_is_not(face, away, is_moved):
    flow = torch.zeros(1, 2, 64, 64)
    flow[:, 0] = away
    own = pull(face[None], flow)[0]  # shows at p what the others show at p + away
    side = [hop(face, away), hop(face), hop(face)]
    made = blended(own, side, side, 3)
    inner = (slice(None), slice(8, -8), slice(8, -8))
    off, before = (float((one - face)[inner].abs().mean()) for one in (made, own))
    assert off < before / 2 if is_moved else off == pytest.approx(before, rel=0.02)


def test_a_steady_motion_is_left_alone(face):
    made = blended(face, [hop(face.roll(-1, dims=2), -1.0)], [hop(face.roll(1, dims=2), 1.0)], 1)
    assert (made - face)[:, :, 4:-4].abs().max() < 0.01


def test_agreement_looks_past_grain(face):
    one, other = (grain[None].clamp(0, 1) for grain in grains(face, 2))
    assert agreement(one, other).mean() > 0.8
    assert agreement(one, 1 - one).mean() < 0.4


def test_how_many_frames_are_blended():
    assert [reach_of(1 / rate) for rate in (5, 15, 30, 120)] == [2, 4, 6, 6]
