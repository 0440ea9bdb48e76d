from dataclasses import replace

import pytest
import torch
from torch import nn

from mien.models.prior.network import (
    PAPER,
    SMALL_128,
    SMALL_256,
    Generator,
    GeneratorConfig,
    Widths,
    draw_codes,
    draw_noises,
)

TINY = GeneratorConfig(Widths(16, most=8, budget=64), style_channels=6, num_mapping_layers=2)
CPU = torch.device("cpu")


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def shaken(network: nn.Module) -> nn.Module:
    """With some noise let in."""
    for name, parameter in network.named_parameters():
        if name.endswith("noise_weight"):
            nn.init.constant_(parameter, 0.3)
    return network.eval()


def test_the_paper_s_channels() -> None:
    assert {side: PAPER.widths[side] for side in PAPER.widths.sides} == {
        4: 512,
        8: 512,
        16: 512,
        32: 512,
        64: 512,
        128: 256,
        256: 128,
        512: 64,
    }
    assert PAPER.num_layers == 16
    assert len(PAPER.noise_shapes()) == 15


@pytest.mark.parametrize(
    ("config", "mapping", "synthesis"),
    [(PAPER, 2.10, 53.72), (SMALL_256, 0.53, 10.69), (SMALL_128, 0.53, 3.09)],
    ids=["paper", "256", "128"],
)
def test_number_of_parameters(config: GeneratorConfig, mapping: float, synthesis: float) -> None:
    """Those of GPEN's generator at 512, in millions."""
    with torch.device("meta"):
        network = Generator(config)
    assert count(network.mapping) / 1e6 == pytest.approx(mapping, abs=0.01)
    assert (count(network) - count(network.mapping)) / 1e6 == pytest.approx(synthesis, abs=0.01)


@pytest.mark.parametrize("size", [64, 1024])
def test_it_draws_at_the_smallest_and_the_largest_size(size: int) -> None:
    config = replace(TINY, widths=Widths(size, most=2, budget=2 * size))
    noises = [torch.zeros(1, channels, side, side) for channels, side in config.noise_shapes()]
    with torch.no_grad():
        image, styles = Generator(config)(torch.ones(1, 2, 6), torch.tensor([0]), noises)
    assert image.shape == (1, 3, size, size)
    assert styles.shape == (1, config.num_layers, 6)


def test_noise_has_no_say_at_first() -> None:
    torch.manual_seed(0)
    network = Generator(TINY).eval()
    generator = torch.Generator().manual_seed(0)
    styles = network.styles_of(draw_codes(TINY, 2, generator, CPU))
    one, other = (draw_noises(TINY, 2, generator, CPU) for _ in range(2))
    assert torch.equal(network.synthesize(styles, one), network.synthesize(styles, other))
    shaken(network)
    assert not torch.allclose(network.synthesize(styles, one), network.synthesize(styles, other))
    assert torch.equal(network.synthesize(styles, one), network.synthesize(styles, one))


def test_the_second_code_rules_from_the_crossover_on() -> None:
    torch.manual_seed(0)
    network = Generator(TINY).eval()
    generator = torch.Generator().manual_seed(0)
    codes = torch.randn(3, 2, 6, generator=generator)
    crossover = torch.tensor([0, 3, TINY.num_layers])
    image, styles = network(codes, crossover, draw_noises(TINY, 3, generator, CPU))
    first, second = (network.styles_of(codes[:, place]) for place in (0, 1))
    torch.testing.assert_close(styles[0], second[0])
    torch.testing.assert_close(styles[1], torch.cat((first[1, :3], second[1, 3:])))
    torch.testing.assert_close(styles[2], first[2])
    assert image.shape == (3, 3, 16, 16)


def test_it_trains_with_both_kinds_of_noise() -> None:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    for config in (TINY, replace(TINY, noise="added")):
        network = shaken(Generator(config))
        codes = draw_codes(config, 4, generator, CPU).reshape(2, 2, 6)
        image, _ = network(codes, torch.tensor([2, 9]), draw_noises(config, 2, generator, CPU))
        image.square().sum().backward()
        assert all(parameter.grad is not None for parameter in network.parameters())


def test_sizes_that_do_not_double_are_refused() -> None:
    with pytest.raises(ValueError, match="power of two from 16 to 1024, got 100"):
        Widths(100, 8, 64)
