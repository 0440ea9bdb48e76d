"""Other people's weights under our names: StyleGAN2 as rosinality has it, GPEN, and GFPGAN's StyleGAN2.

Each map is written out name by name; what a file has beyond it is an error, but for buffers that are
the same in every file.
"""

import math
import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mien.models.prior.network import FIRST_SIDE, MAPPING_PACE
from mien.zoo.files import WeightsError

Tensors = Mapping[str, Tensor]
Change = Callable[[Tensor], Tensor]
Map = dict[str, tuple[str, Change]]
"""Our name to theirs, and what is done to the tensor."""

CONSTANT = re.compile(r"(^|\.)(kernel|noises\.noises?_?\d+)$")
"""Filters, and the noise that was drawn once."""
WRAPPERS = ("g_ema", "params_ema", "params", "state_dict")
ROOT_TWO = math.sqrt(2)


def same(tensor: Tensor) -> Tensor:
    return tensor


def flat(tensor: Tensor) -> Tensor:
    """Biases come with dimensions of one."""
    return tensor.flatten()


def first(tensor: Tensor) -> Tensor:
    """Weights of modulated convolutions come with room for a batch."""
    return tensor[0]


# --- the maps


def stylegan2_map(num_sides: int, start: str = "") -> Map:
    """A generator of rosinality's, or GPEN's below `start`."""
    named: Map = {"constant": (f"{start}input.input", same)}
    for layer in range(8):
        for kind in ("weight", "bias"):
            named[f"mapping.layers.{layer}.{kind}"] = (f"{start}style.{layer + 1}.{kind}", same)
    for layer in range(2 * num_sides - 1):
        ours, theirs = f"convs.{layer}", start + ("conv1" if layer == 0 else f"convs.{layer - 1}")
        named |= modulated_map(ours, theirs)
        named[f"{ours}.noise_weight"] = (f"{theirs}.noise.weight", same)
        named[f"{ours}.bias"] = (f"{theirs}.activate.bias", flat)
    for level in range(num_sides):
        ours, theirs = f"to_rgb.{level}", start + ("to_rgb1" if level == 0 else f"to_rgbs.{level - 1}")
        named |= modulated_map(ours, theirs)
        named[f"{ours}.bias"] = (f"{theirs}.bias", flat)
    return named


def modulated_map(ours: str, theirs: str) -> Map:
    return {
        f"{ours}.conv.weight": (f"{theirs}.conv.weight", first),
        f"{ours}.conv.to_scales.weight": (f"{theirs}.conv.modulation.weight", same),
        f"{ours}.conv.to_scales.bias": (f"{theirs}.conv.modulation.bias", same),
    }


def critic_map(num_sides: int) -> Map:
    """A discriminator of rosinality's or GPEN's."""
    named: Map = {}
    for ours, weight, bias in (
        ("stem.conv", "convs.0.0.weight", "convs.0.1.bias"),
        ("last.conv", "final_conv.0.weight", "final_conv.1.bias"),
        ("hidden", "final_linear.0.weight", "final_linear.0.bias"),
        ("to_logit", "final_linear.1.weight", "final_linear.1.bias"),
    ):
        named |= {f"{ours}.weight": (weight, same), f"{ours}.bias": (bias, flat)}
    for block in range(num_sides - 1):
        ours, theirs = f"blocks.{block}", f"convs.{block + 1}"
        named[f"{ours}.first.conv.weight"] = (f"{theirs}.conv1.0.weight", same)
        named[f"{ours}.first.conv.bias"] = (f"{theirs}.conv1.1.bias", flat)
        named[f"{ours}.second.conv.weight"] = (f"{theirs}.conv2.1.weight", same)
        named[f"{ours}.second.conv.bias"] = (f"{theirs}.conv2.2.bias", flat)
        named[f"{ours}.skip.weight"] = (f"{theirs}.skip.1.weight", same)
    return named


def gpen_map(num_sides: int) -> Map:
    """GPEN: an encoder without MMRBs, whose features are the generator's noise."""
    encoder = "codec.encoder"
    named: Map = {
        f"{encoder}.stem.conv.weight": ("ecd0.0.0.weight", same),
        f"{encoder}.stem.conv.bias": ("ecd0.0.1.bias", flat),
        f"{encoder}.to_code.weight": ("final_linear.0.weight", same),
        f"{encoder}.to_code.bias": ("final_linear.0.bias", same),
    }
    for level in range(num_sides - 1):
        ours, theirs = f"{encoder}.shrinks.{FIRST_SIDE * 2**level}", f"ecd{num_sides - 1 - level}"
        named[f"{ours}.conv.weight"] = (f"{theirs}.0.1.weight", same)
        named[f"{ours}.conv.bias"] = (f"{theirs}.0.2.bias", flat)
    generator = stylegan2_map(num_sides, "generator.")
    return named | {f"generator.{ours}": how for ours, how in generator.items()}


