import pytest
import torch
from torch import nn

from mien.train.player import Player, held_still, trainable
from mien.types import Losses


def objective(network, batch, generator):
    loss = network(batch).mean()
    return Losses(loss, {})


def test_held_still_lets_go_after_an_error():
    network = nn.Linear(2, 2)
    network.bias.requires_grad_(False)  # frozen by the recipe: stays so
    parameters = trainable(network)

    def fail():
        assert not network.weight.requires_grad
        raise KeyError

    with pytest.raises(KeyError), held_still(parameters):
        fail()
    assert network.weight.requires_grad
    assert not network.bias.requires_grad


def test_foreign_optimizer_is_refused():
    network, other = nn.Linear(1, 1), nn.Linear(1, 1)
    with pytest.raises(ValueError, match=r"'a'.*another network"):
        Player("a", network, torch.optim.SGD(other.parameters(), lr=1.0), objective)


@pytest.mark.parametrize("wrong", [{"every": 0}, {"ema_decay": 1.0}])
def test_wrong_settings_are_refused(wrong):
    network = nn.Linear(1, 1)
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Player("a", network, torch.optim.SGD(network.parameters(), lr=1.0), objective, **wrong)
