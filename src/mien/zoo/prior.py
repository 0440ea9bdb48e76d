"""Priors from files of weights: their sizes are read off the tensors, so converted ones need no card."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from mien.models.prior.codec import PriorConfig, PriorNetwork
from mien.models.prior.network import FIRST_SIDE, Generator, GeneratorConfig, Widths
from mien.models.prior.recover import PriorRestorer
from mien.zoo.files import WeightsError
from mien.zoo.weights import fill, load_tensors

Tensors = Mapping[str, Tensor]
GENERATOR = "generator."
"""Of the names in a file that has a codec too."""


def generator_config_of(tensors: Tensors, origin: Path) -> GeneratorConfig:
    """Of a generator with these weights."""
    num_sides = sum(re.fullmatch(r"to_rgb\.\d+\.bias", name) is not None for name in tensors)
    missing = [
        name for name in ("constant", "mapping.layers.0.weight", "convs.0.bias") if name not in tensors
    ]
    if missing or num_sides == 0:
        raise WeightsError(f"{origin} holds no generator: it has no {', '.join(missing) or 'to_rgb.0.bias'}")
    channels = [len(tensors[f"convs.{2 * level}.conv.weight"]) for level in range(num_sides)]
    sides = [FIRST_SIDE * 2**level for level in range(num_sides)]
    is_concatenated = len(tensors["convs.0.bias"]) == 2 * channels[0]
    config = GeneratorConfig(
        Widths(sides[-1], most=channels[0], budget=channels[-1] * sides[-1]),
        style_channels=len(tensors["mapping.layers.0.weight"]),
        num_mapping_layers=sum(name.startswith("mapping.") and name.endswith(".bias") for name in tensors),
        noise="concatenated" if is_concatenated else "added",
    )
    if channels != [config.widths[side] for side in sides]:
        raise WeightsError(f"{origin}: widths {channels} do not follow from the first and the last")
    return config


def prior_config_of(tensors: Tensors, origin: Path) -> PriorConfig:
    """Of a codec and its generator with these weights."""
    own = {
        name.removeprefix(GENERATOR): tensor for name, tensor in tensors.items() if name.startswith(GENERATOR)
    }
    generator = generator_config_of(own, origin)
    mmrb: Literal["half", "full", "none"] = "none"
    fused = tensors.get(f"codec.encoder.mmrbs.{2 * FIRST_SIDE}.fuse.0.weight")
    if fused is not None:
        mmrb = "half" if fused.shape[0] == fused.shape[1] else "full"
    decodes = any(name.startswith("codec.decoder.") for name in tensors)
    return PriorConfig(generator, mmrb=mmrb, decodes=decodes)


def load_generator(path: Path) -> Generator:
    """A generator of faces; of a prior with a codec only what draws."""
    tensors = load_tensors(path)
    if any(name.startswith("codec.") for name in tensors):
        own = [name for name in tensors if name.startswith(GENERATOR)]
        tensors = {name.removeprefix(GENERATOR): tensors[name] for name in own}
    generator = Generator(generator_config_of(tensors, path))
    fill(generator, tensors, path)
    return generator


def load_prior_from(path: Path, device: torch.device) -> PriorRestorer:
    """A restorer whose weights are not in the package."""
    tensors = load_tensors(path)
    network = PriorNetwork(prior_config_of(tensors, path))
    fill(network, tensors, path)
    return PriorRestorer(network, device)
