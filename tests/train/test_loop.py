import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from mien.train.config import Run, TrainConfig
from mien.train.log import NotFiniteError, read_log
from mien.train.loop import train
from mien.train.order import generator_at
from mien.train.player import Player
from mien.types import Losses

CONFIG = TrainConfig(12, device="cpu", log_every=4, num_loaders=0)


@dataclass(frozen=True)
class NoConfig:
    pass


def numbers(step, rank, num_ranks):
    return torch.randn(64, 1, generator=generator_at(torch.device("cpu"), step, rank))


def player(name, network, objective, rate=0.1, **settings):
    return Player(name, network, torch.optim.SGD(network.parameters(), lr=rate), objective, **settings)


def weights(run):
    return [parameter.detach().clone() for parameter in run.players[0].network.parameters()]


def test_log_and_files(toy, tmp_path):
    run = replace(
        toy.toy_run(tmp_path, replace(CONFIG, validate_every=6), toy.ToyConfig()),
        validate=lambda networks, device: {"training": float(networks["toy"].training)},
        pictures=lambda networks, device: networks["toy"](torch.zeros(1, 3, 4, 4, device=device)),
        write_picture=lambda path, images: path.write_text(str(tuple(images.shape))),
    )
    outcome = train(run)
    lines = read_log(tmp_path / "log.jsonl")
    terms = [line for line in lines if "terms" in line]
    assert [line["step"] for line in terms] == [4, 8, 12]
    assert terms[0]["terms"].keys() == {"toy/total", "toy/pixel", "toy/gradient_norm"}
    assert terms[0]["rates"]["toy"] == pytest.approx(0.05)  # step 3 ends the warm-up of 3
    assert terms[-1]["terms"]["toy/pixel"] < terms[0]["terms"]["toy/pixel"]
    validations = [line for line in lines if "validation" in line]
    assert validations == [{"step": step, "validation": {"training": 0.0}} for step in (6, 12)]
    assert (tmp_path / "pictures" / "step-000000006.png").read_text() == "(1, 3, 4, 4)"
    assert (tmp_path / "log.png").exists()
    assert json.loads((tmp_path / "config.json").read_text())["recipe"]["dropout"] == 0.2
    assert run.players[0].network.training
    assert outcome.networks["toy"] is not run.players[0].network  # the average
    assert outcome.weights == {"toy": tmp_path / "toy.safetensors"}
    learned, stored = outcome.networks["toy"].state_dict(), load_file(outcome.weights["toy"])
    assert all(torch.equal(learned[name], stored[name]) for name in learned)


def test_a_part_is_kept_where_it_is_the_product(toy, tmp_path):
    run = toy.toy_run(tmp_path, replace(CONFIG, num_steps=4, validate_every=2), toy.ToyConfig())
    first = run.players[0]
    outcome = train(replace(run, players=(replace(first, product="3"),)))
    assert set(load_file(outcome.weights["toy"])) == {"weight", "bias"}
    assert not train(replace(run, players=(replace(first, product=None),))).weights
    with pytest.raises(ValueError, match="has no part 'head'"):
        replace(first, product="head")


def test_two_runs_draw_the_same_and_another_seed_does_not(toy, tmp_path):
    runs = [
        toy.toy_run(tmp_path / str(number), replace(CONFIG, seed=seed, num_loaders=loaders), toy.ToyConfig())
        for number, (seed, loaders) in enumerate([(0, 0), (0, 2), (1, 0)])
    ]
    for run in runs:
        train(run)
    first, second, other = map(weights, runs)
    assert all(map(torch.equal, first, second))
    assert not torch.equal(first[0], other[0])


def test_accumulated_batches_are_one_batch(toy, tmp_path):
    bare = toy.ToyConfig(batch_size=6, dropout=0.0, noise=0.0)
    whole = toy.toy_run(tmp_path / "whole", CONFIG, bare)
    pieces = toy.toy_run(tmp_path / "pieces", replace(CONFIG, accumulate=3), replace(bare, batch_size=2))
    train(whole)
    train(pieces)
    torch.testing.assert_close(weights(pieces), weights(whole), rtol=1e-4, atol=1e-6)


def test_one_process_is_two_processes(toy, tmp_path):
    folder = tmp_path / "two"
    command = [sys.executable, str(Path(toy.__file__)), str(folder), "--num-devices", "2"]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    two = torch.load(folder / "checkpoints" / "step-000000012.pt", weights_only=True)["players"]["toy"]
    run = toy.toy_run(tmp_path / "one", CONFIG, toy.ToyConfig(batch_size=4, dropout=0.0, noise=0.0))
    train(run)
    torch.testing.assert_close(list(two["network"].values()), weights(run), rtol=1e-4, atol=1e-6)
    one_log, two_log = (read_log(tmp_path / name / "log.jsonl") for name in ("one", "two"))
    assert [line["step"] for line in two_log] == [line["step"] for line in one_log]
    assert two_log[-1]["terms"] == pytest.approx(one_log[-1]["terms"], rel=1e-3)


