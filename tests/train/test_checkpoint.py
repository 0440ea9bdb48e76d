import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from mien.train.checkpoint import export_network, export_player, newest
from mien.train.config import TrainConfig
from mien.train.log import read_log
from mien.train.loop import train

CONFIG = TrainConfig(12, device="cpu", log_every=4, checkpoint_every_seconds=0.0)


def same(one, other):
    """Whether two checkpoint entries agree to the bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def final_state(folder):
    return torch.load(newest(folder), weights_only=True)


@pytest.fixture(scope="module")
def whole(toy, tmp_path_factory):
    """A training that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    assert train(toy.toy_run(folder, CONFIG, toy.ToyConfig())).finished
    return folder


def test_keeps_the_last_two(whole):
    names = sorted(path.name for path in (whole / "checkpoints").iterdir())
    assert names == ["step-000000011.pt", "step-000000012.pt"]
    assert final_state(whole)["step"] == 12


def test_resumed_after_a_signal_is_bit_identical(toy, whole, tmp_path):
    run = toy.toy_run(tmp_path, replace(CONFIG, checkpoint_every_seconds=99.0), toy.ToyConfig())
    draw = run.batches

    def batches(step, rank, num_ranks):
        if step == 5:
            signal.raise_signal(signal.SIGTERM)
        return draw(step, rank, num_ranks)

    # without loader threads: batch 5 is drawn in the main thread, at the sixth step
    outcome = train(replace(run, batches=batches, training=replace(run.training, num_loaders=0)))
    assert (outcome.step, outcome.finished) == (6, False)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert train(toy.toy_run(tmp_path, CONFIG, toy.ToyConfig())).finished
    assert same(final_state(tmp_path), final_state(whole))


def test_killed_while_it_saves_and_resumed_is_bit_identical(toy, whole, tmp_path):
    # safe by then: config, log and four checkpoints, each with its folder; number 13 is the fifth checkpoint
    dead = subprocess.run(
        [sys.executable, str(Path(toy.__file__)), str(tmp_path), "--die", "13"], timeout=120
    )
    assert dead.returncode == -signal.SIGKILL
    left = sorted(path.name.rpartition(".")[2] for path in (tmp_path / "checkpoints").iterdir())
    assert left == ["pt", "pt", "unfinished"]
    assert final_state(tmp_path)["step"] == 4
    assert train(toy.toy_run(tmp_path, CONFIG, toy.ToyConfig())).finished
    assert same(final_state(tmp_path), final_state(whole))
    assert {path.suffix for path in (tmp_path / "checkpoints").iterdir()} == {".pt"}
    steps = [line["step"] for line in read_log(tmp_path / "log.jsonl")]
    assert steps == sorted(set(steps))


def test_export_is_the_average(whole, tmp_path):
    path = tmp_path / "toy.safetensors"
    assert export_player(whole, "toy", path) == 12
    average = final_state(whole)["players"]["toy"]["average"]
    assert same(load_file(path), average)
    assert not same(average, final_state(whole)["players"]["toy"]["network"])
    export_player(whole, "toy", path, torch.float16)
    assert load_file(path)["0.weight"].dtype == torch.float16
    assert load_file(path)["1.num_batches_tracked"].dtype == torch.int64
    with pytest.raises(ValueError, match="no player 'other'"):
        export_player(whole, "other", path)


def test_export_refuses_what_the_type_cannot_hold(tmp_path):
    network = nn.Linear(1, 1)
    nn.init.constant_(network.weight, 1e5)
    with pytest.raises(ValueError, match=r"weight has values that torch\.float16 cannot hold"):
        export_network(network, tmp_path / "weights", torch.float16)
    assert not list(tmp_path.iterdir())


def test_no_checkpoint_and_a_broken_one_are_named(toy, whole, tmp_path):
    with pytest.raises(FileNotFoundError, match="has no checkpoint"):
        export_player(tmp_path, "toy", tmp_path / "weights")
    broken = tmp_path / "checkpoints" / "step-000000003.pt"
    broken.parent.mkdir()
    for content in (b"", b"words", newest(whole).read_bytes()[:3000]):
        broken.write_bytes(content)
        with pytest.raises(ValueError, match=r"step-000000003\.pt is not a checkpoint"):
            train(toy.toy_run(tmp_path, CONFIG, toy.ToyConfig()))


def test_another_recipe_is_refused(toy, whole):
    run = toy.toy_run(whole, CONFIG, toy.ToyConfig())
    with pytest.raises(ValueError, match=r"has players \['toy'\], this run has \['other'\]"):
        train(replace(run, players=(replace(run.players[0], name="other"),)))
    with pytest.raises(ValueError, match="differ in ema_decay"):
        train(replace(run, players=(replace(run.players[0], ema_decay=None),)))
