"""NIQE: how far a picture's small structure lies from that of pristine ones (Mittal et al., 2013).

Values of different models must never meet, so a model has a name. Ours is fitted on faces of 256 px, in
blocks that suit them; the published one, in blocks of 96, comes from a user's file.
"""

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from mien.metrics.natural import NUM_FEATURES, Blocks, natural_features
from mien.types import Images

FACES = Path(__file__).parent / "niqe_faces256.safetensors"
PUBLISHED_BLOCK = 96
SHARP = 0.75
"""Blocks count as sharp from this share of the sharpest one of their picture on."""
_PUBLISHED_NAMES = (("mu_prisparam", "cov_prisparam"), ("mu_pris_param", "cov_pris_param"))
"""In the authors' .mat, and in the .npz that others made of it."""


class NaturalModelError(ValueError):
    """A file of NIQE parameters that cannot be used."""


@dataclass(frozen=True)
class NaturalModel:
    """What pristine pictures look like."""

    name: str
    block_size: int
    count: int
    """Blocks that it was fitted on; 0 where a file does not say."""
    mean: Float[Tensor, "36"]
    covariance: Float[Tensor, "36 36"]


@dataclass(frozen=True)
class NaturalFit:
    """Sums over blocks of pristine pictures, from which a model is made; states add up."""

    block_size: int
    count: int
    sum: Float[Tensor, "36"]
    outer: Float[Tensor, "36 36"]

    @classmethod
    def nothing(cls, block_size: int) -> "NaturalFit":
        """To start adding with."""
        zeros = torch.zeros(NUM_FEATURES, NUM_FEATURES, dtype=torch.float64)
        return cls(block_size, 0, zeros[0], zeros)

    @classmethod
    def of(cls, images: Images, block_size: int) -> "NaturalFit":
        """The sharp blocks of each picture."""
        blocks = natural_features(images, block_size)
        sharp = blocks.sharpness > SHARP * blocks.sharpness.amax(dim=1, keepdim=True)
        rows = blocks.features[sharp & _usable(blocks)]
        return cls(block_size, len(rows), rows.sum(0), rows.mT @ rows)

    def __add__(self, other: "NaturalFit") -> "NaturalFit":
        if self.block_size != other.block_size:
            raise ValueError(f"blocks of {self.block_size} and of {other.block_size} do not add up")
        return NaturalFit(
            self.block_size, self.count + other.count, self.sum + other.sum, self.outer + other.outer
        )

    def model(self, name: str) -> NaturalModel:
        if self.count <= NUM_FEATURES:
            raise ValueError(f"a model needs more than {NUM_FEATURES} sharp blocks, here are {self.count}")
        mean = self.sum / self.count
        covariance = (self.outer - self.count * torch.outer(mean, mean)) / (self.count - 1)
        return NaturalModel(name, self.block_size, self.count, mean, covariance)


def niqe(images: Images, model: NaturalModel) -> Float[Tensor, " batch"]:
    """One value per picture, lower for more natural ones (equation 10).

    NaN for a picture with fewer than two blocks that are not flat: there is nothing to judge.
    """
    blocks = natural_features(images, model.block_size)
    if blocks.features.shape[1] < 2:
        raise ValueError(f"NIQE needs pictures of at least two blocks of {model.block_size} pixels")
    distances = [
        _distance(features, usable, model)
        for features, usable in zip(blocks.features, _usable(blocks), strict=True)
    ]
    return torch.stack(distances)


@cache
def faces_model() -> NaturalModel:
    """Ours, which comes with the package."""
    return read_model(FACES)


def write_model(path: Path, model: NaturalModel) -> None:
    """A .safetensors file."""
    tensors = {"mean": model.mean.contiguous(), "covariance": model.covariance.contiguous()}
    metadata = {"name": model.name, "block_size": str(model.block_size), "count": str(model.count)}
    save_file(tensors, path, metadata=metadata)


def read_model(path: Path) -> NaturalModel:
    """A file of `write_model`."""
    try:
        with safe_open(path, "pt") as file:
            known = file.metadata() or {}
            tensors = {name: file.get_tensor(name).double() for name in ("mean", "covariance")}
        return NaturalModel(
            known["name"],
            int(known["block_size"]),
            int(known["count"]),
            tensors["mean"],
            tensors["covariance"],
        )
    except (SafetensorError, KeyError) as error:
        raise NaturalModelError(f"{path} is no file of NIQE parameters of ours: {error}") from error


def read_published_model(path: Path) -> NaturalModel:
    """The published parameters: the authors' .mat, which needs scipy, or an .npz made of it."""
    arrays = _read_mat(path) if path.suffix.lower() == ".mat" else _read_npz(path)
    for mean_name, covariance_name in _PUBLISHED_NAMES:
        if mean_name in arrays and covariance_name in arrays:
            mean = torch.from_numpy(np.asarray(arrays[mean_name], dtype=np.float64)).flatten()
            covariance = torch.from_numpy(np.asarray(arrays[covariance_name], dtype=np.float64))
            break
    else:
        known = " or ".join(" and ".join(names) for names in _PUBLISHED_NAMES)
        raise NaturalModelError(f"{path} holds {', '.join(sorted(arrays))}; wanted {known}")
    if mean.shape != (NUM_FEATURES,) or covariance.shape != (NUM_FEATURES, NUM_FEATURES):
        shapes = f"{tuple(mean.shape)} and {tuple(covariance.shape)}"
        raise NaturalModelError(f"{path} holds parameters of {shapes}, wanted {NUM_FEATURES} of them")
    return NaturalModel(f"NIQE of {path.name}", PUBLISHED_BLOCK, 0, mean, covariance)


def _distance(
    features: Float[Tensor, "blocks 36"], usable: Bool[Tensor, " blocks"], model: NaturalModel
) -> Float[Tensor, ""]:
    if int(usable.sum()) < 2:
        return features.new_tensor(torch.nan)
    # as published: a missing number takes its block out of the covariance, but only itself out of the mean
    away = features.nanmean(dim=0) - model.mean.to(features.device)
    covariance = (features[usable].mT.cov() + model.covariance.to(features.device)) / 2
    return (away @ torch.linalg.pinv(covariance, hermitian=True) @ away).sqrt()


def _usable(blocks: Blocks) -> Bool[Tensor, "batch blocks"]:
    return blocks.features.isfinite().all(dim=-1)


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except ValueError as error:
        raise NaturalModelError(f"{path} is no .npz of plain arrays: {error}") from error


def _read_mat(path: Path) -> dict[str, np.ndarray]:
    if importlib.util.find_spec("scipy") is None:
        raise NaturalModelError(f"{path} is a MATLAB file; to read it: pip install 'mien[judge]' (scipy)")
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        return {name: array for name, array in loadmat(path).items() if isinstance(array, np.ndarray)}
    except (MatReadError, ValueError) as error:
        raise NaturalModelError(f"{path} is no MATLAB file of plain arrays: {error}") from error
