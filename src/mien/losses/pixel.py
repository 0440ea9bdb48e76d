"""Distances between pictures, pixel by pixel."""

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from mien.types import Images


def squared_error(result: Images, truth: Images) -> Float[Tensor, ""]:
    """Mean squared error: the pixel terms of MDFR (equations 7 and 9) and of GFRNet (5), mean-reduced."""
    return (result - truth).square().mean()


def charbonnier(result: Images, truth: Images, epsilon: float = 1e-3) -> Float[Tensor, ""]:
    """Mean of sqrt(d^2 + epsilon^2): absolute error without its kink."""
    return (result - truth).square().add(epsilon**2).sqrt().mean()


def log_squared_error(result: Images, truth: Images, epsilon: float = 1e-4) -> Float[Tensor, ""]:
    """Mean over pictures of ln(mean squared error + epsilon): PSNR itself, up to a factor.

    Every picture weighs the same, however damaged; under a plain mean the worst ones drown the rest.
    """
    errors = (result - truth).square().mean(dim=(1, 2, 3))  # (B,)
    return torch.log(errors + epsilon).mean()


PixelLoss = Literal["squared", "charbonnier", "log_squared"]

PIXEL_LOSSES: dict[PixelLoss, Callable[[Images, Images], Float[Tensor, ""]]] = {
    "squared": squared_error,
    "charbonnier": charbonnier,
    "log_squared": log_squared_error,
}