def gfpgan_map(num_sides: int) -> Map:
    """The StyleGAN2 inside GFPGAN's clean version, which keeps its weights as they are used."""
    start = "stylegan_decoder."
    named: Map = {"constant": (f"{start}constant_input.weight", same)}
    for layer in range(8):
        theirs = f"{start}style_mlp.{2 * layer + 1}"
        named[f"mapping.layers.{layer}.weight"] = (f"{theirs}.weight", unscaled(MAPPING_PACE * ROOT_TWO))
        named[f"mapping.layers.{layer}.bias"] = (f"{theirs}.bias", divided(MAPPING_PACE * ROOT_TWO))
    for layer in range(2 * num_sides - 1):
        ours = f"convs.{layer}"
        theirs = start + ("style_conv1" if layer == 0 else f"style_convs.{layer - 1}")
        # every second one grows: after an enlargement there, by a transposed convolution here
        named |= clean_modulated_map(ours, theirs, grown if layer % 2 else first)
        named[f"{ours}.noise_weight"] = (f"{theirs}.weight", divided(ROOT_TWO))
        named[f"{ours}.bias"] = (f"{theirs}.bias", lambda tensor: tensor.flatten() / ROOT_TWO)
    for level in range(num_sides):
        ours, theirs = f"to_rgb.{level}", start + ("to_rgb1" if level == 0 else f"to_rgbs.{level - 1}")
        named |= clean_modulated_map(ours, theirs, first)
        named[f"{ours}.bias"] = (f"{theirs}.bias", flat)
    return named


def clean_modulated_map(ours: str, theirs: str, shape: Change) -> Map:
    return {
        f"{ours}.conv.weight": (
            f"{theirs}.modulated_conv.weight",
            lambda tensor: unscaled(1.0)(shape(tensor)),
        ),
        f"{ours}.conv.to_scales.weight": (f"{theirs}.modulated_conv.modulation.weight", unscaled(1.0)),
        f"{ours}.conv.to_scales.bias": (f"{theirs}.modulated_conv.modulation.bias", same),
    }


def grown(tensor: Tensor) -> Tensor:
    return tensor[0].flip(2, 3)


def unscaled(factor: float) -> Change:
    """Undo what an equalized layer does in use, and a factor."""
    return lambda tensor: tensor * math.sqrt(tensor[0].numel()) / factor


def divided(factor: float) -> Change:
    return lambda tensor: tensor / factor


# --- their use

CONVERSIONS: dict[str, tuple[str, str, Callable[[int], Map]]] = {
    "stylegan2": ("g_ema", r"to_rgbs\.\d+\.bias", stylegan2_map),
    "stylegan2-critic": ("d", r"convs\.\d+\.skip\.1\.weight", critic_map),
    "gpen": ("g_ema", r"generator\.to_rgbs\.\d+\.bias", gpen_map),
    "gpen-generator": (
        "g_ema",
        r"generator\.to_rgbs\.\d+\.bias",
        lambda num: stylegan2_map(num, "generator."),
    ),
    "gfpgan-generator": ("params_ema", r"stylegan_decoder\.to_rgbs\.\d+\.bias", gfpgan_map),
}
"""Name to the part of a training's checkpoint, to what each size but the first has once, and to the map."""
PARTIAL = ("gpen-generator", "gfpgan-generator")
"""What is only a part of its file."""


def convert(tensors: Tensors, name: str, origin: Path) -> dict[str, Tensor]:
    """Tensors under our names; `origin` is for messages."""
    _, counted, make_map = CONVERSIONS[name]
    named = make_map(1 + sum(re.fullmatch(counted, theirs) is not None for theirs in tensors))
    missing = [theirs for theirs, _ in named.values() if theirs not in tensors]
    if missing:
        raise WeightsError(f"{origin} is no {name}: it has no {', '.join(missing[:3])}")
    if name not in PARTIAL:
        used = {theirs for theirs, _ in named.values()}
        beyond = [theirs for theirs in tensors if theirs not in used and not CONSTANT.search(theirs)]
        if beyond:
            raise WeightsError(f"{origin} has more than a {name}: {', '.join(beyond[:3])}")
    return {ours: change(tensors[theirs].float()).contiguous() for ours, (theirs, change) in named.items()}


def read_foreign(path: Path, name: str) -> dict[str, Tensor]:
    """The tensors of a file, of a training's checkpoint those of the part that is wanted."""
    try:
        loaded = load_file(path) if path.suffix == ".safetensors" else _load(path)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise WeightsError(f"{path} is no file of plain tensors: {str(error).splitlines()[0]}") from error
    part = CONVERSIONS[name][0]
    for wrapper in (part, *WRAPPERS):
        if isinstance(loaded, dict) and isinstance(loaded.get(wrapper), dict):
            loaded = loaded[wrapper]
            break
    if not isinstance(loaded, dict):
        raise WeightsError(f"{path} holds a {type(loaded).__name__}, not tensors by name")
    return {key: tensor for key, tensor in loaded.items() if isinstance(tensor, Tensor)}


def _load(path: Path) -> object:
    return torch.load(path, map_location="cpu", weights_only=True)
