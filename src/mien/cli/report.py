"""What a command says of a face beside what mien says everywhere: how good the pictures of it are."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mien import describe
from mien.describe import Json
from mien.metrics.niqe import faces_model, niqe
from mien.metrics.sharpness import laplacian_variance
from mien.types import Face


def describe_face(face: Face, label: str) -> Json:
    """What became of a face, and its quality before and after."""
    return {**describe.describe_face(face, label), "quality": describe_quality(face)}


def describe_quality(face: Face) -> Json:
    """Of the crop before and after: NIQE by our model (lower is more natural), variance of the Laplacian."""
    both = torch.stack((face.crop.pixels, face.recovery.pixels)).float()
    told = {"sharpness": before_and_after(laplacian_variance(both), 1)}
    natural = faces_model()
    if both.shape[-1] >= 2 * natural.block_size:
        told["niqe"] = before_and_after(niqe(both, natural), 3)
    return {**told}


def before_and_after(values: Float[Tensor, "2"], num_digits: int) -> Json:
    """None for what cannot be measured, as JSON has no number for it."""
    before, after = (round(value, num_digits) if math.isfinite(value) else None for value in values.tolist())
    return {"before": before, "after": after}
