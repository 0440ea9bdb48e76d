import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.data.people import LABELS, PIXELS
from mien.degrade.chain import PROFILES
from mien.image.io import write_image
from mien.models.identity.network import IdentityConfig
from mien.models.identity.objective import IdentityObjectiveConfig
from mien.recipes import identity as recipe_module
from mien.recipes.identity import IdentityRecipe, identity, identity_paper, seen_at_112
from mien.recipes.sources import MissingSourceError, Sources
from mien.train.checkpoint import export_player
from mien.train.config import TrainConfig
from mien.train.loop import train
from mien.zoo.weights import load_tensors

TINY = IdentityConfig(
    stem_channels=4,
    stem_stride=2,
    channels=(4, 4, 4),
    num_blocks=(1, 1, 1),
    embedding_size=12,
    activation="relu",
    dropout=0.0,
)


class Toy(nn.Module):
    """A teacher with maps of 14 and of 7 px."""

    def forward(self, faces: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        fine, coarse = F.avg_pool2d(faces, 8), F.avg_pool2d(faces, 16)
        return F.adaptive_avg_pool2d(faces, 2).flatten(1) - 0.5, (fine, coarse)


@pytest.fixture(scope="session")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("teacher") / "teacher.pt2"
    batch = torch.export.Dim("batch", min=1, max=4096)
    faces = torch.rand(2, 3, 112, 112)
    torch.export.save(torch.export.export(Toy(), (faces,), dynamic_shapes=({0: batch},)), path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A packed run: eight people with three faces each, and two of nobody."""
    chance = np.random.default_rng(0)
    (tmp_path / "faces").mkdir()
    np.save(tmp_path / "faces" / PIXELS, chance.integers(0, 256, (26, 3, 192, 192), dtype=np.uint8))
    names = [f"person {number}" for number in range(8) for _ in range(3)] + ["", ""]
    np.savez(tmp_path / "faces" / LABELS, names=np.array(names))
    return tmp_path


def tiny(recipe: IdentityRecipe) -> IdentityRecipe:
    return replace(
        recipe,
        network=TINY,
        batch_size=6,
        num_warmup=1,
        hold_out_every=2,
        training=TrainConfig(num_steps=2, device="cpu", validate_every=2, log_every=1),
    )


def test_a_run_trains_judges_and_leaves_the_network_alone(folder: Path, teacher: Path) -> None:
    logging.disable(logging.CRITICAL)
    outcome = train(tiny(identity()).build(Sources(embedder=teacher), folder))
    logging.disable(logging.NOTSET)
    assert outcome.finished
    entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    (figures,) = [entry["validation"] for entry in entries if "validation" in entry]
    assert set(figures) == {
        "teacher_cosine", "clean_accuracy", "clean_area", "damaged_accuracy", "damaged_area",
    }  # fmt: skip
    path = folder / "weights.safetensors"
    export_player(folder, "identity", path, torch.float16, part="network")
    names = set(load_tensors(path))
    assert "stem.0.weight" in names
    assert not [name for name in names if name.startswith(("people", "projections"))]


def test_each_face_is_seen_clean_and_damaged_under_one_target(folder: Path, teacher: Path) -> None:
    recipe = tiny(identity())
    run = recipe.build(Sources(embedder=teacher), folder)
    chance = torch.Generator().manual_seed(0)
    lesson = recipe.lesson(
        run.batches(0, 0, 1), recipe_module.load_teacher(teacher, torch.device("cpu")), chance
    )
    clean, damaged = lesson.faces.chunk(2)
    assert clean.shape == (6, 3, 112, 112)
    assert float((clean - damaged).abs().mean()) > 0.01
    for part in (lesson.embeddings, *lesson.maps):
        first, second = part.chunk(2)
        assert torch.equal(first, second)
    torch.testing.assert_close(lesson.embeddings[:6], Toy()(clean)[0])


def test_people_start_where_the_teacher_sees_them(folder: Path, teacher: Path) -> None:
    run = tiny(identity()).build(Sources(embedder=teacher), folder)
    people = run.players[0].network.get_parameter("people")
    assert people.shape == (4, 12)
    assert float(people.detach().norm(dim=1).max()) <= 3.001  # three unit vectors each


def test_a_batch_depends_on_its_number_alone(folder: Path, teacher: Path) -> None:
    run = tiny(identity()).build(Sources(embedder=teacher), folder)
    assert torch.equal(run.batches(5, 0, 1).pixels, run.batches(5, 0, 1).pixels)
    assert not torch.equal(run.batches(5, 0, 1).pixels, run.batches(6, 0, 1).pixels)


def test_photos_are_packed_at_the_first_build(
    tmp_path: Path, teacher: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe_module, "face_cutter", lambda: lambda photo: photo)
    for person in ("anna", "bob", "carla", "dan"):
        for number in range(2):
            path = tmp_path / "photos" / person / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, torch.rand(3, 192, 192, generator=torch.Generator().manual_seed(number)))
    sources = Sources(photos=(tmp_path / "photos",), embedder=teacher)
    tiny(identity()).build(sources, tmp_path / "run")
    assert (tmp_path / "run" / "faces" / LABELS).exists()


def test_what_is_missing_is_said(folder: Path, teacher: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingSourceError, match="--embedder"):
        identity().build(Sources(), folder)
    with pytest.raises(MissingSourceError, match="--photos"):
        identity().build(Sources(embedder=teacher), tmp_path / "empty")
    other_size = replace(tiny(identity()), network=replace(TINY, embedding_size=8))
    with pytest.raises(ValueError, match="teacher_weight must be 0"):
        other_size.build(Sources(embedder=teacher), folder)


def test_the_paper_recipe_learns_names_with_arcface_s_margin() -> None:
    objective = identity_paper().objective
    defaults = IdentityObjectiveConfig()
    assert (objective.margin_weight, objective.scale, objective.margin) == (1.0, 64.0, 0.5)
    assert defaults.margin == 0.5
    assert objective.teacher_weight == 0
    assert identity_paper().network.embedding_size == 512


def test_damage_is_told_for_256_px_and_done_at_112() -> None:
    profile = seen_at_112(PROFILES["gfrnet"])
    assert max(profile.scales) == pytest.approx(8 * 35.24 / 62)
    assert min(profile.scales) == 1.0
    assert max(profile.gaussian_sigmas) == pytest.approx(3 * 35.24 / 62)
    assert profile.noises == PROFILES["gfrnet"].noises
