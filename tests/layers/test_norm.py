import torch
from torch import nn

from mien.layers.norm import ConvNorm, NormBlock, fold_norms


def test_folding_changes_nothing_and_leaves_no_norm() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(ConvNorm(3, 4, stride=2), NormBlock(4), ConvNorm(4, 2, size=1))
    for _ in range(3):
        network(torch.rand(4, 3, 16, 16))  # gives the norms statistics of their own
    network.eval()
    picture = torch.rand(2, 3, 20, 12)
    folded = fold_norms(network)
    torch.testing.assert_close(folded(picture), network(picture), atol=1e-5, rtol=1e-4)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def test_sizes() -> None:
    assert ConvNorm(3, 5, stride=2)(torch.rand(1, 3, 9, 8)).shape == (1, 5, 5, 4)
    assert NormBlock(3)(torch.rand(1, 3, 9, 8)).shape == (1, 3, 9, 8)
