import pytest
import torch

from mien.models.quality.network import PAPER, SMALL, QualityConfig, QualityNetwork, ScalingBlock

TINY = QualityConfig(image_size=32, shrink=2, channels=(4, 6, 8), num_middle=1)


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_sizes():
    with torch.device("meta"):
        paper, small = QualityNetwork(PAPER), QualityNetwork(SMALL)
        assert paper(torch.zeros(2, 3, 256, 256)).shape == (2, 1, 256, 256)
        assert small(torch.zeros(2, 3, 256, 256)).shape == (2, 1, 256, 256)
    # four blocks of two 3 x 3 convolutions of 1024 channels are most of it
    assert count(paper) == 105_283_521
    assert count(small) == 4_094_692


def test_every_pixel_has_a_say_of_its_own():
    torch.manual_seed(0)
    network = QualityNetwork(TINY).eval()
    image = torch.rand(1, 3, 32, 32, requires_grad=True)
    network(image)[0, 0, 5, 9].backward()
    assert image.grad is not None
    reach = image.grad.abs().sum(dim=(0, 1))
    assert reach[:12, 3:16].mean() > 5 * reach[20:].mean()


def test_gradients_reach_everything():
    torch.manual_seed(0)
    network = QualityNetwork(TINY)
    network(torch.rand(2, 3, 32, 32)).square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


@pytest.mark.parametrize(("scaling", "side"), [("halve", 4), ("keep", 8), ("double", 16)])
def test_a_block_scales_and_keeps_the_variance(scaling, side):
    torch.manual_seed(0)
    features = torch.randn(4, 16, 8, 8)
    scaled = ScalingBlock(16, 16, scaling)(features).detach()
    assert scaled.shape == (4, 16, side, side)
    assert 0.2 < float(scaled.var()) < 3


def test_sides_must_fit():
    with pytest.raises(ValueError, match="30 is not a multiple of 8"):
        QualityConfig(image_size=30, shrink=2, channels=(4, 6, 8), num_middle=1)
