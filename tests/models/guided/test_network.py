from dataclasses import replace

import pytest
import torch
from torch import nn

from mien.models.guided.network import (
    PAPER,
    SMALL,
    FoldedConfig,
    FoldedRecNet,
    FoldedWarpNet,
    GuidedConfig,
    GuidedNetwork,
    UNetConfig,
    paper_config,
    start_from_restore,
    twice_as_wide,
    without_guide,
    without_warp,
)
from mien.models.restore.network import RestoreConfig, RestoreNetwork

REC = FoldedConfig(
    shrink=2,
    channels=(4, 6, 8),
    num_blocks=(1, 0, 1),
    decoder_channels=(6, 4),
    guide_channels=(3, 5),
)
WARP = FoldedConfig(shrink=2, channels=(4, 6, 8), num_blocks=(1, 0, 1), decoder_channels=(6,))
TINY = GuidedConfig(16, REC, WARP)
TINY_PAPER = GuidedConfig(16, UNetConfig((4, 6, 8, 8), num_dropouts=2), UNetConfig((4, 6, 8, 8)))
RESTORE = RestoreConfig(
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


def shaken(network: nn.Module) -> nn.Module:
    """With random weights where it starts with zeros."""
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data.normal_(std=0.1, generator=generator)
    return network.eval()


def pictures(seed: int, batch: int = 2) -> torch.Tensor:
    return 2 * torch.rand(batch, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) - 1


def test_paper_config_has_the_shapes_of_the_layer_table() -> None:
    with torch.device("meta"):
        network = GuidedNetwork(PAPER)
        made = network(torch.empty(2, 3, 256, 256), torch.empty(2, 3, 256, 256))
        features = network.rec_net.encoder(torch.empty(1, 6, 256, 256))
    assert made.image.shape == made.warped.shape == (2, 3, 256, 256)
    assert made.flow.shape == (2, 2, 256, 256)
    assert [tuple(one.shape[1:]) for one in features] == [
        (64, 128, 128),
        (128, 64, 64),
        (256, 32, 32),
        *((512, side, side) for side in (16, 8, 4, 2, 1)),
    ]
    decoder = [(conv.in_channels, conv.out_channels) for conv in network.rec_net.decoder.convs]
    assert decoder == [
        (512, 512),
        *[(1024, 512)] * 3,
        (1024, 256),
        (512, 128),
        (256, 64),
        (128, 3),
    ]


@pytest.mark.parametrize(("most_channels", "warp"), [(512, 39_083_010), (1024, 122_978_818)])
def test_paper_config_has_the_published_size(most_channels: int, warp: int) -> None:
    with torch.device("meta"):
        network = GuidedNetwork(paper_config(most_channels))
    assert count(network.warp_net) == warp
    assert count(network.rec_net) == 54_422_531


def test_variants_of_the_paper_s_table() -> None:
    """-W and -WG are RecNet alone; the whole is nearly twice as large; -W2 has twice their channels."""
    with torch.device("meta"):
        whole, no_warp, no_guide, wide = (
            count(GuidedNetwork(config))
            for config in (
                PAPER,
                without_warp(PAPER),
                without_guide(PAPER),
                twice_as_wide(without_warp(PAPER)),
            )
        )
    assert no_warp - no_guide == 3 * 64 * 16  # the guide's channels in the first convolution
    assert whole / no_warp == pytest.approx(1.72, abs=0.005)
    assert wide / no_warp == pytest.approx(4, abs=0.01)
    assert twice_as_wide(PAPER).rec.channels[:2] == (128, 256)


def test_small_config_fits_256_px_crops() -> None:
    with torch.device("meta"):
        network = GuidedNetwork(SMALL)
        made = network(torch.empty(1, 3, 256, 256), torch.empty(1, 3, 256, 256))
    assert made.image.shape == (1, 3, 256, 256)
    assert count(network.rec_net) == 7_660_896
    assert count(network.warp_net) < count(network.rec_net) / 2
    with torch.device("meta"):
        assert count(GuidedNetwork(without_guide(SMALL))) == 7_026_672  # the restoration net of the package


def test_small_starts_with_a_guide_that_stays_and_a_picture_that_stays() -> None:
    damaged, guide = pictures(0), pictures(1)
    made = GuidedNetwork(TINY)(damaged, guide)
    assert torch.equal(made.warped, guide)
    assert torch.equal(made.image, damaged)


@pytest.mark.parametrize("config", [TINY, TINY_PAPER], ids=["small", "paper"])
def test_what_comes_out_teaches_the_warp(config: GuidedConfig) -> None:
    """End to end: nothing is detached between RecNet and WarpNet."""
    network = shaken(GuidedNetwork(config))
    network(pictures(0), pictures(1)).image.square().sum().backward()
    gradients = [parameter.grad for parameter in network.warp_net.parameters()]
    assert all(gradient is not None for gradient in gradients)
    assert any(bool((gradient != 0).any()) for gradient in gradients)


@pytest.mark.parametrize("config", [TINY, TINY_PAPER], ids=["small", "paper"])
def test_without_a_guide_it_has_no_say(config: GuidedConfig) -> None:
    network = shaken(GuidedNetwork(without_guide(config)))
    damaged = pictures(0)
    assert torch.equal(network(damaged, pictures(1)).image, network(damaged, pictures(2)).image)
    seeing = shaken(GuidedNetwork(without_warp(config)))
    assert not torch.equal(seeing(damaged, pictures(1)).image, seeing(damaged, pictures(2)).image)
    assert torch.equal(seeing(damaged, pictures(1)).warped, pictures(1))


def test_flows_are_float32_whatever_it_computes_in() -> None:
    network = GuidedNetwork(TINY).bfloat16()
    made = network(pictures(0).bfloat16(), pictures(1).bfloat16())
    assert made.flow.dtype == torch.float32
    assert made.image.dtype == made.warped.dtype == torch.bfloat16


@pytest.mark.parametrize("config", [TINY, without_guide(TINY)], ids=["full", "-WG"])
def test_it_begins_as_the_restoration_net(config: GuidedConfig) -> None:
    restore = shaken(RestoreNetwork(RESTORE))
    network = GuidedNetwork(config).eval()
    assert isinstance(network.rec_net, FoldedRecNet)
    start_from_restore(network.rec_net, restore.state_dict())
    damaged = pictures(0)
    torch.testing.assert_close(network(damaged, pictures(1)).image, restore(damaged))


def test_another_net_s_weights_are_refused() -> None:
    rec = FoldedRecNet(REC, 2)
    with pytest.raises(ValueError, match=r"other parts: encoder\.layer"):
        start_from_restore(rec, {"encoder.layer": torch.zeros(1)})


def test_a_guide_can_be_learned_from_where_its_weights_begin_at_zero() -> None:
    network = GuidedNetwork(TINY)
    start_from_restore(network.rec_net, shaken(RestoreNetwork(RESTORE)).state_dict())
    network(pictures(0), pictures(1)).image.square().sum().backward()
    assert (network.rec_net.encoder.stem.weight.grad[:, 12:] != 0).any()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"image_size": 18}, "multiple of 8"),
        ({"sees_guide": False}, "nobody sees"),
    ],
)
def test_configs_that_cannot_be(change: dict[str, int | bool], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        replace(TINY, **change)


def test_folded_configs_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="num_blocks"):
        replace(REC, num_blocks=(1,))
    with pytest.raises(ValueError, match="guide_channels"):
        replace(REC, guide_channels=(3,))
    assert FoldedWarpNet(WARP).to_shift.out_channels == 2
