import math

import pytest
import torch
import torch.nn.functional as F

from mien.layers.equalized import EqualConv, EqualLinear, activate_scaled
from mien.layers.modulated import EPSILON, ModulatedConv, StyledConv
from mien.layers.upfirdn import TAPS, upfirdn


def one_by_one(conv: ModulatedConv, features: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
    """StyleGAN2, equations 1 to 3, with weights of its own for each picture."""
    results = []
    for picture, own_style in zip(features, style, strict=True):
        weight = conv.weight * conv.scale * conv.to_scales(own_style)[None, :, None, None]
        if conv.demodulate:
            weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + EPSILON).sqrt()
        if conv.blur is not None:
            spread = F.conv_transpose2d(picture[None], weight.transpose(0, 1), stride=2)
            taps = torch.tensor(TAPS, dtype=features.dtype) / sum(TAPS) * 2
            results.append(upfirdn(spread, taps, 1, 1, (1, 1)))
        else:
            results.append(F.conv2d(picture[None], weight, padding=weight.shape[-1] // 2))
    return torch.cat(results)


@pytest.mark.parametrize("grows", [False, True])
@pytest.mark.parametrize("demodulate", [True, False])
def test_a_batch_is_its_pictures(grows: bool, demodulate: bool) -> None:
    torch.manual_seed(0)
    conv = ModulatedConv(4, 6, 3, 5, demodulate, grows)
    features, style = torch.randn(3, 4, 8, 8), torch.randn(3, 5)
    result = conv(features, style)
    assert result.shape == (3, 6, *((16, 16) if grows else (8, 8)))
    torch.testing.assert_close(result, one_by_one(conv, features, style), atol=1e-5, rtol=1e-4)


def test_growing_is_a_mirrored_convolution_of_the_enlarged_picture() -> None:
    """Away from the border, where bilinear enlargement repeats it and this one does not."""
    torch.manual_seed(0)
    conv = ModulatedConv(4, 6, 3, 5, grows=True)
    features, style = torch.randn(2, 4, 8, 8), torch.randn(2, 5)
    plain = ModulatedConv(4, 6, 3, 5)
    state = conv.state_dict()
    plain.load_state_dict(state | {"weight": state["weight"].flip(2, 3)})
    enlarged = F.interpolate(features, scale_factor=2, mode="bilinear")
    inner = (..., slice(3, -3), slice(3, -3))
    torch.testing.assert_close(conv(features, style)[inner], plain(enlarged, style)[inner])


def test_demodulated_results_have_unit_variance_whatever_the_style() -> None:
    torch.manual_seed(0)
    conv = ModulatedConv(64, 64, 3, 8)
    result = conv(torch.randn(2, 64, 32, 32), 5 * torch.randn(2, 8))
    assert 0.8 < float(result[..., 2:-2, 2:-2].detach().var()) < 1.2


def test_gradients_of_both_orders() -> None:
    torch.manual_seed(0)
    conv = ModulatedConv(1, 2, 3, 2, grows=True).double()
    conv.forward = forward_in_double(conv)  # the layer itself computes its gains in float32
    inputs = tuple(torch.randn(2, *shape).double().requires_grad_() for shape in ((1, 2, 2), (2,)))
    assert torch.autograd.gradcheck(conv.forward, inputs)
    assert torch.autograd.gradgradcheck(conv.forward, inputs)


def forward_in_double(conv: ModulatedConv):
    def forward(features: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        scales = conv.to_scales(style)
        gains = torch.rsqrt(scales.square() @ (conv.weight * conv.scale).square().sum((2, 3)).mT + EPSILON)
        return (
            conv.convolve(features * scales[..., None, None], conv.weight * conv.scale)
            * gains[..., None, None]
        )

    return forward


def test_noise_lies_beside_or_upon_the_features_and_begins_at_nothing() -> None:
    torch.manual_seed(0)
    features, style = torch.randn(2, 4, 8, 8), torch.randn(2, 5)
    for noise_use, noise in (("concatenated", torch.randn(2, 6, 8, 8)), ("added", torch.randn(2, 1, 8, 8))):
        block = StyledConv(4, 6, 5, noise_use)
        before = block(features, style, noise)
        assert before.shape[1] == (12 if noise_use == "concatenated" else 6)
        assert torch.equal(before, block(features, style, 2 * noise))
        torch.nn.init.ones_(block.noise_weight)
        after = block(features, style, noise)
        assert not torch.allclose(before, after)
        if noise_use == "concatenated":
            assert torch.equal(before[:, :6], after[:, :6])
            torch.testing.assert_close(after[:, 6:], activate_scaled(noise))


def test_equalized_layers_scale_in_use() -> None:
    torch.manual_seed(0)
    linear = EqualLinear(9, 4, bias=1.0, pace=0.01)
    values = torch.randn(3, 9)
    expected = F.linear(values, linear.weight * 0.01 / 3, torch.full((4,), 0.01))
    torch.testing.assert_close(linear(values), expected)
    assert 20 < float(linear.weight.detach().std()) < 200
    for size in (1, 3):
        conv = EqualConv(4, 5, size, stride=2)
        features = torch.randn(2, 4, 8, 8)
        taps = torch.tensor(TAPS) / sum(TAPS)
        margin = size // 2 + 1
        blurred = upfirdn(features, taps, 1, 1, (margin, margin))
        expected = F.conv2d(blurred, conv.weight / math.sqrt(4 * size**2), conv.bias, stride=2)
        torch.testing.assert_close(conv(features), expected)
        assert expected.shape == (2, 5, 4, 4)
