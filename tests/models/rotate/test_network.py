from dataclasses import replace

import pytest
import torch

from mien.models.rotate.network import (
    PAPER,
    SMALL,
    OcclusionAttention,
    RotateConfig,
    RotateCritic,
    RotateNetwork,
    without_parsing,
)

TINY = RotateConfig(image_size=32, fold=2, channels=(4, 6, 8), num_blocks=2, stem=3)


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def pictures(size, batch=2):
    return torch.rand(2, batch, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_the_published_sizes():
    # 18.06 million parameters in the released code
    assert count(RotateNetwork(PAPER)) == 18_056_132
    assert count(RotateNetwork(SMALL)) == 5_266_032
    assert count(RotateCritic().fine) == pytest.approx(2.76e6, rel=0.01)


def test_289_patches_at_224():
    assert RotateCritic((2, 2, 2, 2))(torch.zeros(1, 3, 224, 224)).shape == (1, 225 + 64)


@pytest.mark.parametrize("fold", [1, 2, 4])
@pytest.mark.parametrize("spectral", [False, True])
def test_picture_and_mask_have_the_inputs_size(fold, spectral):
    network = RotateNetwork(replace(TINY, fold=fold, spectral=spectral))
    made, logits = network(*pictures(32))
    assert made.shape == (2, 3, 32, 32)
    assert logits.shape == (2, 1, 32, 32)
    assert made.abs().max() <= 1


def test_without_the_o_path_everything_is_made_anew():
    network = RotateNetwork(without_parsing(TINY))
    made, logits = network(*pictures(32))
    assert made.shape == (2, 3, 32, 32)
    assert torch.sigmoid(logits).min() > 0.999
    assert count(network) < count(RotateNetwork(TINY))


def test_what_adds_begins_as_the_estimate():
    photo, estimate = pictures(32)
    network = RotateNetwork(replace(TINY, adds=True, spectral=False))
    torch.testing.assert_close(network(photo, estimate)[0], estimate, atol=1e-6, rtol=0)


def test_attention_is_equation_9():
    attention = OcclusionAttention(4)
    photo, estimate = torch.rand(2, 2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    weakened, differs = attention(photo, estimate)
    before = attention.conv((photo - estimate) ** 2)
    mean, variance = before.mean((2, 3), keepdim=True), before.var((2, 3), keepdim=True, correction=0)
    wanted = (before - mean) / (variance + 1e-5).sqrt()
    torch.testing.assert_close(differs, wanted, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(weakened, photo * (1 - torch.sigmoid(wanted)), atol=1e-5, rtol=1e-4)


def test_both_inputs_and_all_weights_matter():
    network = RotateNetwork(TINY)
    made, logits = network(*pictures(32))
    # sums would be the same for all pictures behind an instance norm
    (made.square().sum() + logits.square().sum()).backward()
    unused = [name for name, one in network.named_parameters() if one.grad is None]
    assert not unused


def test_a_size_that_cannot_be_halved_twice_is_refused():
    with pytest.raises(ValueError, match="multiple of 8"):
        RotateConfig(image_size=36, fold=2)
