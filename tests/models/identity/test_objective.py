import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.models.identity.network import IdentityConfig, IdentityNetwork
from mien.models.identity.objective import (
    IdentityObjective,
    IdentityObjectiveConfig,
    Lesson,
    Student,
    distance,
    load_teacher,
    map_distance,
    relation_distance,
    whitening_within,
    with_margin,
)

TINY = IdentityConfig(
    stem_channels=4,
    stem_stride=2,
    channels=(4, 4, 4),
    num_blocks=(1, 1, 1),
    embedding_size=6,
    activation="relu",
    dropout=0.0,
)
EVERYTHING = IdentityObjectiveConfig(
    margin_weight=0.5, teacher_weight=1.0, relation_weight=2.0, map_weight=3.0
)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_the_margin_is_added_to_the_angle_of_the_right_person() -> None:
    angles = torch.tensor([[0.3, 1.0, 2.0]], dtype=torch.float64)
    turned = with_margin(angles.cos(), torch.tensor([1]), 0.5)
    torch.testing.assert_close(turned, torch.tensor([[0.3, 1.5, 2.0]], dtype=torch.float64).cos())


def test_beyond_half_a_turn_the_cosine_goes_on_falling() -> None:
    angles = torch.linspace(0.01, math.pi - 0.01, 200, dtype=torch.float64)[:, None]
    turned = with_margin(angles.cos(), torch.zeros(200, dtype=torch.int64), 0.5)[:, 0]
    assert bool((turned[1:] < turned[:-1]).all())


def test_without_a_margin_it_is_a_softmax_over_cosines() -> None:
    objective = IdentityObjective(IdentityObjectiveConfig(scale=10.0, margin=0.0))
    embeddings, people, labels = drawn(4, 6), drawn(3, 6, seed=1), torch.tensor([0, 2, -1, 1])
    cosines = F.cosine_similarity(embeddings[:, None], people[None], dim=2)
    known = labels >= 0
    expected = F.cross_entropy(10 * cosines[known], labels[known])
    torch.testing.assert_close(objective.margin_loss(embeddings, people, labels), expected)


def test_a_batch_of_strangers_asks_nothing_of_names() -> None:
    embeddings = drawn(2, 6).requires_grad_()
    labels = torch.tensor([-1, -1])
    loss = IdentityObjective(EVERYTHING).margin_loss(embeddings, drawn(3, 6), labels)
    assert float(loss.detach()) == 0
    loss.backward()
    assert not bool(embeddings.grad.any())


def test_the_margin_has_the_right_gradient() -> None:
    cosines = torch.tensor([[0.9, -0.2], [0.1, -0.95]], dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 1])
    assert torch.autograd.gradcheck(lambda values: with_margin(values, labels, 0.5), (cosines,))


def test_who_answers_as_the_teacher_is_at_no_distance() -> None:
    wanted, maps = drawn(4, 6), drawn(4, 3, 5, 5)
    whitened = (maps - maps.mean((0, 2, 3), keepdim=True)) / maps.std((0, 2, 3), keepdim=True)
    assert float(distance(3 * wanted, wanted)) == pytest.approx(0, abs=1e-6)
    assert float(relation_distance(3 * wanted, wanted)) == pytest.approx(0, abs=1e-6)
    assert float(map_distance((whitened,), (maps,))) == pytest.approx(0, abs=1e-3)


def test_who_knows_only_the_mean_explains_nothing() -> None:
    maps = 5 + 2 * drawn(4, 3, 5, 5)
    assert float(map_distance((torch.zeros_like(maps),), (maps,))) == pytest.approx(1, abs=1e-3)


def test_relations_do_not_care_about_a_turn_of_all() -> None:
    wanted = drawn(5, 6)
    turn, _ = torch.linalg.qr(drawn(6, 6, seed=1))
    assert float(relation_distance(wanted @ turn, wanted)) == pytest.approx(0, abs=1e-6)
    other = drawn(5, 6, seed=2)
    away = F.cosine_similarity(other[:, None], other[None], dim=2) - F.cosine_similarity(
        wanted[:, None], wanted[None], dim=2
    )
    torch.testing.assert_close(relation_distance(other, wanted), away.square().sum() / 20)


