from dataclasses import replace

import pytest
import torch

from mien.models.identity.network import (
    PAPER,
    SMALL,
    IdentityConfig,
    IdentityNetwork,
    as_input,
    map_embeddings,
)

TINY = IdentityConfig(
    stem_channels=4,
    stem_stride=2,
    channels=(4, 6, 8),
    num_blocks=(1, 2, 1),
    embedding_size=5,
    activation="prelu",
    dropout=0.0,
)


def count(config: IdentityConfig) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in IdentityNetwork(config).parameters())


def by_hand(config: IdentityConfig) -> int:
    """Convolutions, norms with two numbers per channel, slopes where they are learned."""
    slopes = int(config.activation == "prelu")
    total = 27 * config.stem_channels + (2 + slopes) * config.stem_channels
    before = config.stem_channels
    for after, num_blocks in zip(config.channels, config.num_blocks, strict=True):
        for _ in range(num_blocks):
            total += 2 * before + 9 * before * after + (2 + slopes) * after + 9 * after**2 + 2 * after
            if before != after:
                total += before * after + 2 * after
            before = after
    return total + 2 * before + (49 * before + 1) * config.embedding_size + 2 * config.embedding_size


def test_ir_50_is_as_large_as_published() -> None:
    assert round(count(PAPER) / 1e6, 1) == 43.6


def test_the_small_one_has_its_size() -> None:
    assert 2e6 < count(SMALL) < 5e6


@pytest.mark.parametrize("config", [PAPER, SMALL, TINY], ids=["paper", "small", "tiny"])
def test_parameters_are_those_counted_by_hand(config: IdentityConfig) -> None:
    assert count(config) == by_hand(config)


@pytest.mark.parametrize(
    ("config", "sizes"), [(PAPER, [56, 28, 14, 7]), (SMALL, [28, 14, 7])], ids=["paper", "small"]
)
def test_every_stage_halves(config: IdentityConfig, sizes: list[int]) -> None:
    with torch.device("meta"):
        network = IdentityNetwork(config)
        maps = network.maps(torch.zeros(2, 3, 112, 112))
        assert [part.shape[-1] for part in maps] == sizes
        assert [part.shape[1] for part in maps] == list(config.channels)
        assert network.embed(maps[-1]).shape == (2, config.embedding_size)


def test_every_weight_learns() -> None:
    torch.manual_seed(0)
    network = IdentityNetwork(TINY)
    network(torch.rand(4, 3, 112, 112)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_in_use_a_face_does_not_depend_on_its_neighbours() -> None:
    torch.manual_seed(0)
    network, faces = IdentityNetwork(TINY).eval(), torch.rand(3, 3, 112, 112)
    torch.testing.assert_close(network(faces)[:1], network(faces[:1]))


def test_a_map_of_the_embeddings_becomes_part_of_the_network() -> None:
    torch.manual_seed(0)
    network, faces = IdentityNetwork(TINY), torch.rand(4, 3, 112, 112)
    network(faces)  # the norms see something
    matrix, origin = torch.randn(5, 5), torch.randn(5)
    expected = (network.eval()(faces) - origin) @ matrix.mT
    map_embeddings(network, matrix, origin)
    torch.testing.assert_close(network(faces), expected, atol=1e-4, rtol=1e-4)


def test_stages_that_do_not_end_at_7_px_are_refused() -> None:
    with pytest.raises(ValueError, match="end at 14 px, not at 7"):
        replace(TINY, stem_stride=1)
    with pytest.raises(ValueError, match="make no stages"):
        replace(TINY, num_blocks=(1, 1))


def test_input_is_between_minus_one_and_one() -> None:
    faces = as_input(torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1, 1))
    assert faces.flatten().tolist() == [-1.0, 0.0, 1.0]
