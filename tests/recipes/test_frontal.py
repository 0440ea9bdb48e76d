import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from mien.models.frontal.network import SMALL as FRONTAL_SMALL
from mien.models.frontal.network import FrontalConfig, FrontalNetwork
from mien.models.restore.network import RestoreConfig, RestoreNetwork
from mien.recipes.frontal import (
    FrontalRecipe,
    frontal,
    frontal_concatenated,
    frontal_paper,
    frontal_without_person_critic,
    frontal_without_pose,
    frontal_without_pose_critic,
)
from mien.recipes.integrated import (
    IntegratedRecipe,
    begin_as,
    integrated,
    integrated_paper,
    integrated_without_alignment,
)
from mien.recipes.sources import MissingSourceError, Sources
from mien.train.config import TrainConfig
from mien.train.loop import train
from mien.zoo.settings import load_network
from mien.zoo.weights import save_weights

SIZE = 32
TINY = FrontalConfig(
    RestoreConfig(
        image_size=SIZE,
        shrink=2,
        channels=(4, 6),
        num_blocks=(1, 1),
        decoder_channels=(4,),
        num_decoder_blocks=1,
        skips=True,
        residual=False,
    )
)
SHORT = TrainConfig(num_steps=3, device="cpu", validate_every=2, log_every=1)
SOURCES = Sources(embedder=Path("embedder.pt2"))


def embed(images: torch.Tensor) -> torch.Tensor:
    """A recogniser of 12 features."""
    return F.adaptive_avg_pool2d(images, 2).flatten(1)


def tiny(recipe: FrontalRecipe) -> FrontalRecipe:
    return replace(
        recipe,
        network=replace(TINY, pose=recipe.network.pose),
        critic_channels=(4,) * 8,
        critic_size=16,
        batch_size=2,
        num_warmup=1,
        hold_out_every=2,
        packed_size=2 * SIZE,
        training=SHORT,
    )


