"""`mien train`: what reaches the recipe, and how an end is told."""

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from mien.recipes.catalog import RECIPES
from mien.recipes.restore import RestoreRecipe
from mien.recipes.sources import MissingSourceError, Sources
from mien.train.log import NotFiniteError
from mien.zoo.files import WeightsError


@dataclass(frozen=True)
class Outcome:
    step: int
    finished: bool
    weights: dict[str, Path] = field(default_factory=dict)


def engine(monkeypatch, train):
    """Put this in the engine's place, which takes seconds to import."""
    monkeypatch.setitem(sys.modules, "mien.train.loop", SimpleNamespace(train=train))


@pytest.fixture
def trained(monkeypatch):
    """What the engine was given: the recipe, and what it was built with."""
    runs = []

    def train(run):
        runs.append(run)
        return Outcome(7, finished=True)

    engine(monkeypatch, train)
    monkeypatch.setattr(RestoreRecipe, "build", lambda *arguments: arguments)
    return runs


def test_a_recipe_as_it_is(mien, trained, tmp_path):
    assert mien("train", "restore", "--photos", tmp_path, "--folder", tmp_path / "run").status == 0
    assert trained == [(RECIPES["restore"](), Sources(photos=(tmp_path,)), tmp_path / "run")]


def test_what_was_asked_for_reaches_the_recipe(mien, trained, tmp_path):
    (tmp_path / "net.pt2").touch()
    options = ("--steps", 3, "--device", "cpu", "--embedder", tmp_path / "net.pt2")
    ran = mien("train", "restore-identity", "--photos", tmp_path, tmp_path, "--folder", "run", *options)
    assert ran.status == 0
    ((recipe, sources, folder),) = trained
    expected = RECIPES["restore-identity"]()
    training = replace(expected.training, num_steps=3, device="cpu")
    assert recipe == replace(expected, training=training)
    assert sources == Sources(photos=(tmp_path, tmp_path), embedder=tmp_path / "net.pt2")
    assert folder == Path("run")


def test_sources_that_are_missing(mien, trained, tmp_path, monkeypatch):
    ran = mien("train", "restore", "--photos", tmp_path, "--folder", "run", "--embedder", tmp_path / "none")
    assert ran.status == 2
    assert "no such file" in ran.err
    assert trained == []

    def refuse(*arguments):
        raise MissingSourceError("this recipe needs --photos: faces")

    monkeypatch.setattr(RestoreRecipe, "build", refuse)
    ran = mien("train", "restore", "--folder", tmp_path / "run")
    assert ran.status == 2
    assert "needs --photos: faces" in ran.err


def test_a_training_that_was_stopped(mien, trained, tmp_path, monkeypatch):
    engine(monkeypatch, lambda run: Outcome(7, finished=False))
    ran = mien("train", "restore", "--photos", tmp_path, "--folder", tmp_path / "run")
    assert ran.status == 130
    assert "stopped at step 7 and saved" in ran.err


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            ("restore", "critic"),
            "weights: a b/restore.safetensors\n"
            "mien recover photo.jpg -o new.jpg --model 'restore:a b/restore.safetensors'\n",
        ),
        (
            ("ffn", "pose_critic"),
            "weights: a b/ffn.safetensors, a b/pose_critic.safetensors\n",
        ),
    ],
)
def test_what_was_learned_is_named_and_how_to_use_it(mien, trained, tmp_path, monkeypatch, names, said):
    weights = {name: Path("a b") / f"{name}.safetensors" for name in names}
    engine(monkeypatch, lambda run: Outcome(7, finished=True, weights=weights))
    ran = mien("train", "restore", "--photos", tmp_path, "--folder", "a b")
    assert (ran.status, ran.out) == (0, said)


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError("no pictures below x"),
        NotFiniteError("step 3: loss is nan"),
        WeightsError("no weights"),
    ],
)
def test_a_training_that_fails(mien, trained, tmp_path, monkeypatch, error):
    def fail(run):
        raise error

    engine(monkeypatch, fail)
    ran = mien("train", "restore", "--photos", tmp_path, "--folder", tmp_path / "run")
    assert ran.status == 1
    assert ran.err == f"mien train: error: {error}\n"


def test_packages_that_are_missing(mien, tmp_path, monkeypatch):
    monkeypatch.setattr("mien.cli.train.find_spec", lambda name: None)
    ran = mien("train", "restore", "--photos", tmp_path, "--folder", tmp_path / "run")
    assert ran.status == 2
    assert "pip install 'mien[train]'" in ran.err


def test_a_folder_without_pictures(mien, tmp_path, monkeypatch):
    engine(monkeypatch, lambda run: Outcome(1, finished=True))
    ran = mien("train", "restore", "--photos", tmp_path, "--folder", tmp_path / "run")
    assert ran.status == 1
    assert "no pictures" in ran.err
