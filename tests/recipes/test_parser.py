import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.models.parser.network import ParserConfig
from mien.recipes.parser import ParserRecipe, parser, rarity
from mien.recipes.sources import MissingSourceError, Sources
from mien.train.checkpoint import export_player
from mien.train.config import TrainConfig
from mien.train.loop import train

TINY = ParserConfig(image_size=32, widths=(4, 6, 8), depths=(0, 0, 0), decoder_widths=(6, 4))


def tiny() -> ParserRecipe:
    return replace(
        parser(),
        network=TINY,
        batch_size=2,
        num_warmup=1,
        hold_out_every=3,
        training=TrainConfig(num_steps=2, device="cpu", validate_every=2, log_every=1),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    chance, packed = np.random.default_rng(0), tmp_path / "parsed"
    packed.mkdir()
    np.save(packed / "pixels.npy", chance.integers(0, 256, (6, 3, 32, 32), dtype=np.uint8))
    np.save(packed / "labels.npy", chance.integers(0, 19, (6, 32, 32), dtype=np.uint8))
    np.save(packed / "points.npy", chance.uniform(8, 24, (6, 68, 2)).astype(np.float32))
    return tmp_path


def test_a_run_trains_judges_and_leaves_weights(
    folder: Path, last_figures: Callable[[Path], dict[str, float]]
) -> None:
    logging.disable(logging.CRITICAL)
    outcome = train(tiny().build(Sources(), folder))
    logging.disable(logging.NOTSET)
    assert outcome.finished
    figures = last_figures(folder)
    assert {"mean", "damaged_mean", "covered_mean", "skin", "hair", "nose"} <= set(figures)
    assert figures["covered_mean"] != figures["mean"]
    export_player(folder, "parser", folder / "weights.safetensors", torch.float16)
    assert (folder / "weights.safetensors").stat().st_size > 1000


def test_landmarks_are_read_with_and_without_masks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = folder / "parsed" / "points.npy"
    points.unlink()
    monkeypatch.setattr(
        "mien.recipes.parser.read_landmarks", lambda photos, read: torch.full((len(photos), 68, 2), 16.0)
    )
    run = tiny().build(Sources(), folder)
    assert np.load(points).shape == (6, 68, 2)
    assert run.batches(0, 0, 1).points is not None


def test_where_no_face_can_be_covered_nothing_is_said_of_covers(folder: Path) -> None:
    np.save(folder / "parsed" / "points.npy", np.full((6, 68, 2), np.nan, np.float32))
    run = tiny().build(Sources(), folder)
    assert run.validate is not None
    figures = run.validate({"parser": run.players[0].network.eval()}, torch.device("cpu"))
    assert "covered_mean" not in figures
    assert "mean" in figures


def test_masks_alone_or_glasses_alone_are_not_passed_over(folder: Path) -> None:
    for sources, missing in ((Sources(masks=folder), "glasses"), (Sources(glasses=folder), "masks")):
        with pytest.raises(MissingSourceError, match=f"--{missing} is missing"):
            tiny().build(sources, folder)


def test_held_out_faces_are_not_trained_on(folder: Path) -> None:
    run = tiny().build(Sources(), folder)
    held_out = np.load(folder / "parsed" / "pixels.npy")[2::3]
    for step in range(4):
        for image in run.batches(step, 0, 1).images:
            stored = (image * 255).round().to(torch.uint8).numpy()
            assert not any((stored == other).all() for other in held_out)


def test_it_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(MissingSourceError, match="--photos"):
        tiny().build(Sources(), tmp_path)
    with pytest.raises(MissingSourceError, match="--maps"):
        tiny().build(Sources(photos=(tmp_path,)), tmp_path)


def test_faces_with_rare_classes_are_seen_more_often() -> None:
    """Skin on all of 16 faces, hair on four, glasses on one: by the root of 1, 4 and 16."""
    shown = torch.zeros(16, 4, dtype=torch.bool)
    shown[:, 0], shown[:4, 1], shown[0, 2] = True, True, True
    assert rarity(shown, 5.0).tolist() == pytest.approx([4.0, 2.0, 2.0, 2.0, *[1.0] * 12])
    assert rarity(shown, 3.0)[0] == 3.0
