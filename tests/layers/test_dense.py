import pytest
import torch
import torch.nn.functional as F

from mien.layers.conv import NEGATIVE_SLOPE, ResidualBlock, activate, conv3x3
from mien.layers.dense import DenseDecoder, grow


def test_residual_block_starts_as_the_identity() -> None:
    features = torch.randn(2, 4, 5, 6)
    assert torch.equal(ResidualBlock(4)(features), features)


def test_convolutions_keep_the_variance_behind_leaky_relu() -> None:
    torch.manual_seed(0)
    features = torch.randn(8, 64, 32, 32)
    for _ in range(4):
        features = conv3x3(64, 64)(activate(features))
    assert 0.5 < float(features[..., 8:-8, 8:-8].detach().var()) < 2


def test_every_block_sees_all_blocks_before_it_and_its_skip() -> None:
    decoder = DenseDecoder(code_channels=7, block_channels=(6, 5, 4), skip_channels=(3, 2, 1), num_blocks=0)
    assert [block.merge.in_channels for block in decoder.blocks] == [7 + 3, 6 + 2, 6 + 5 + 1]


def test_decoder_equals_its_definition_written_out() -> None:
    torch.manual_seed(0)
    decoder = DenseDecoder(
        code_channels=3, block_channels=(4, 2), skip_channels=(0, 0), num_blocks=0
    ).double()
    code = torch.randn(1, 3, 2, 3, dtype=torch.float64)
    first, second = (block.merge for block in decoder.blocks)

    def twice(features: torch.Tensor) -> torch.Tensor:
        return F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)

    def convolved(features: torch.Tensor, conv: torch.nn.Conv2d) -> torch.Tensor:
        return F.conv2d(F.leaky_relu(features, NEGATIVE_SLOPE), conv.weight, conv.bias, padding=1)

    expected = convolved(twice(convolved(twice(code), first)), second)
    torch.testing.assert_close(decoder(code, []), expected)


@pytest.mark.parametrize("height", [3, 8])
def test_grow_keeps_constants(height: int) -> None:
    torch.testing.assert_close(
        grow(torch.full((1, 2, 4, 4), 0.3), height, 9), torch.full((1, 2, height, 9), 0.3)
    )
