"""A critic whose scores have no bound, and what keeps them from running away: WGAN-div (Wu et al., 2018)."""

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from mien.types import Images

Scores = Float[Tensor, "batch patches"]
Where = Literal["between", "real"]
"""Where slopes are measured: between real and made pictures, or, as CFR-GAN's code in effect does, on real
ones alone."""
FACTOR, POWER = 2.0, 6.0
"""k and p of WGAN-div."""


def wasserstein_critic_loss(real: Scores, made: Scores) -> Float[Tensor, ""]:
    """What a critic minimises, but for the penalty (CFR-GAN, equation 7): -E D(real) + E D(made)."""
    return made.mean() - real.mean()


def wasserstein_adversarial_loss(made: Scores) -> Float[Tensor, ""]:
    """What the maker minimises (CFR-GAN, equation 8): -E D(made)."""
    return -made.mean()


def divergence_penalty(
    judge: Callable[[Images], Scores],
    real: Images,
    made: Images,
    generator: torch.Generator,
    where: Where = "between",
    factor: float = FACTOR,
    power: float = POWER,
) -> Float[Tensor, ""]:
    """k E |grad D(x)|^p, over the pictures x between real and made ones (WGAN-div, equation 11).

    D(x) is the mean of a picture's patches. The slope is a vector per picture: its pixels' together.
    """
    share = torch.rand(len(real), 1, 1, 1, generator=generator, device=generator.device).to(real)
    places = real if where == "real" else torch.lerp(made, real, share)
    places = places.detach().requires_grad_(True)
    scores = judge(places).mean(dim=1).sum()
    (slope,) = torch.autograd.grad(scores, places, create_graph=True)
    squared = slope.square().sum(dim=(1, 2, 3))
    return factor * (squared ** (power / 2)).mean()
