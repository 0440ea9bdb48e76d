"""The reader's network: shapes, a face that looks ahead to begin with, and losses that know their aim."""

from dataclasses import replace

import pytest
import torch

from mien.geometry.fit import LandmarkBasis
from mien.geometry.pose import rotation_from_angles, six_from_rotation
from mien.models.reader.network import Answer, ReaderConfig, ReaderNetwork
from mien.models.reader.objective import Lesson, ReaderObjective, Truth, feature_distance, projected

TINY = ReaderConfig(
    crop_size=32,
    face_size=20.0,
    stem_width=4,
    widths=(6, 8),
    depths=(1, 1),
    last_width=4,
    hidden=16,
    num_identity=3,
    num_expression=2,
    num_albedo=4,
)


@pytest.fixture
def basis():
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(68, 3, generator=generator)
    return LandmarkBasis(mean, 0.1 * torch.randn(5, 68, 3, generator=generator))


@pytest.fixture
def truth(basis):
    """Two faces of the model, seen by a camera."""
    rotation = rotation_from_angles(torch.tensor([[30.0, 5.0, -10.0], [-70.0, 0.0, 20.0]]))
    known = Truth(
        points=torch.zeros(2, 68, 2),
        rotation=rotation,
        scale=torch.tensor([6.0, 7.0]),
        shift=torch.tensor([[15.0, 16.0], [14.0, 17.0]]),
        identity=torch.tensor([[1.0, 0.5, -1.0], [0.0, 1.0, 2.0]]),
        expression=torch.tensor([[0.3, 0.0], [-0.5, 1.0]]),
        albedo=torch.ones(2, 4),
        light=torch.ones(2, 9, 3),
    )
    return replace(known, points=projected(answer_of(known), rotation, basis))


def answer_of(truth):
    """Who knows it all."""
    return Answer(
        truth.points,
        six_from_rotation(truth.rotation),
        truth.scale,
        truth.shift,
        truth.identity,
        truth.expression,
        truth.albedo,
        truth.light,
        torch.zeros(2),
        torch.zeros(2),
        (),
    )


def test_a_fresh_network_sees_a_face_that_looks_ahead():
    answer = ReaderNetwork(TINY).eval()(torch.rand(2, 3, 32, 32))
    assert answer.points.shape == (2, 68, 2)
    assert answer.light.shape == (2, 9, 3)
    assert [part.shape[1] for part in (answer.identity, answer.expression, answer.albedo)] == [3, 2, 4]
    assert [tuple(part.shape[1:]) for part in answer.maps] == [(6, 8, 8), (8, 4, 4), (16, 1, 1)]
    expected = torch.tensor([1.0, 0, 0, 0, 1.0, 0]).expand(2, 6)
    torch.testing.assert_close(answer.turn, expected, atol=0.5, rtol=0)


def test_positions_stay_exact_under_autocast():
    network = ReaderNetwork(TINY).eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        answer = network(torch.rand(1, 3, 32, 32))
    assert answer.points.dtype == torch.float32


def test_sizes_that_do_not_fit():
    with pytest.raises(ValueError, match="does not divide"):
        ReaderConfig(crop_size=100)
    with pytest.raises(ValueError, match="make no stages"):
        ReaderConfig(depths=(1,))


def lesson_of(truth, faces=(True, True)):
    return Lesson(torch.zeros(2, 3, 32, 32), truth, torch.tensor(faces), torch.tensor([0.0, 0.5]))


def test_the_truth_costs_nothing(truth, basis):
    terms = ReaderObjective().terms(answer_of(truth), lesson_of(truth), basis)
    for name in ("points", "projected", "turn", "camera", "coefficients", "albedo", "light"):
        assert float(terms[name]) == pytest.approx(0, abs=1e-4), name


def test_an_error_is_measured_in_parts_of_the_face(truth, basis):
    answer = answer_of(truth)
    moved = answer._replace(points=answer.points + truth.size[:, None, None] * torch.tensor([0.03, 0.04]))
    terms = ReaderObjective().terms(moved, lesson_of(truth), basis)
    assert float(terms["points"]) == pytest.approx(0.05, rel=1e-3)


def test_pictures_without_a_face_teach_certainty_alone(truth, basis):
    wrong = answer_of(truth)
    wrong = wrong._replace(points=torch.where(torch.tensor([True, False])[:, None, None], wrong.points, 0.0))
    terms = ReaderObjective().terms(wrong, lesson_of(truth, (True, False)), basis)
    assert float(terms["points"]) == pytest.approx(0, abs=1e-4)
    assert float(terms["certainty"]) == pytest.approx(0.6931, abs=1e-3)


def test_what_nobody_knows_is_not_learned(truth, basis):
    unknown = replace(truth, albedo=torch.full((2, 4), torch.nan), light=torch.full((2, 9, 3), torch.nan))
    answer = answer_of(truth)
    albedo = answer.albedo.clone().requires_grad_()
    terms = ReaderObjective().terms(answer._replace(albedo=albedo), lesson_of(unknown), basis)
    assert float(terms["albedo"].detach()) == 0
    assert float(terms["light"]) == 0
    terms["albedo"].backward()
    assert bool((albedo.grad == 0).all())


def test_features_by_level():
    wanted = (torch.randn(4, 3, 5, 5), torch.randn(4, 6, 2, 2))
    assert float(feature_distance(wanted, wanted).abs().max()) == 0
    off = (wanted[0] + 1, wanted[1])
    also = (wanted[0], wanted[1] + 1)
    spread = [part.var(dim=0).mean() for part in wanted]
    torch.testing.assert_close(feature_distance(off, wanted), (0.5 / spread[0]).expand(4))
    torch.testing.assert_close(feature_distance(also, wanted), (1 / spread[1]).expand(4))


def test_the_objective_learns(truth, basis):
    torch.manual_seed(0)
    network = ReaderNetwork(TINY)
    lesson = replace(lesson_of(truth), pictures=torch.rand(2, 3, 32, 32))
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for _ in range(30):
        loss = ReaderObjective()(network, lesson, basis)
        optimizer.zero_grad()
        loss.total.backward()
        optimizer.step()
        losses.append(float(loss.total.detach()))
    assert losses[-1] < 0.5 * losses[0]
