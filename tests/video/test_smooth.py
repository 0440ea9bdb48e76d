import math

import numpy as np
import pytest
import torch

from mien.faces.align import fit, template_points
from mien.image.warp import similarity, transform_points
from mien.types import Detection
from mien.video.smooth import STIFFNESS, local_fit, unwrapped, way_of
from mien.video.track import Track

RATE = 20


def face(matrix):
    """A face that `fit` puts there."""
    points = transform_points(matrix, template_points("ffhq", 64).double())
    centre = points.mean(dim=0)
    side = 1.2 * float((points[3] - points[0]).norm())
    return Detection(torch.cat((centre - side, centre + side)).float(), points.float(), 0.9)


def track_of(faces, frames=None):
    track = Track(0, 0)
    for index, one in zip(frames or range(len(faces)), faces, strict=True):
        track.add(index, one)
    return track


def way(track, num_frames=None, rate=RATE):
    num_frames = num_frames or track.frames[-1] + 1
    times = torch.arange(num_frames, dtype=torch.float64) / rate
    return way_of(track, times, (0, num_frames - 1), "ffhq", 64)


def moving(t):
    return similarity(1 + 0.1 * t, 170 + 40 * t, (30 + 60 * t, 20 - 10 * t))


def test_a_local_parabola_beside_numpy():
    times = torch.linspace(0, 1.4, 30, dtype=torch.float64)
    values = torch.randn(30, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    spread, moment = 0.3, 0.7
    apart = (times.numpy() - moment) / spread
    shares = np.exp(-0.5 * apart**2)
    powers = np.stack((np.ones(30), apart, apart**2), axis=1)
    weighted = powers * shares[:, None]
    held = np.diag(STIFFNESS) * shares.sum()
    wanted = np.linalg.solve(weighted.T @ powers + held, weighted.T @ values[:, 0].numpy())
    got = local_fit(
        times, values, torch.ones(30).double(), torch.tensor([moment], dtype=torch.float64), spread
    )
    assert float(got[0, 0]) == pytest.approx(wanted[0], abs=1e-9)


def test_a_steady_motion_is_followed_through_a_full_turn():
    followed = way(track_of([face(moving(t / RATE)) for t in range(60)]))
    pose = followed.at(1.5)
    corners = torch.tensor([[0.0, 0], [63, 0], [63, 63]], dtype=torch.float64)
    wanted = transform_points(moving(1.5), corners)
    assert (transform_points(pose.photo_from_crop, corners) - wanted).norm(dim=1).max() < 0.5


def test_trembling_is_taken_out():
    generator = torch.Generator().manual_seed(3)
    exact = [face(similarity(1.0, 10.0, (30 + t, 20))) for t in range(60)]
    shaken = [
        Detection(one.box, one.points + torch.randn(5, 2, generator=generator), one.score) for one in exact
    ]
    steady = way(track_of(shaken))

    def error(matrix, t):
        return (matrix - fit(exact[t], "ffhq", 64))[:, 2].norm()

    raw = torch.stack([error(fit(shaken[t], "ffhq", 64), t) for t in range(60)])
    smooth = torch.stack([error(steady.at(t / RATE).photo_from_crop, t) for t in range(60)])
    assert smooth.mean() < raw.mean() / 2


def test_a_blunder_counts_for_nothing():
    faces = [face(similarity(1.0, 0.0, (30 + t, 20))) for t in range(40)]
    wrong = faces[20]
    faces[20] = Detection(wrong.box, wrong.points + torch.tensor([25.0, -9.0]), wrong.score)
    place = way(track_of(faces)).at(1.0).photo_from_crop
    assert (place - similarity(1.0, 0.0, (50, 20))).abs().max() < 0.3


def test_a_loss_is_bridged():
    frames = [t for t in range(40) if not 15 <= t < 28]
    track = track_of([face(similarity(1.0, 0.0, (30 + t, 20))) for t in frames], frames)
    middle = way(track, 40).at(21 / RATE).photo_from_crop
    assert (middle[:, 2] - torch.tensor([51.0, 20.0])).abs().max() < 1.0


def test_uneven_times_do_no_harm():
    moments = torch.tensor([0.0, 0.03, 0.1, 0.12, 0.2, 0.33, 0.35, 0.4, 0.5], dtype=torch.float64)
    track = track_of([face(similarity(1.0, 0.0, (100 * float(t), 0.0))) for t in moments])
    steady = way_of(track, moments, (0, 8), "ffhq", 64)
    for moment in moments.tolist():
        assert abs(float(steady.at(moment).photo_from_crop[0, 2]) - 100 * moment) < 1.2


def test_faces_come_and_go_softly_but_not_at_cuts():
    faces = [face(similarity(1.0, 0.0, (30, 20)))] * 20
    whole = way(track_of(faces))
    assert whole.at(0.0).strength == whole.at(0.95).strength == 1
    inside = way(track_of(faces, list(range(10, 30))), 40)
    shown = [inside.at(t / RATE).strength for t in range(10, 30)]
    assert 0 < shown[0] < shown[1] < shown[2] < shown[10] == 1
    assert 0 < shown[-1] < shown[-2]


def test_one_sight_is_a_way_too():
    pose = way(track_of([face(moving(0.0))])).at(0.0)
    assert (pose.photo_from_crop - moving(0.0)).abs().max() < 1e-3


def test_angles_without_jumps():
    angles = torch.tensor([3.0, 3.1, -3.1, -3.0, 3.0])
    smooth = unwrapped(angles)
    assert (smooth.diff().abs() < 0.3).all()
    assert torch.allclose(torch.cos(smooth), torch.cos(angles), atol=1e-5)
    assert float(smooth[2]) == pytest.approx(2 * math.pi - 3.1, abs=1e-5)
