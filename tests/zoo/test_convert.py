"""Made-up files with the names and shapes of the published ones."""

import math
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.models.prior.codec import PriorConfig, PriorNetwork
from mien.models.prior.critic import Critic
from mien.models.prior.network import Generator, GeneratorConfig, Widths
from mien.zoo.convert import CONVERSIONS, convert, read_foreign
from mien.zoo.files import WeightsError
from mien.zoo.prior import generator_config_of, prior_config_of

WIDTHS = Widths(32, most=8, budget=128)
STYLE = 6
ORIGIN = Path("theirs.pth")
ADDED = GeneratorConfig(WIDTHS, STYLE, noise="added")
CONCATENATED = GeneratorConfig(WIDTHS, STYLE)


def their_style_convs(channels: dict[int, int], beside: int) -> list[tuple[int, int]]:
    """Inputs and outputs of each."""
    shapes = [(channels[4], channels[4])]
    for side in (8, 16, 32):
        shapes += [(beside * channels[side // 2], channels[side]), (beside * channels[side], channels[side])]
    return shapes


CHANNELS = {4: 8, 8: 8, 16: 8, 32: 4}


def stylegan2_shapes(beside: int = 1, start: str = "") -> dict[str, tuple[int, ...]]:
    """As rosinality's and GPEN's model.py name them."""
    shapes: dict[str, tuple[int, ...]] = {"input.input": (1, 8, 4, 4)}
    for layer in range(1, 9):
        shapes |= {f"style.{layer}.weight": (STYLE, STYLE), f"style.{layer}.bias": (STYLE,)}
    for layer, (before, after) in enumerate(their_style_convs(CHANNELS, beside)):
        name = "conv1" if layer == 0 else f"convs.{layer - 1}"
        shapes |= {
            f"{name}.conv.weight": (1, after, before, 3, 3),
            f"{name}.conv.modulation.weight": (before, STYLE),
            f"{name}.conv.modulation.bias": (before,),
            f"{name}.noise.weight": (1,),
            f"{name}.activate.bias": (beside * after,),
        }
        if layer % 2:
            shapes[f"{name}.conv.blur.kernel"] = (4, 4)
    for level, side in enumerate(CHANNELS):
        name = "to_rgb1" if level == 0 else f"to_rgbs.{level - 1}"
        shapes |= {
            f"{name}.conv.weight": (1, 3, beside * CHANNELS[side], 1, 1),
            f"{name}.conv.modulation.weight": (beside * CHANNELS[side], STYLE),
            f"{name}.conv.modulation.bias": (beside * CHANNELS[side],),
            f"{name}.bias": (1, 3, 1, 1),
        }
        if level:
            shapes[f"{name}.upsample.kernel"] = (4, 4)
    if beside == 1:
        shapes |= {f"noises.noise_{layer}": (1, 1, 4, 4) for layer in range(7)}
    return {start + name: shape for name, shape in shapes.items()}


def critic_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"convs.0.0.weight": (4, 3, 1, 1), "convs.0.1.bias": (4,)}
    for block, (before, after) in enumerate([(4, 8), (8, 8), (8, 8)], start=1):
        shapes |= {
            f"convs.{block}.conv1.0.weight": (before, before, 3, 3),
            f"convs.{block}.conv1.1.bias": (before,),
            f"convs.{block}.conv2.0.kernel": (4, 4),
            f"convs.{block}.conv2.1.weight": (after, before, 3, 3),
            f"convs.{block}.conv2.2.bias": (after,),
            f"convs.{block}.skip.0.kernel": (4, 4),
            f"convs.{block}.skip.1.weight": (after, before, 1, 1),
        }
    return shapes | {
        "final_conv.0.weight": (8, 9, 3, 3),
        "final_conv.1.bias": (8,),
        "final_linear.0.weight": (8, 128),
        "final_linear.0.bias": (8,),
        "final_linear.1.weight": (1, 8),
        "final_linear.1.bias": (1,),
    }


def gpen_shapes() -> dict[str, tuple[int, ...]]:
    shapes = stylegan2_shapes(beside=2, start="generator.")
    shapes |= {"ecd0.0.0.weight": (4, 3, 1, 1), "ecd0.0.1.bias": (4,)}
    for stage, (before, after) in enumerate([(4, 8), (8, 8), (8, 8)], start=1):
        shapes |= {
            f"ecd{stage}.0.0.kernel": (4, 4),
            f"ecd{stage}.0.1.weight": (after, before, 3, 3),
            f"ecd{stage}.0.2.bias": (after,),
        }
    return shapes | {"final_linear.0.weight": (STYLE, 128), "final_linear.0.bias": (STYLE,)}


def gfpgan_shapes() -> dict[str, tuple[int, ...]]:
    """The decoder, and something of what is around it."""
    shapes: dict[str, tuple[int, ...]] = {"constant_input.weight": (1, 8, 4, 4)}
    for layer in range(1, 17, 2):
        shapes |= {f"style_mlp.{layer}.weight": (STYLE, STYLE), f"style_mlp.{layer}.bias": (STYLE,)}
    for layer, (before, after) in enumerate(their_style_convs(CHANNELS, 1)):
        name = "style_conv1" if layer == 0 else f"style_convs.{layer - 1}"
        shapes |= {
            f"{name}.weight": (1,),
            f"{name}.bias": (1, after, 1, 1),
            f"{name}.modulated_conv.weight": (1, after, before, 3, 3),
            f"{name}.modulated_conv.modulation.weight": (before, STYLE),
            f"{name}.modulated_conv.modulation.bias": (before,),
        }
        shapes[f"noises.noise{layer}"] = (1, 1, 4, 4)
    for level, side in enumerate(CHANNELS):
        name = "to_rgb1" if level == 0 else f"to_rgbs.{level - 1}"
        shapes |= {
            f"{name}.bias": (1, 3, 1, 1),
            f"{name}.modulated_conv.weight": (1, 3, CHANNELS[side], 1, 1),
            f"{name}.modulated_conv.modulation.weight": (CHANNELS[side], STYLE),
            f"{name}.modulated_conv.modulation.bias": (CHANNELS[side],),
        }
    whole = {f"stylegan_decoder.{name}": shape for name, shape in shapes.items()}
    return whole | {"conv_body_first.weight": (4, 3, 1, 1), "condition_scale.0.0.weight": (8, 8, 3, 3)}


def made(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


SHAPES = {
    "stylegan2": stylegan2_shapes(),
    "stylegan2-critic": critic_shapes(),
    "gpen": gpen_shapes(),
    "gpen-generator": gpen_shapes(),
    "gfpgan-generator": gfpgan_shapes(),
}
NETWORKS: dict[str, nn.Module] = {
    "stylegan2": Generator(ADDED),
    "stylegan2-critic": Critic(WIDTHS),
    "gpen": PriorNetwork(PriorConfig(CONCATENATED, mmrb="none", decodes=False)),
    "gpen-generator": Generator(CONCATENATED),
    "gfpgan-generator": Generator(ADDED),
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_every_tensor_finds_its_place(name: str) -> None:
    theirs = made(SHAPES[name])
    ours = convert(theirs, name, ORIGIN)
    NETWORKS[name].load_state_dict(ours)  # strictly: all names, all shapes
    if not name.startswith("gfpgan"):
        kept = {tuple(tensor.flatten()[:3].tolist()) for tensor in ours.values()}
        constant = [key for key in theirs if key.endswith("kernel") or ".noise_" in key or "noises" in key]
        beyond = [key for key in theirs if name == "gpen-generator" and not key.startswith("generator.")]
        for key in set(theirs) - set(constant) - set(beyond):
            assert tuple(theirs[key].flatten()[:3].tolist()) in kept, key


def test_sizes_are_read_off_the_tensors() -> None:
    for name, config in (("stylegan2", ADDED), ("gpen-generator", CONCATENATED), ("gfpgan-generator", ADDED)):
        assert generator_config_of(convert(made(SHAPES[name]), name, ORIGIN), ORIGIN) == config
    gpen = prior_config_of(convert(made(gpen_shapes()), "gpen", ORIGIN), ORIGIN)
    assert gpen == PriorConfig(CONCATENATED, mmrb="none", decodes=False)
    for config in (PriorConfig(CONCATENATED), PriorConfig(CONCATENATED, mmrb="full")):
        assert prior_config_of(PriorNetwork(config).state_dict(), ORIGIN) == config


def clean_style_conv(theirs: dict[str, Tensor], name: str, features: Tensor, style: Tensor) -> Tensor:
    """One of GFPGAN's for one picture, without noise: plain convolution of an enlarged picture."""
    weight = theirs[f"{name}.modulated_conv.weight"][0]
    to_scales = [theirs[f"{name}.modulated_conv.modulation.{kind}"] for kind in ("weight", "bias")]
    weight = weight * F.linear(style, *to_scales)[None, :, None, None]
    weight = weight / weight.square().sum((1, 2, 3), keepdim=True).add(1e-8).sqrt()
    result = F.conv2d(features, weight, padding=1) * math.sqrt(2) + theirs[f"{name}.bias"]
    return F.leaky_relu(result, 0.2)


def test_gfpgans_weights_mean_the_same() -> None:
    theirs = made(gfpgan_shapes())
    network = Generator(ADDED)
    network.load_state_dict(convert(theirs, "gfpgan-generator", ORIGIN))
    code, start = torch.randn(1, STYLE), "stylegan_decoder."
    style = code / code.square().mean().add(1e-8).sqrt()
    for layer in range(1, 17, 2):
        linear = [theirs[f"{start}style_mlp.{layer}.{kind}"] for kind in ("weight", "bias")]
        style = F.leaky_relu(F.linear(style, *linear), 0.2)
    torch.testing.assert_close(network.mapping(code), style, rtol=1e-3, atol=1e-3)
    features = torch.randn(1, 8, 8, 8)
    plain = network.convs[2](features, style, torch.zeros(1, 1, 8, 8))
    torch.testing.assert_close(
        plain, clean_style_conv(theirs, f"{start}style_convs.1", features, style[0]), rtol=1e-3, atol=1e-3
    )
    grown = network.convs[1](features, style, torch.zeros(1, 1, 16, 16))
    enlarged = F.interpolate(features, scale_factor=2, mode="bilinear")
    expected = clean_style_conv(theirs, f"{start}style_convs.0", enlarged, style[0])
    inner = (..., slice(3, -3), slice(3, -3))  # their enlargement repeats the border
    torch.testing.assert_close(grown[inner], expected[inner], rtol=1e-3, atol=1e-3)


def test_a_training_s_checkpoint_is_unpacked(tmp_path: Path) -> None:
    tensors = made(critic_shapes())
    path = tmp_path / "550000.pt"
    torch.save({"g_ema": made(stylegan2_shapes()), "d": tensors}, path)
    assert set(read_foreign(path, "stylegan2-critic")) == set(tensors)
    assert set(read_foreign(path, "stylegan2")) == set(stylegan2_shapes())


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    theirs = made(stylegan2_shapes())
    with pytest.raises(WeightsError, match=r"is no gpen: it has no ecd0\.0\.0\.weight"):
        convert(theirs, "gpen", ORIGIN)
    with pytest.raises(WeightsError, match="has more than a stylegan2: head"):
        convert(theirs | {"head": torch.zeros(1)}, "stylegan2", ORIGIN)
    path = tmp_path / "words.pth"
    path.write_text("words")
    with pytest.raises(WeightsError, match=re.escape("words.pth is no file of plain tensors")):
        read_foreign(path, "gpen")
    uneven = convert(theirs, "stylegan2", ORIGIN)
    uneven["convs.4.conv.weight"] = torch.zeros(7, 8, 3, 3)
    with pytest.raises(WeightsError, match="do not follow from the first and the last"):
        generator_config_of(uneven, ORIGIN)
