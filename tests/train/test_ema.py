import pytest
import torch
from torch import nn

from mien.train.ema import Average


def test_weights_follow_the_formula():
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 1.0)
    average = Average(network, decay=0.3)
    expected = 1.0
    for update, weight in enumerate((2.0, 5.0, -3.0, 4.0, 0.5)):
        nn.init.constant_(network.weight, weight)
        average.update()
        decay = min(0.3, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay) * weight
        assert average.network.weight.item() == pytest.approx(expected, rel=1e-6)
    assert network.weight.item() == 0.5


def test_buffers_are_kept_up():
    network = nn.BatchNorm1d(2)
    average = Average(network, decay=0.9)
    network(torch.tensor([[1.0, 2.0], [3.0, 6.0]]))
    average.update()
    assert average.network.num_batches_tracked == 1
    torch.testing.assert_close(average.network.running_mean, 0.9 * network.running_mean)  # first decay is 0.1
    assert not average.network.training
    assert not average.network.weight.requires_grad
