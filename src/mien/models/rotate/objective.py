"""How CFR-GAN learns (equations 7 to 14)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.losses.identity import Embed, identity_distance
from mien.losses.perceptual import VGG_WEIGHTS, Layers, Norm, perceptual_loss
from mien.losses.wasserstein import (
    Where,
    divergence_penalty,
    wasserstein_adversarial_loss,
    wasserstein_critic_loss,
)
from mien.types import Images, Losses, Masks

Judge = Callable[[Images], Float[Tensor, "batch patches"]]
"""Pictures in [-1, 1] to scores: `RotateCritic`."""


@dataclass(frozen=True)
class RotateObjectiveConfig:
    """Weights of equation 14, of which the paper is silent, and what its code does otherwise."""

    adversarial_weight: float = 1.0
    identity_weight: float = 2.5
    mask_weight: float = 3.0
    perceptual_weight: float = 0.9
    """0 needs no VGG."""
    reconstruction_weight: float = 0.3
    whole_weight: float = 0.0
    """Of absolute differences over the whole picture: what stands for the perceptual loss without a VGG, and
    for the masked one without an O path, as the paper's ablation has it."""
    mask_distance: Literal["norm", "squared", "entropy"] = "squared"
    """Equation 10 prints a norm, the code takes the mean of squares; cross entropy also tells a mask that is
    everywhere a little wrong from one that is right."""
    reconstructs: Literal["target", "predicted"] = "target"
    """Whose mask says where equation 11 looks: M, or in the code M_o, which then pays for being large."""
    perceptual_norm: Norm = "absolute"
    layer_weights: tuple[float, ...] = VGG_WEIGHTS
    penalty: Where = "between"


PAPER = RotateObjectiveConfig(mask_distance="norm", layer_weights=(1.0,) * 5)
AS_RELEASED = RotateObjectiveConfig(reconstructs="predicted", perceptual_norm="squared", penalty="real")
"""What the released weights were made with, as far as the code tells."""
SMALL = RotateObjectiveConfig(
    adversarial_weight=0.02,
    identity_weight=0.2,
    mask_weight=0.5,
    perceptual_weight=0.0,
    reconstruction_weight=2.0,
    whole_weight=1.0,
    mask_distance="entropy",
)
"""Ours: no VGG, and pixels lead, since a critic of little training has little to say."""


@dataclass(frozen=True)
class RotateObjective:
    """L = L_adv + lambda_id L_id + lambda_m L_m + lambda_per L_per + lambda_rec L_rec (equation 14)."""

    config: RotateObjectiveConfig
    judge: Judge | None = None
    embed: Embed | None = None
    layers: Layers | None = None

    def __post_init__(self) -> None:
        for name, weight, part in (
            ("judge", self.config.adversarial_weight, self.judge),
            ("embed", self.config.identity_weight, self.embed),
            ("layers", self.config.perceptual_weight, self.layers),
        ):
            if (part is None) != (weight == 0):
                raise ValueError(f"there is a {name} if and only if its weight is not zero")

    def __call__(self, made: Images, logits: Masks, truth: Images, mask: Masks) -> Losses:
        """Pictures in [0, 1]; `mask` is M, `logits` are M_o before its sigmoid."""
        made, logits, config = made.float(), logits.float(), self.config
        where = mask if config.reconstructs == "target" else torch.sigmoid(logits)
        terms = {
            "mask": (config.mask_weight, mask_loss(logits, mask, config.mask_distance)),
            "reconstruction": (config.reconstruction_weight, masked_difference(made, truth, where)),
            "whole": (config.whole_weight, (made - truth).abs().mean()),
        }
        if self.judge is not None:
            fooled = wasserstein_adversarial_loss(self.judge(2 * made - 1).float())
            terms["adversarial"] = (config.adversarial_weight, fooled)
        if self.embed is not None:
            # equation 13 is half of the squared distance of vectors of length 1
            distance = identity_distance(self.embed(made), self.embed(truth)) / 2
            terms["identity"] = (config.identity_weight, distance)
        if self.layers is not None:
            seen, wanted = self.layers(made), self.layers(truth)
            distance = perceptual_loss(seen, wanted, config.layer_weights, config.perceptual_norm)
            terms["perceptual"] = (config.perceptual_weight, distance)
        total = torch.stack([weight * term for weight, term in terms.values()]).sum()
        return Losses(total, {name: term.detach() for name, (weight, term) in terms.items() if weight})


def mask_loss(
    logits: Masks, mask: Masks, distance: Literal["norm", "squared", "entropy"] = "squared"
) -> Float[Tensor, ""]:
    """L_m (equation 10); `norm` is that of each picture, over the root of its number of pixels."""
    if distance == "entropy":
        return F.binary_cross_entropy_with_logits(logits, mask)
    squared = (torch.sigmoid(logits) - mask).square()
    if distance == "squared":
        return squared.mean()
    return (squared.mean(dim=(1, 2, 3)) + 1e-12).sqrt().mean()


def masked_difference(made: Images, truth: Images, mask: Masks) -> Float[Tensor, ""]:
    """L_rec (equation 11): absolute differences, summed over colours, per pixel of the mask."""
    return (mask * (made - truth).abs()).sum() / mask.sum().clamp(min=1)


def judge_faces(
    judge: Judge, slopes: Judge, made: Images, truth: Images, where: Where, generator: torch.Generator
) -> Losses:
    """What the critic learns (equation 7); pictures in [0, 1].

    `slopes` is the same network as `judge`, asked for the penalty: what a training wraps around its networks
    does not let them be differentiated on the way.
    """
    real, fake = 2 * truth.float() - 1, 2 * made.detach().float() - 1
    apart = wasserstein_critic_loss(judge(real).float(), judge(fake).float())
    penalty = divergence_penalty(slopes, real, fake, generator, where)
    return Losses(apart + penalty, {"apart": apart.detach(), "penalty": penalty.detach()})
