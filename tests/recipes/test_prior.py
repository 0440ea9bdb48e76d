import importlib.util
import json
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F

from mien.models.prior.objective import PriorObjectiveConfig
from mien.recipes.generator import prior_pretraining_without_penalty
from mien.recipes.prior import (
    PriorRecipe,
    Rates,
    prior,
    prior_paper,
    prior_without_face_loss,
    prior_without_freezed,
    prior_without_local_critics,
    prior_without_mmrb,
    prior_without_tuning,
)
from mien.recipes.sources import MissingSourceError, Sources
from mien.train.checkpoint import newest
from mien.train.loop import train

EMBEDDER = Path("embedder.pt2")


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tiny_prior", Path(__file__).with_name("tiny_prior.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the last bits depend on how many there are
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        for module in ("prior", "generator"):
            patch.setattr(f"mien.recipes.{module}.load_embedder", lambda path, device: embed)
        yield
    torch.set_num_threads(threads)
    logging.disable(logging.NOTSET)


def embed(images: torch.Tensor) -> torch.Tensor:
    """A recogniser of 12 features, of pictures of one size."""
    assert images.shape[-1] == 256
    return F.adaptive_avg_pool2d(images, 2).flatten(1)


@pytest.fixture(scope="module")
def pretrained(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pre-training that nothing disturbed."""
    folder = tmp_path_factory.mktemp("pretraining")
    assert tiny.pretrain(folder) == 6
    return folder


def final_state(folder: Path) -> dict[str, object]:
    path = newest(folder)
    assert path is not None
    return torch.load(path, weights_only=True)


def same(one: object, other: object) -> bool:
    """Whether two checkpoint entries agree to the bit."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.slow
def test_killed_while_it_saves_and_resumed_is_bit_identical(
    tiny: ModuleType, pretrained: Path, tmp_path: Path
) -> None:
    script = str(Path(__file__).with_name("tiny_prior.py"))
    dead = subprocess.run([sys.executable, script, str(tmp_path), "--die", "9"], timeout=300, check=False)
    assert dead.returncode == -signal.SIGKILL
    assert 1 <= int(str(final_state(tmp_path)["step"])) < 6
    assert tiny.pretrain(tmp_path) == 6
    assert same(final_state(tmp_path), final_state(pretrained))


def test_what_is_remembered_and_both_regularisations_are_in_the_log(pretrained: Path) -> None:
    lines = [json.loads(line) for line in (pretrained / "log.jsonl").read_text().splitlines()]
    steps = {place: set() for place in ("generator", "critic", "paths", "penalty")}
    for line in lines:
        for player in steps:
            if f"{player}/total" in line.get("terms", {}):
                steps[player].add(line["step"])
    assert steps["critic"] == steps["generator"] == {1, 2, 3, 4, 5, 6}
    assert steps["penalty"] == {1, 3, 5}
    assert steps["paths"] == {1, 4}
    players = final_state(pretrained)["players"]
    assert isinstance(players, dict)
    assert float(players["generator"]["network"]["value"]) > 0


def test_samples_are_measured_and_shown(tiny: ModuleType, tmp_path: Path) -> None:
    recipe = tiny.tiny_pretraining(prior_pretraining_without_penalty())
    recipe = replace(recipe, penalty_weight=0.0, num_judged=4, training=replace(tiny.SHORT, num_steps=1))
    run = recipe.build(Sources(embedder=EMBEDDER), tiny.put_photos(tmp_path))
    assert [player.name for player in run.players] == ["generator", "paths", "critic"]
    train(run)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {"frechet", "kernel"} <= set(next(line for line in lines if "validation" in line)["validation"])
    assert list((tmp_path / "pictures").iterdir())


@pytest.mark.parametrize(
    ("recipe", "players"),
    [
        (prior(), {"prior", "critic", "penalty", "parts"}),
        (prior_without_mmrb(), {"prior", "critic", "penalty", "parts"}),
        (prior_without_local_critics(), {"prior", "critic", "penalty"}),
        (prior_without_tuning(), {"prior", "critic", "penalty", "parts"}),
    ],
    ids=["all", "without_mmrb", "without_local_critics", "without_tuning"],
)
def test_each_ablation_has_the_players_it_names(
    tiny: ModuleType, pretrained: Path, tmp_path: Path, recipe: PriorRecipe, players: set[str]
) -> None:
    sources = Sources(embedder=EMBEDDER, pretrained=pretrained)
    run = tiny.tiny_prior(recipe).build(sources, tiny.put_photos(tmp_path))
    assert {player.name for player in run.players} == players
    names = set(run.players[0].network.state_dict())
    assert any(".mmrbs." in name for name in names) == (recipe.network.mmrb != "none")
    rates = {group["lr"] for group in run.players[0].optimizer.param_groups}
    assert rates == ({2e-3, 2e-4} if recipe.rates.generator else {2e-3})


def test_joint_tuning_trains_and_leaves_what_is_frozen(
    tiny: ModuleType, pretrained: Path, tmp_path: Path
) -> None:
    sources = Sources(embedder=EMBEDDER, pretrained=pretrained)
    run = tiny.tiny_prior(prior()).build(sources, tiny.put_photos(tmp_path))
    critic, restorer = run.players[1].network, run.players[0].network
    before = {name: tensor.clone() for name, tensor in critic.state_dict().items()}
    generator = {name: tensor.clone() for name, tensor in restorer.network.generator.state_dict().items()}
    assert train(run).finished
    moved = {name for name, tensor in critic.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved
    assert not any(name.startswith(("stem", "blocks.0")) for name in moved)
    after = restorer.network.generator.state_dict()
    changes = {name: float((after[name] - generator[name]).abs().max()) for name in after}
    # Adam moves everything by about its rate at first
    assert changes["convs.2.noise_weight"] > 1e-3
    assert 1e-5 < changes["convs.2.conv.weight"] < 1e-3
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    figures = next(line for line in lines if "validation" in line)["validation"]
    assert {"psnr_gain", "codec_gain", "cosine"} <= set(figures)


def test_what_is_missing_is_named(tiny: ModuleType, pretrained: Path, tmp_path: Path) -> None:
    folder = tiny.put_photos(tmp_path)
    with pytest.raises(MissingSourceError, match="--pretrained"):
        tiny.tiny_prior(prior()).build(Sources(embedder=EMBEDDER), folder)
    with pytest.raises(MissingSourceError, match="--embedder"):
        tiny.tiny_prior(prior()).build(Sources(pretrained=pretrained), folder)
    recipe = replace(tiny.tiny_prior(prior()), features="network")
    with pytest.raises(MissingSourceError, match="--features"):
        recipe.build(Sources(embedder=EMBEDDER, pretrained=pretrained), folder)
    with pytest.raises(MissingSourceError, match="--labels"):
        tiny.tiny_prior(prior()).build(Sources(), tmp_path / "elsewhere")


def test_variants_change_one_thing() -> None:
    plain = prior()
    assert replace(prior_without_mmrb(), network=plain.network) == plain
    assert replace(prior_without_freezed(), num_frozen=5) == plain
    assert replace(prior_without_local_critics(), objective=PriorObjectiveConfig()) == plain
    assert replace(prior_without_face_loss(), objective=PriorObjectiveConfig()) == plain
    assert replace(prior_without_tuning(), rates=Rates(), num_frozen=5) == plain
    assert replace(prior_paper(), network=plain.network, features="critic") == plain
    assert plain.rates == Rates(2e-3, 2e-4, 2e-3, 2e-3, 2e-5)
