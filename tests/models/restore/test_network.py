from dataclasses import replace

import pytest
import torch
from torch import nn

from mien.models.restore.network import PAPER, SMALL, PatchCritic, RestoreConfig, RestoreNetwork

TINY = RestoreConfig(
    image_size=16,
    shrink=2,
    channels=(4, 6, 8),
    num_blocks=(1, 0, 1),
    decoder_channels=(6, 4),
    num_decoder_blocks=1,
    skips=True,
    residual=True,
)


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def shaken(network: RestoreNetwork) -> RestoreNetwork:
    """With random weights where it starts with zeros."""
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data.normal_(std=0.1, generator=generator)
    return network


def test_paper_config_has_the_published_shapes() -> None:
    with torch.device("meta"):
        network = RestoreNetwork(PAPER)
        *finer, code = network.encoder(torch.empty(2, 3, 128, 128))
        last, image = network.features_and_image(torch.empty(2, 3, 128, 128))
    assert [features.shape[1:] for features in finer] == [
        (64, 128, 128),
        (128, 64, 64),
        (256, 32, 32),
        (512, 16, 16),
    ]
    assert code.shape == (2, 512, 8, 8)
    assert last.shape == (2, 32, 128, 128)
    assert image.shape == (2, 3, 128, 128)
    merges = [block.merge.in_channels for block in network.decoder.blocks]
    assert merges == [512, 256, 256 + 128, 256 + 128 + 64]
    assert count(network) == 29_133_699


def test_small_config_fits_256_px_crops() -> None:
    with torch.device("meta"):
        network = RestoreNetwork(SMALL)
        assert network(torch.empty(1, 3, 256, 256)).shape == (1, 3, 256, 256)
    assert count(network) == 7_026_672


def test_mmrbs_stand_between_the_first_and_the_last_level() -> None:
    with torch.device("meta"):
        network = RestoreNetwork(replace(SMALL, mmrb=True))
        assert network(torch.empty(1, 3, 256, 256)).shape == (1, 3, 256, 256)
    assert list(network.encoder.mmrbs) == ["1", "2"]
    assert not any("mmrbs" in name for name in RestoreNetwork(TINY).state_dict())
    shaken(RestoreNetwork(replace(TINY, mmrb=True)))(torch.rand(1, 3, 16, 16)).sum().backward()


def test_starts_as_the_identity_where_it_predicts_a_residual() -> None:
    images = torch.rand(2, 3, 16, 24)
    assert torch.equal(RestoreNetwork(TINY)(images), images)


@pytest.mark.parametrize("config", [TINY, replace(TINY, skips=False, residual=False, shrink=1)])
def test_every_parameter_gets_a_gradient(config: RestoreConfig) -> None:
    network = shaken(RestoreNetwork(config))
    network(torch.rand(1, 3, 16, 16)).square().sum().backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == []


def test_pictures_of_a_batch_do_not_meet() -> None:
    network = shaken(RestoreNetwork(TINY)).double()
    images = torch.rand(3, 3, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(network(images)[1:2], network(images[1:2]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"num_blocks": (1, 1)}, "n \\+ 1"), ({"image_size": 20}, "multiple of 8")],
)
def test_a_config_that_does_not_fit_together_is_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(TINY, **wrong)


def test_the_critic_judges_patches_and_sees_the_damaged_picture() -> None:
    torch.manual_seed(0)
    critic, images = PatchCritic((4, 6, 8)).eval(), torch.rand(2, 3, 32, 32)
    logits = critic(images, images)
    assert logits.shape == (2, 1, 6, 6)
    assert not torch.equal(critic(1 - images, images), logits)
