import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mien.layers.mmrb import BranchWidth, Mmrb


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("width", "weights"), [("half", 6_946_816), ("full", 11_665_408)])
def test_both_readings_of_the_width(width: BranchWidth, weights: int) -> None:
    """The convolutions' weights alone, at 512 channels."""
    with torch.device("meta"):
        block = Mmrb(512, width)
        assert block(torch.empty(1, 512, 8, 8)).shape == (1, 512, 8, 8)
    assert sum(parameter.numel() for parameter in block.parameters() if parameter.ndim == 4) == weights


@pytest.mark.parametrize("equalized", [False, True])
def test_it_follows_equations_4_to_10(equalized: bool) -> None:
    torch.manual_seed(0)
    block = Mmrb(6, equalized=equalized)
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.3)
    inputs = torch.randn(2, 6, 7, 8)

    def stage(part: nn.Sequential, values: torch.Tensor) -> torch.Tensor:
        weight = part[0].weight * (part[0].scale if equalized else 1)
        return F.prelu(F.conv2d(values, weight, part[0].bias, padding=weight.shape[-1] // 2), part[1].weight)

    p1, p2 = stage(block.fine, inputs[:, :3]), stage(block.coarse, inputs[:, 3:])
    assert (block.fine[0].weight.shape[-1], block.coarse[0].weight.shape[-1]) == (3, 5)
    both = torch.cat((p1, p2), 1)
    fused = stage(block.fuse, torch.cat((stage(block.mixed_fine, both), stage(block.mixed_coarse, both)), 1))
    torch.testing.assert_close(block(inputs), inputs + fused)


def test_it_begins_near_its_input() -> None:
    torch.manual_seed(0)
    inputs = torch.randn(2, 32, 16, 16)
    for equalized in (False, True):
        change = Mmrb(32, equalized=equalized)(inputs) - inputs
        assert 0 < float(change.detach().std()) < 0.3


def test_gradients() -> None:
    torch.manual_seed(0)
    inputs = torch.randn(1, 4, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(Mmrb(4).double(), inputs)


def test_an_odd_number_of_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="splits its channels in halves"):
        Mmrb(5)
