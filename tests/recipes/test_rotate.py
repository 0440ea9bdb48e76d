import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mien.image.io import write_image
from mien.models.rotate.network import RotateConfig
from mien.recipes.rotate import (
    RotateRecipe,
    rotate,
    rotate_and_render,
    rotate_by_parser,
    rotate_in_place,
    rotate_paper,
    rotate_without_identity,
    rotate_without_parsing,
    rotate_without_swap,
)
from mien.recipes.sources import MissingSourceError, Sources
from mien.recipes.triples import open_triples, readable
from mien.train.config import TrainConfig
from mien.train.loop import train

SIZE = 32
SHORT = TrainConfig(num_steps=3, device="cpu", validate_every=2, log_every=1)
SOURCES = Sources(
    embedder=Path("embedder.pt2"), features=Path("vgg19.pt2"), parser=Path("parser.safetensors")
)


def tiny(recipe: RotateRecipe) -> RotateRecipe:
    network = RotateConfig(
        image_size=SIZE, fold=2, channels=(4, 6, 8), num_blocks=1, stem=3, parses=recipe.network.parses
    )
    return replace(
        recipe,
        network=network,
        critic_channels=(4, 4),
        batch_size=2,
        num_warmup=1,
        hold_out_every=3,
        training=SHORT,
    )


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def embed(images: torch.Tensor) -> torch.Tensor:
        return F.adaptive_avg_pool2d(images, 2).flatten(1)

    def layers(images: torch.Tensor) -> list[torch.Tensor]:
        return [images] * 5

    monkeypatch.setattr("mien.recipes.rotate.load_embedder", lambda path, device: embed)
    monkeypatch.setattr("mien.recipes.rotate.load_layers", lambda path, device: layers)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Triples as `pack_triples` leaves them."""
    chance = np.random.default_rng(0)
    packed = tmp_path / "triples"
    packed.mkdir()
    for name in ("damaged", "guide", "estimate", "truth"):
        np.save(packed / f"{name}.npy", chance.integers(0, 256, (6, 3, SIZE, SIZE), dtype=np.uint8))
    for name in ("mask", "face"):
        np.save(packed / f"{name}.npy", 255 * chance.integers(0, 2, (6, 1, SIZE, SIZE), dtype=np.uint8))
    np.save(packed / "landmarks.npy", chance.uniform(8, 24, (6, 68, 2)).astype(np.float32))
    np.save(packed / "count.npy", np.array(6))
    return tmp_path


@pytest.mark.parametrize(
    ("recipe", "terms"),
    [
        (rotate(), {"mask", "reconstruction", "whole", "adversarial", "identity"}),
        (rotate_paper(), {"mask", "reconstruction", "adversarial", "identity", "perceptual"}),
        (rotate_without_swap(), {"mask", "reconstruction", "whole", "adversarial", "identity"}),
        (rotate_without_parsing(), {"whole", "adversarial", "identity"}),
        (rotate_without_identity(), {"mask", "reconstruction", "whole", "adversarial"}),
        (rotate_by_parser(), {"mask", "reconstruction", "whole", "adversarial", "identity"}),
        (rotate_and_render(), {"whole", "adversarial", "identity"}),
    ],
    ids=["ours", "paper", "swap", "parsing", "identity", "parser", "rotate_and_render"],
)
def test_each_ablation_has_the_losses_it_names(folder: Path, recipe: RotateRecipe, terms: set[str]) -> None:
    run = tiny(recipe).build(SOURCES, folder)
    assert {player.name for player in run.players} == {"rotate", "critic"}
    assert run.prepare is not None
    batch = run.prepare(run.batches(0, 0, 1), torch.Generator().manual_seed(0))
    for player in run.players:
        losses = player.objective(player.network, batch, torch.Generator())
        losses.total.backward()
        if player.name == "rotate":
            assert set(losses.terms) == terms
        assert any(parameter.grad is not None for parameter in player.network.parameters())


def test_it_trains_and_shows_what_it_does(folder: Path) -> None:
    outcome = train(tiny(rotate()).build(SOURCES, folder))
    assert outcome.finished
    entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    shown = [entry["validation"] for entry in entries if "validation" in entry][-1]
    assert {"psnr_mask", "iou", "covered_psnr_mask", "covered_iou"} <= set(shown)
    assert list((folder / "pictures").iterdir())


def test_variants_change_one_thing() -> None:
    plain = rotate()
    assert replace(rotate_without_swap(), synthesis=plain.synthesis) == plain
    assert replace(rotate_by_parser(), synthesis=plain.synthesis) == plain
    assert replace(rotate_without_identity(), objective=plain.objective) == plain
    parsed = replace(rotate_without_parsing(), network=plain.network)
    assert replace(parsed, objective=plain.objective) == plain


def test_what_goes_on_in_another_runs_folder_has_steps_left() -> None:
    assert rotate_in_place().training.num_steps > rotate_by_parser().training.num_steps
    assert replace(rotate_in_place(), spoiling=rotate().spoiling, training=rotate().training) == replace(
        rotate_by_parser(), training=rotate().training
    )


def test_light_and_colour_change_all_of_a_triple_alike(folder: Path) -> None:
    recipe = replace(tiny(rotate()), gray_share=1.0)
    recipe = replace(
        recipe,
        spoiling=replace(
            recipe.spoiling, covered_share=0.0, erased_share=0.0, misaligned_share=0.0, shrunk_share=0.0
        ),
    )
    run = recipe.build(SOURCES, folder)
    varied = recipe.vary(run.batches(0, 0, 1), None, torch.Generator().manual_seed(0))
    for picture in (varied.damaged, varied.guide, varied.estimate, varied.truth):
        torch.testing.assert_close(picture[:, 0], picture[:, 2])


def test_what_is_missing_is_said(folder: Path) -> None:
    with pytest.raises(MissingSourceError, match="--embedder"):
        tiny(rotate()).build(Sources(), folder)
    with pytest.raises(MissingSourceError, match="--features"):
        tiny(rotate_paper()).build(Sources(embedder=Path("e.pt2")), folder)
    with pytest.raises(MissingSourceError, match="--parser"):
        tiny(rotate_by_parser()).build(Sources(embedder=Path("e.pt2")), folder)
    with pytest.raises(MissingSourceError, match="--photos"):
        open_triples(Sources(), folder / "elsewhere", rotate().synthesis, SIZE)


def test_broken_and_tiny_pictures_are_passed_over(tmp_path: Path) -> None:
    write_image(tmp_path / "good.png", torch.rand(3, 40, 36))
    write_image(tmp_path / "tiny.png", torch.rand(3, 8, 8))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    assert readable(sorted(tmp_path.iterdir()), SIZE).shape == (1, 3, SIZE, SIZE)
    assert readable([tmp_path / "tiny.png"], SIZE).shape == (0, 3, SIZE, SIZE)
