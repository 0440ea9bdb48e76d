from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from mien.models.frontal.network import identity_critic, pose_critic
from mien.recipes.vgg import PLACES, VggError, read_vgg11, start_from_vgg11

WIDTHS = (4, 6, 8, 8, 10, 10, 12, 12)


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    """As torchvision names them, but narrow."""
    chance, before, made = torch.Generator().manual_seed(0), 3, {}
    for place, after in zip(PLACES, WIDTHS, strict=True):
        made[f"features.{place}.weight"] = torch.randn(after, before, 3, 3, generator=chance)
        made[f"features.{place}.bias"] = torch.randn(after, generator=chance)
        before = after
    return made


def test_convolutions_are_taken_over_and_conditions_start_at_nothing(
    tensors: dict[str, torch.Tensor],
) -> None:
    critic = pose_critic(WIDTHS, 5)
    start_from_vgg11(critic, tensors)
    assert torch.equal(critic.convs[0].weight[:, :3], tensors["features.0.weight"])
    assert not critic.convs[0].weight[:, 3:].any()
    assert torch.equal(critic.convs[7].bias, tensors["features.18.bias"])
    image, maps = torch.rand(1, 3, 32, 32), torch.rand(2, 1, 5, 32, 32)
    assert torch.equal(critic(image, maps[0]), critic(image, maps[1]))


def test_a_person_has_no_say_at_first(tensors: dict[str, torch.Tensor]) -> None:
    critic = identity_critic(WIDTHS, 7)
    start_from_vgg11(critic, tensors)
    assert torch.equal(critic.convs[4].weight[:, :8], tensors["features.11.weight"])
    assert not critic.convs[4].weight[:, 8:].any()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_both_kinds_of_file(tensors: dict[str, torch.Tensor], tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"vgg11{suffix}"
    if suffix == ".pth":
        torch.save(tensors, path)
    else:
        save_file(tensors, path)
    assert torch.equal(read_vgg11(path)["features.3.bias"], tensors["features.3.bias"])


def test_another_network_is_refused(tensors: dict[str, torch.Tensor]) -> None:
    del tensors["features.6.weight"]
    with pytest.raises(VggError, match=r"features.6.weight should be \(8, 6, 3, 3\)"):
        start_from_vgg11(pose_critic(WIDTHS, 5), tensors)
    with pytest.raises(VggError, match="should be"):
        start_from_vgg11(pose_critic((5,) * 8, 5), tensors)