def test_two_adversaries_find_the_mean(tmp_path):
    """A Wasserstein game: the generator shifts its numbers to those of a Gaussian around 3."""

    class Shift(nn.Module):
        def __init__(self):
            super().__init__()
            self.mean = nn.Parameter(torch.zeros(1))

        def forward(self, chance):
            return chance + self.mean

    generator, critic = Shift(), nn.Linear(1, 1, bias=False)
    nn.init.zeros_(critic.weight)

    def fool(network, batch, chance):
        assert not critic.weight.requires_grad
        made = network(torch.randn(batch.shape, generator=chance))
        return Losses(-critic(made).mean(), {})

    def tell(network, batch, chance):
        assert not generator.mean.requires_grad
        made = generator(torch.randn(batch.shape, generator=chance))
        gap = network(made).mean() - network(batch + 3).mean()
        return Losses(gap + network.weight.square().sum() / 2, {"gap": gap.detach()})

    players = (player("critic", critic, tell, rate=0.5), player("generator", generator, fool))
    outcome = train(Run(tmp_path, players, numbers, replace(CONFIG, num_steps=150), NoConfig()))
    assert outcome.networks["generator"].mean.item() == pytest.approx(3, abs=0.3)
    assert critic.weight.requires_grad
    assert generator.mean.requires_grad


def test_how_often_a_player_moves_and_at_which_rate(tmp_path):
    moves = Counter()

    def objective(name):
        def count(network, batch, chance):
            moves[name] += 1
            return Losses(network.weight.sum(), {})

        return count

    often, seldom = nn.Linear(1, 1), nn.Linear(1, 1)
    before = often.weight.item(), seldom.weight.item()
    players = (
        player("often", often, objective("often")),
        player("seldom", seldom, objective("seldom"), every=5, schedule=lambda step: float(step)),
    )
    train(Run(tmp_path, players, numbers, CONFIG, NoConfig()))
    assert moves == {"often": 12, "seldom": 3}
    assert before[0] - often.weight.item() == pytest.approx(12 * 0.1, rel=1e-4)
    assert before[1] - seldom.weight.item() == pytest.approx((0 + 5 + 10) * 0.1, rel=1e-4)


def test_clipping_bounds_the_step(tmp_path):
    network = nn.Linear(1, 1, bias=False)
    before = network.weight.item()
    steep = player("a", network, lambda network, batch, chance: Losses(1e3 * network.weight.sum(), {}))
    train(Run(tmp_path, (replace(steep, clip_norm=2.0),), numbers, replace(CONFIG, num_steps=1), NoConfig()))
    assert before - network.weight.item() == pytest.approx(0.1 * 2, rel=1e-3)
    assert read_log(tmp_path / "log.jsonl")[0]["terms"]["a/gradient_norm"] == pytest.approx(1e3)


def test_a_loss_that_is_not_finite_ends_it_unsaved(tmp_path):
    network = nn.Linear(1, 1)
    steps = iter(range(99))

    def objective(network, batch, chance):
        factor = float("nan") if next(steps) == 6 else 1.0
        total = factor * network(batch).square().mean()
        return Losses(total, {"square": total.detach()})

    config = replace(CONFIG, checkpoint_every_seconds=0.0)
    with pytest.raises(NotFiniteError, match="step 6: a/total is nan"):
        train(Run(tmp_path, (player("a", network, objective),), numbers, config, NoConfig()))
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["step-000000005.pt", "step-000000006.pt"]


def test_preparation_runs_once_and_teachers_stay_frozen(tmp_path):
    teacher, seen = nn.Sequential(nn.Linear(1, 1), nn.Dropout()), []
    copies = (nn.Linear(1, 1), nn.Linear(1, 1))

    def prepare(batch, chance):
        assert not torch.is_grad_enabled()
        return batch + torch.randn(batch.shape, generator=chance)

    def objective(network, batch, chance):
        seen.append(batch)
        gap = (network(batch) - teacher(batch)).square().mean()
        return Losses(gap, {})

    players = tuple(player(str(number), copy, objective) for number, copy in enumerate(copies))
    config = replace(CONFIG, num_steps=40)
    train(Run(tmp_path, players, numbers, config, NoConfig(), teachers=(teacher,), prepare=prepare))
    assert seen[0] is seen[1]
    assert not teacher.training
    assert not teacher[0].weight.requires_grad
    torch.testing.assert_close(copies[0].weight, teacher[0].weight, rtol=0.05, atol=0.05)


def test_brain_float_keeps_weights_and_losses_in_full(tmp_path):
    network = nn.Linear(4, 4)

    def objective(network, batch, chance):
        assert torch.is_autocast_enabled("cpu")
        output = network(batch.expand(-1, 4))
        assert output.dtype == torch.float32
        return Losses(output.square().mean(), {})

    train(
        Run(
            tmp_path,
            (player("a", network, objective, ema_decay=0.5),),
            numbers,
            replace(CONFIG, precision="bf16-mixed"),
            NoConfig(),
        )
    )
    assert network.weight.dtype == torch.float32
