from dataclasses import replace

import pytest
import torch
from torch import nn

from mien.models.frontal.network import (
    NARROW,
    PAPER,
    SMALL,
    VGG11,
    Critic,
    CriticConfig,
    FrontalConfig,
    FrontalNetwork,
    identity_critic,
    pose_critic,
    turning,
)
from mien.models.restore.network import RestoreConfig, RestoreNetwork

TINY = FrontalConfig(
    RestoreConfig(
        image_size=16,
        shrink=2,
        channels=(4, 6, 8),
        num_blocks=(1, 0, 1),
        decoder_channels=(6, 4),
        num_decoder_blocks=1,
        skips=True,
        residual=False,
    ),
    num_points=5,
)


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def shaken(network: nn.Module) -> nn.Module:
    """With random weights where it starts with zeros."""
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data.normal_(std=0.1, generator=generator)
    return network.eval()


def inputs(config: FrontalConfig, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    size, side = config.shared.image_size, config.map_size
    image = torch.rand(batch, 3, size, size, generator=generator)
    maps = torch.rand(2, batch, config.num_points, side, side, generator=generator)
    return image, maps[0], maps[1]


@pytest.mark.parametrize("config", [PAPER, SMALL], ids=["paper", "small"])
def test_its_last_block_can_be_compared_with_an_frn(config: FrontalConfig) -> None:
    size, side = config.shared.image_size, config.map_size
    with torch.device("meta"):
        maps = torch.empty(2, config.num_points, side, side)
        image = torch.empty(2, 3, size, size)
        last, picture = FrontalNetwork(config).features_and_image(image, maps, maps)
        expected, _ = RestoreNetwork(config.shared).features_and_image(image)
    assert last.shape == expected.shape
    assert picture.shape == (2, 3, size, size)


def test_paper_config_has_the_size_of_frn_and_a_way_in_for_poses() -> None:
    with torch.device("meta"):
        frn, ffn = RestoreNetwork(PAPER.shared), FrontalNetwork(PAPER)
    pose_stem = 18 * 64 * 9 + 64
    join = 1024 * 512 + 512
    assert count(ffn) == count(frn) + pose_stem + join


def test_a_pose_that_stays_is_no_pose_at_all() -> None:
    """Equation 2 sees the difference alone: what both poses are does not matter where they are the same."""
    network = shaken(FrontalNetwork(TINY))
    image, given, wanted = inputs(TINY)
    assert torch.equal(network(image, given, given), network(image, wanted, wanted))
    assert not torch.allclose(network(image, given, wanted), network(image, given, given))


def test_concatenated_poses_are_told_apart_even_where_they_are_the_same() -> None:
    network = shaken(FrontalNetwork(replace(TINY, pose="concatenated")))
    image, given, wanted = inputs(TINY)
    assert not torch.allclose(network(image, given, given), network(image, wanted, wanted))


def test_without_poses_they_have_no_say() -> None:
    network = shaken(FrontalNetwork(replace(TINY, pose="none")))
    image, given, wanted = inputs(TINY)
    assert torch.equal(network(image, given, wanted), network(image, wanted, given))


def test_pictures_and_heatmaps_share_all_but_the_way_in() -> None:
    network = shaken(FrontalNetwork(TINY))
    image, given, wanted = inputs(TINY)
    network(image, given, wanted).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    stems = {name for name, _ in network.encoder.named_children() if name.endswith("stem")}
    assert stems == {"image_stem", "pose_stem"}


def test_a_turned_face_is_no_residual() -> None:
    with pytest.raises(ValueError, match="residual must be False"):
        replace(TINY, shared=replace(TINY.shared, residual=True))
    assert not turning(replace(TINY.shared, residual=True)).residual


def test_critics_have_the_convolutions_of_vgg_11() -> None:
    with torch.device("meta"):
        critic = pose_critic(VGG11, 18)
        logits = critic(torch.empty(2, 3, 128, 128), torch.empty(2, 18, 128, 128))
    assert logits.shape == (2, 1, 1, 1)
    vgg11_features = 9_220_480
    added = 18 * 64 * 9 + 512 + 1  # planes of the pose, and the logit
    assert count(critic) == vgg11_features + added


def test_a_critic_is_told_the_person_once_for_the_whole_picture() -> None:
    critic = shaken(identity_critic(NARROW, 6))
    generator = torch.Generator().manual_seed(0)
    image, who = torch.rand(1, 3, 64, 64, generator=generator), torch.rand(1, 6, generator=generator)
    assert not torch.allclose(critic(image, who), critic(image, who + 1))
    twice = critic(image.repeat(2, 1, 1, 1), who.repeat(2, 1))
    torch.testing.assert_close(twice[1], critic(image, who)[0])


def test_a_critic_with_other_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="VGG-11 has 8"):
        Critic(CriticConfig((8, 16)))
