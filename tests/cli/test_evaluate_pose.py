"""`mien evaluate pose`: a table for people, JSON for programs, and readers of one's own."""

import json

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.models.reader.network import SMALL, ReaderNetwork
from mien.models.reader.read import Reader, ReadSettings
from mien.zoo.weights import save_weights


@pytest.fixture
def labels(tmp_path):
    """Three pictures with a face in the middle of each."""
    (tmp_path / "photos").mkdir()
    points = np.random.default_rng(0).uniform(20, 60, (3, 68, 2))
    for name in "abc":
        Pillow.radial_gradient("L").resize((80, 80)).save(tmp_path / "photos" / f"{name}.png")
    angles = np.array([[0.0, 0, 0], [40, 0, 0], [-70, 0, 0]])
    np.savez(tmp_path / "labels.npz", names=["a.png", "b.png", "c.png"], points=points, angles=angles)
    return tmp_path / "labels.npz"


@pytest.fixture
def reader(monkeypatch):
    import torch

    torch.manual_seed(0)
    made = Reader(ReaderNetwork(SMALL), torch.device("cpu"), ReadSettings(num_looks=1, guesses=(0.0,)))
    monkeypatch.setattr("mien.zoo.load.load_reader", lambda device: made)
    return made


def test_table_and_json(mien, reader, labels, tmp_path):
    words = ("--photos", tmp_path / "photos", "--labels", labels, "--device", "cpu")
    ran = mien("evaluate", "pose", *words, "--json", tmp_path / "pose.json")
    assert ran.status == 0, ran.err
    title, header, *rows = ran.out.splitlines()
    assert title.startswith("3 faces, box of the true landmarks, seed 0")
    assert header.split() == ["0-30", "30-60", "60-90", "mean", "deviation", "yaw", "pitch", "roll"]
    assert [line[8:20].strip() for line in rows] == [
        "original",
        "occluded",
        "behind arms",
        "damaged 6x",
    ]
    told = json.loads((tmp_path / "pose.json").read_text())["readers"]["reader"]["original"]
    numbers = rows[0][20:].split()
    assert float(numbers[3]) == pytest.approx(told["mean"], abs=0.006)
    assert told["mean"] == pytest.approx((told["0-30"] + told["30-60"] + told["60-90"]) / 3, abs=0.002)


def test_another_readers_weights(mien, reader, labels, tmp_path):
    save_weights(ReaderNetwork(SMALL), tmp_path / "before.safetensors")
    words = ("--photos", tmp_path / "photos", "--labels", labels, "--before", tmp_path / "before.safetensors")
    ran = mien("evaluate", "pose", *words)
    assert ran.status == 0, ran.err
    assert [line.split()[0] for line in ran.out.splitlines()[2:]] == ["before"] * 4 + ["reader"] * 4


def test_what_cannot_be_judged(mien, reader, labels, tmp_path):
    words = ("evaluate", "pose", "--photos", tmp_path / "photos", "--labels")
    ran = mien(*words, tmp_path / "none.npz")
    assert ran.status == 1
    assert "holds no labels" in ran.err
    (tmp_path / "photos" / "b.png").unlink()
    ran = mien(*words, labels)
    assert ran.status == 1
    assert "b.png" in ran.err
    ran = mien(*words, labels, "--before", labels)
    assert ran.status == 2
