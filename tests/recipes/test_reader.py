"""Both stages of the reader's training, on a handful of noise."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mien.data.cover import Cover
from mien.data.readpool import FITS, POINTS, SIDE
from mien.geometry.pose import rotation_from_angles
from mien.models.reader.network import ReaderConfig, ReaderNetwork
from mien.recipes.reader import pieces, reader, reader_covered
from mien.recipes.sources import MissingSourceError, Sources
from mien.train.config import TrainConfig
from mien.train.loop import train
from mien.zoo.weights import save_weights

TINY = ReaderConfig(stem_width=4, widths=(4, 4, 4), depths=(1, 1, 1), last_width=2, hidden=8)
NUM = 80


@pytest.fixture
def folder(tmp_path):
    """A run's folder whose faces are packed already: noise at all yaws."""
    chance = np.random.default_rng(0)
    pool = tmp_path / "run" / "pool"
    pool.mkdir(parents=True)
    np.save(pool / "squares.npy", chance.integers(0, 255, (NUM, 3, SIDE, SIDE), dtype=np.uint8))
    points = chance.uniform(50, 140, (NUM, 68, 2)).astype(np.float32)
    np.savez(pool / POINTS, points=points, made=np.arange(NUM) % 4 == 0)
    yaws = torch.linspace(-80, 80, NUM)
    rotation = rotation_from_angles(torch.stack((yaws, 0 * yaws, 0 * yaws), 1))
    np.savez(
        pool / FITS,
        identity=np.zeros((NUM, 2, 80), np.float32),
        expression=np.zeros((NUM, 2, 56), np.float32),
        rotation=rotation[:, None].expand(-1, 2, -1, -1).numpy(),
        scale=np.full((NUM, 2), 38, np.float32),
        shift=np.full((NUM, 2, 2), 95, np.float32),
        albedo=np.full((NUM, 2, 80), np.nan, np.float32),
        light=np.full((NUM, 2, 9, 3), np.nan, np.float32),
    )
    backgrounds = chance.integers(0, 255, (3, 3, 256, 256), dtype=np.uint8)
    np.save(tmp_path / "run" / "backgrounds.npy", backgrounds)
    return tmp_path / "run"


def small(recipe):
    training = TrainConfig(num_steps=2, num_loaders=0, log_every=1, device="cpu")
    return replace(
        recipe, network=TINY, batch_size=6, num_empty=2, num_warmup=0, hold_out_every=8, training=training
    )


def test_the_first_stage_trains(folder):
    outcome = train(small(reader()).build(Sources(), folder))
    assert outcome.finished
    assert all(bool(weight.isfinite().all()) for weight in outcome.networks["reader"].parameters())
    log = (folder / "log.jsonl").read_text()
    for figure in ("clean_60", "covered", "damaged"):
        assert f'"{figure}"' in log


def test_the_second_stage_goes_on_from_the_first(folder, tmp_path):
    first = ReaderNetwork(TINY)
    with torch.no_grad():
        first.full.bias.fill_(0.25)
    save_weights(first, tmp_path / "first.safetensors")
    recipe = small(replace(reader_covered(), cover=Cover(shares=(0.5, 0.0, 0.25, 0.25))))
    sources = Sources(teacher=tmp_path / "first.safetensors")
    with pytest.raises(ValueError, match="none of the labels likely"):
        recipe.build(sources, folder)
    recipe = replace(recipe, most_disagreement=100.0)
    student, teacher = recipe.networks(sources)
    assert teacher is not None
    assert torch.equal(student.full.bias, first.full.bias)
    run = recipe.build(sources, folder)
    before = run.teachers[0].full.bias.clone()
    assert train(run).finished
    assert torch.equal(run.teachers[0].full.bias, before)
    assert "reader/taught" in (folder / "log.jsonl").read_text()


def test_the_second_stage_without_the_first(folder):
    with pytest.raises(MissingSourceError, match="--teacher"):
        small(reader_covered()).build(Sources(), folder)


def test_without_faces(tmp_path):
    with pytest.raises(MissingSourceError, match="--labels"):
        small(reader()).build(Sources(), tmp_path)


def test_batches_depend_on_the_step_alone(folder):
    run = small(reader()).build(Sources(), folder)
    first, again, other = run.batches(3, 0, 1), run.batches(3, 0, 1), run.batches(4, 0, 1)
    assert torch.equal(first.faces.squares, again.faces.squares)
    assert torch.equal(first.empty, again.empty)
    assert not torch.equal(first.faces.squares, other.faces.squares)


def test_pieces():
    pictures = np.arange(2 * 3 * 40 * 40, dtype=np.uint8).reshape(2, 3, 40, 40)
    assert pieces(pictures, 5, 16, torch.Generator().manual_seed(0)).shape == (5, 3, 16, 16)
    assert pieces(pictures, 0, 16, torch.Generator()).shape == (0, 3, 16, 16)