def tiny_integrated(recipe: IntegratedRecipe) -> IntegratedRecipe:
    return replace(
        recipe,
        teacher=TINY,
        batch_size=2,
        num_warmup=1,
        hold_out_every=2,
        packed_size=2 * SIZE,
        training=SHORT,
    )


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("mien.recipes.frontal.load_embedder", lambda path, device: embed)
    monkeypatch.setattr("mien.recipes.integrated.load_embedder", lambda path, device: embed)
    monkeypatch.setattr("mien.recipes.frontal.NUM_EMBEDDED", 12)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Views as `pack_turned` leaves them."""
    chance = np.random.default_rng(0)
    turned = tmp_path / "turned"
    turned.mkdir()
    for name, count in (("views", 8), ("truths", 4)):
        np.save(
            turned / f"{name}.npy", chance.integers(0, 256, (count, 3, 2 * SIZE, 2 * SIZE), dtype=np.uint8)
        )
    np.save(turned / "truth_of.npy", np.arange(8) % 4)
    np.save(turned / "yaws.npy", np.linspace(-80, 80, 8, dtype=np.float32))
    for name in ("given", "wanted", "frontal"):
        np.save(turned / f"{name}.npy", chance.uniform(0, 2 * SIZE, (8, 18, 2)).astype(np.float32))
    return tmp_path


def validation(folder: Path) -> dict[str, float]:
    entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [entry["validation"] for entry in entries if "validation" in entry][-1]


@pytest.mark.parametrize(
    ("recipe", "players"),
    [
        (frontal(), {"ffn", "pose_critic", "person_critic"}),
        (frontal_concatenated(), {"ffn", "pose_critic", "person_critic"}),
        (frontal_without_pose(), {"ffn", "person_critic"}),
        (frontal_without_pose_critic(), {"ffn", "person_critic"}),
        (frontal_without_person_critic(), {"ffn", "pose_critic"}),
    ],
    ids=["ffn", "concatenated", "without_pose", "without_pose_critic", "without_person_critic"],
)
def test_each_ablation_has_the_players_it_names(
    folder: Path, recipe: FrontalRecipe, players: set[str]
) -> None:
    run = tiny(recipe).build(SOURCES, folder)
    assert {player.name for player in run.players} == players
    batch = run.batches(0, 0, 1)
    for player in run.players:
        player.objective(player.network, batch, torch.Generator()).total.backward()
        assert any(parameter.grad is not None for parameter in player.network.parameters())


def test_ffn_trains_and_shows_what_it_does(folder: Path) -> None:
    outcome = train(tiny(frontal()).build(SOURCES, folder))
    assert outcome.finished
    assert {"psnr_0_30", "psnr_60_90", "cosine_60_90"} <= set(validation(folder))
    assert list((folder / "pictures").iterdir())


def test_frn_learns_from_a_frozen_ffn(folder: Path, tmp_path: Path) -> None:
    weights = tmp_path / "ffn.safetensors"
    save_weights(FrontalNetwork(TINY), weights, torch.float32)
    before = load_file(weights)
    lessons = tmp_path / "integrated"
    lessons.mkdir()
    (lessons / "turned").symlink_to(folder / "turned")
    for name in ("truth", "restored"):
        run_folder = lessons / name
        run_folder.mkdir()
        (run_folder / "turned").symlink_to(folder / "turned")
        recipe = tiny_integrated(integrated())
        recipe = replace(recipe, objective=replace(recipe.objective, teacher_sees=name))
        run = recipe.build(replace(SOURCES, teacher=weights), run_folder)
        outcome = train(run)
        assert set(outcome.networks) == {"frontal"}
        learned = load_network(outcome.weights["frontal"], RestoreNetwork, FRONTAL_SMALL.shared)
        assert learned.config == TINY.shared  # as `frontal:FILE` finds it, without the teaching around it
        assert {"damaged_60_90", "frontal_60_90"} <= set(validation(run_folder))
        after = run.teachers[0].state_dict()
        assert all(torch.equal(before[name], after[name]) for name in before)


def test_views_of_another_size_are_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="packed_size 48 is not a multiple of the network's 32"):
        replace(tiny(frontal()), packed_size=48)
    with pytest.raises(ValueError, match="packed_size 48 is not a multiple of the network's 32"):
        replace(tiny_integrated(integrated()), packed_size=48)
    with pytest.raises(MissingSourceError, match="holds views of 64 pixels and this recipe needs 32"):
        replace(tiny(frontal()), packed_size=SIZE).build(SOURCES, folder)


def test_some_lessons_start_from_photos(folder: Path) -> None:
    recipe = replace(tiny_integrated(integrated()), unturned_share=1.0)
    weights = folder / "ffn.safetensors"
    save_weights(FrontalNetwork(TINY), weights, torch.float32)
    run = recipe.build(replace(SOURCES, teacher=weights), folder)
    truths = np.load(folder / "turned" / "truths.npy")
    for image in run.batches(0, 0, 1).clean:
        stored = (image * 255).round().to(torch.uint8).numpy()
        assert any((stored == other).all() or (stored[..., ::-1] == other).all() for other in truths)


def test_they_need_an_embedder(folder: Path) -> None:
    with pytest.raises(MissingSourceError, match="--embedder"):
        tiny(frontal()).build(Sources(), folder)
    with pytest.raises(MissingSourceError, match="--embedder"):
        tiny_integrated(integrated()).build(Sources(), folder)


def test_variants_change_one_thing() -> None:
    plain = frontal()
    assert replace(frontal_concatenated(), network=plain.network) == plain
    assert replace(frontal_without_person_critic(), objective=plain.objective) == plain
    assert replace(frontal_without_pose_critic(), objective=plain.objective) == plain
    assert replace(integrated_without_alignment(), objective=integrated().objective) == integrated()
    assert frontal_paper().network.shared == integrated_paper().teacher.shared


@torch.no_grad()
def test_a_pupil_begins_with_all_of_its_teacher_but_the_poses() -> None:
    teacher, pupil = FrontalNetwork(TINY).eval(), RestoreNetwork(TINY.shared).eval()
    begin_as(teacher, pupil)
    width = TINY.shared.channels[-1]
    teacher.join.weight.zero_()
    teacher.join.weight[:, :width] = torch.eye(width)[:, :, None, None]
    teacher.join.bias.zero_()
    picture, pose = torch.rand(1, 3, SIZE, SIZE) * 2 - 1, torch.rand(1, 18, SIZE // 2, SIZE // 2)
    expected = teacher.features_and_image(picture, pose, pose)
    for mine, theirs in zip(pupil.features_and_image(picture), expected, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_lessons_are_damaged_as_they_are_and_then_shrunk(folder: Path) -> None:
    recipe = replace(tiny_integrated(integrated()), clean_share=1.0, brightness=0.0, contrast=0.0)
    weights = folder / "ffn.safetensors"
    save_weights(FrontalNetwork(TINY), weights, torch.float32)
    run = recipe.build(replace(SOURCES, teacher=weights), folder)
    lesson = run.batches(0, 0, 1)
    small = replace(recipe, gray_share=0.0).damage(lesson, torch.Generator())
    assert lesson.clean.shape[-1] == 2 * SIZE
    torch.testing.assert_close(small.damaged, F.avg_pool2d(lesson.clean, 2))
    torch.testing.assert_close(small.given, (lesson.given - 0.5) / 2)
