import pytest
import torch
from torch import nn

from mien.models.prior.critic import Critic, LocalConfig, LocalCritics, local_config, minibatch_deviation
from mien.models.prior.network import PAPER, SMALL_256, Widths

TINY = Widths(16, most=8, budget=64)


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_number_of_parameters() -> None:
    """GPEN's, in millions."""
    with torch.device("meta"):
        assert count(Critic(PAPER.widths)) / 1e6 == pytest.approx(28.98, abs=0.01)
        assert count(Critic(SMALL_256.widths)) / 1e6 == pytest.approx(6.0, abs=0.01)


def test_deviation_is_that_of_the_group() -> None:
    features = torch.randn(6, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    found = minibatch_deviation(features, group=4)  # 6 pictures make groups of 3: 0 2 4 and 1 3 5
    for start in (0, 1):
        spread = features[start::2].std(0, unbiased=False).mean()
        torch.testing.assert_close(found[start::2], spread.expand(3, 1, 2, 2), atol=1e-4, rtol=1e-4)
    assert float(minibatch_deviation(features[:1]).max()) < 1e-3


def test_frozen_layers_learn_nothing_and_let_gradients_through() -> None:
    torch.manual_seed(0)
    critic = Critic(TINY)
    critic.freeze(2)
    images = torch.rand(4, 3, 16, 16, requires_grad=True)
    critic(images).sum().backward()
    frozen = {name for name, parameter in critic.named_parameters() if parameter.grad is None}
    assert frozen == {name for name, _ in critic.named_parameters() if name.startswith(("stem", "blocks.0"))}
    assert images.grad is not None
    assert float(images.grad.abs().max()) > 0
    with pytest.raises(ValueError, match="between 0 and 3 layers"):
        critic.freeze(4)


def test_what_it_sees_is_what_it_judges() -> None:
    torch.manual_seed(0)
    critic = Critic(TINY)
    images = torch.rand(2, 3, 16, 16)
    seen = critic.describe(images)
    assert [one.shape[-1] for one in seen] == [8, 4]
    assert torch.equal(critic.judge(seen[-1]), critic(images))
    assert critic(images).shape == (2, 1, 1, 1)


def test_local_critics_see_their_part_alone() -> None:
    torch.manual_seed(0)
    critics = LocalCritics(LocalConfig(8, 12, channels=(4, 6, 8)))
    images = torch.rand(2, 3, 32, 32, requires_grad=True)
    boxes = torch.tensor([[4.0, 4, 11, 11], [18, 4, 25, 11], [8, 18, 19, 29]]).expand(2, -1, -1)
    logits = critics(images, boxes)
    assert [one.shape for one in logits] == [(2, 1, 2, 2), (2, 1, 2, 2), (2, 1, 3, 3)]
    logits[2].sum().backward()
    assert images.grad is not None
    touched = images.grad.abs().sum((0, 1)) > 0
    assert touched[18:29, 8:19].any()
    assert not touched[:17].any()


def test_crops_shrink_with_the_picture() -> None:
    assert (local_config(512).eye_size, local_config(512).mouth_size) == (80, 120)
    assert (local_config(128).eye_size, local_config(128).mouth_size) == (20, 32)
    assert local_config(64).eye_size == 16
