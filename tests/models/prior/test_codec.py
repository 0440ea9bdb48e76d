from dataclasses import replace

import pytest
import torch
from torch import nn

from mien.layers.mmrb import Mmrb
from mien.models.prior.codec import PRIOR_256, PRIOR_PAPER, PriorConfig, PriorNetwork, as_noises
from mien.models.prior.network import GeneratorConfig, Widths

TINY = PriorConfig(GeneratorConfig(Widths(32, most=8, budget=128), style_channels=6, num_mapping_layers=2))


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_there_are_six_mmrbs_at_the_paper_s_size() -> None:
    with torch.device("meta"):
        network = PriorNetwork(PRIOR_PAPER)
    assert list(network.codec.encoder.mmrbs) == ["256", "128", "64", "32", "16", "8"]
    blocks = [module for module in network.modules() if isinstance(module, Mmrb)]
    weights = [p.numel() for block in blocks for p in block.parameters() if p.ndim == 4]
    assert sum(weights) / 1e6 == pytest.approx(29.96, abs=0.01)


def test_without_mmrb_and_decoder_it_is_gpen() -> None:
    """71.0 M parameters: encoder 10.99, the code 4.19, the generator 55.82."""
    with torch.device("meta"):
        network = PriorNetwork(replace(PRIOR_PAPER, mmrb="none", decodes=False))
        smaller = PriorNetwork(replace(PRIOR_256, mmrb="none", decodes=False))
    assert count(network.codec.encoder.to_code) / 1e6 == pytest.approx(4.19, abs=0.01)
    encoder = count(network.codec) - count(network.codec.encoder.to_code)
    assert encoder / 1e6 == pytest.approx(10.99, abs=0.01)
    assert count(network) / 1e6 == pytest.approx(71.0, abs=0.05)
    assert count(smaller) / 1e6 == pytest.approx(14.42, abs=0.01)


@pytest.mark.parametrize("change", [{}, {"mmrb": "full"}, {"mmrb": "none"}, {"decodes": False}])
def test_every_part_learns(change: dict[str, object]) -> None:
    torch.manual_seed(0)
    network = PriorNetwork(replace(TINY, **change))
    for name, parameter in network.named_parameters():
        if name.endswith("noise_weight"):
            nn.init.constant_(parameter, 0.1)
    image, pyramid = network(torch.rand(2, 3, 32, 32))
    assert image.shape == (2, 3, 32, 32)
    assert [picture.shape[-1] for picture in pyramid] == ([] if "decodes" in change else [8, 16, 32])
    (image.square().mean() + sum(picture.square().mean() for picture in pyramid)).backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


def test_features_take_the_place_of_noise_size_by_size() -> None:
    with torch.device("meta"):
        network = PriorNetwork(TINY)
        _, features, _ = network.codec(torch.empty(1, 3, 32, 32))
    shapes = [(one.shape[1], one.shape[-1]) for one in as_noises(features)]
    assert shapes == TINY.generator.noise_shapes()


def test_results_do_not_depend_on_the_batch_nor_the_day() -> None:
    torch.manual_seed(0)
    network = PriorNetwork(TINY).eval()
    images = torch.rand(3, 3, 32, 32)
    together, _ = network(images)
    assert torch.equal(together, network(images)[0])
    torch.testing.assert_close(network(images[1:2])[0], together[1:2])


def test_a_generator_with_added_noise_takes_no_features() -> None:
    with pytest.raises(ValueError, match="no place in a generator whose noise is added"):
        PriorNetwork(replace(TINY, generator=replace(TINY.generator, noise="added")))