def test_terms_are_weighted_and_those_of_no_weight_left_out() -> None:
    torch.manual_seed(0)
    student = Student(IdentityNetwork(TINY), num_people=3, num_map_channels=(5, 7))
    maps = (drawn(4, 5, 14, 14), drawn(4, 7, 7, 7))
    lesson = Lesson(torch.rand(4, 3, 112, 112), torch.tensor([0, 1, 2, -1]), drawn(4, 6), maps)
    losses = IdentityObjective(EVERYTHING)(student.eval(), lesson)
    terms = losses.terms
    assert set(terms) == {"margin", "teacher", "relation", "map"}
    total = 0.5 * terms["margin"] + terms["teacher"] + 2 * terms["relation"] + 3 * terms["map"]
    torch.testing.assert_close(losses.total.detach(), total)
    alone = IdentityObjective(replace(IdentityObjectiveConfig(), margin_weight=0.0, map_weight=1.0))
    assert set(alone(student, lesson).terms) == {"map"}


def test_after_whitening_one_person_s_faces_differ_in_all_directions_alike() -> None:
    people = torch.arange(40).repeat_interleave(5)
    stretched = torch.tensor([0.3, 0.1, 0.03, 0.2])
    embeddings = 2 + 5 * F.normalize(drawn(40, 4)[people]) + stretched * drawn(200, 4, seed=1)
    matrix, origin = whitening_within(embeddings, people, shrinkage=0.0)
    torch.testing.assert_close(origin, embeddings.double().mean(0))
    seen = F.normalize(embeddings.double() - origin) @ matrix.mT
    within = torch.stack([part - part.mean(0) for part in seen.split(5)]).flatten(0, 1)
    spread = within.mT @ within
    torch.testing.assert_close(spread / spread[0, 0], torch.eye(4, dtype=torch.float64), atol=1e-6, rtol=0)


def test_whitening_that_is_shrunk_wholly_changes_no_angle() -> None:
    people = torch.arange(10).repeat_interleave(3)
    matrix, _ = whitening_within(drawn(30, 4), people, shrinkage=1.0)
    torch.testing.assert_close(matrix, torch.eye(4, dtype=torch.float64))


class Toy(nn.Module):
    """A teacher."""

    def __init__(self, tells_maps: bool) -> None:
        super().__init__()
        self.tells_maps = tells_maps

    def forward(self, faces: Tensor) -> tuple[Tensor, tuple[Tensor, ...]] | Tensor:
        maps = F.avg_pool2d(faces, 16)
        return (maps.flatten(1), (maps,)) if self.tells_maps else maps.flatten(1)


def save(path: Path, tells_maps: bool) -> Path:
    batch = torch.export.Dim("batch", min=1, max=64)
    faces = torch.rand(2, 3, 112, 112)
    torch.export.save(torch.export.export(Toy(tells_maps), (faces,), dynamic_shapes=({0: batch},)), path)
    return path


def test_a_teacher_comes_from_a_file(tmp_path: Path) -> None:
    teach = load_teacher(save(tmp_path / "teacher.pt2", tells_maps=True), torch.device("cpu"))
    embeddings, maps = teach(torch.rand(3, 3, 112, 112))
    assert embeddings.shape == (3, 147)
    assert [part.shape for part in maps] == [(3, 3, 7, 7)]


def test_a_file_without_maps_is_refused(tmp_path: Path) -> None:
    teach = load_teacher(save(tmp_path / "teacher.pt2", tells_maps=False), torch.device("cpu"))
    with pytest.raises(ValueError, match="--teacher"):
        teach(torch.rand(3, 3, 112, 112))
