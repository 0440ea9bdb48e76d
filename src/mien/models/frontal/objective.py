"""How FFN learns beside its critics (MDFR, equations 9-11), and how FRN learns from it (12-13)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.losses.adversarial import adversarial_loss, critic_loss
from mien.losses.identity import Embed, identity_distance
from mien.losses.pixel import PIXEL_LOSSES, PixelLoss
from mien.types import Images, Losses

NUM_VALUES = 128.0 * 128 * 3
"""Of a picture in the paper, whose pixel terms are sums."""

Condition = Float[Tensor, "batch points map_height map_width"] | Float[Tensor, "batch features"]
Judge = Callable[[Images, Condition], Float[Tensor, "batch 1 1 1"]]
"""Pictures in [-1, 1] and what they are asked to agree with, to logits: `Critic`."""
Features = Float[Tensor, "batch channels map_height map_width"]


@dataclass(frozen=True)
class FrontalObjectiveConfig:
    """Weights of equation 11."""

    pixel: PixelLoss = "charbonnier"
    """The paper's is `squared`, which leaves a mean of faces where the pose hides most."""
    pixel_weight: float = 1.0
    identity_weight: float = 0.1
    """lambda_2: 1e4 beside a sum, which is 0.2 beside a mean of squares."""
    pose_weight: float = 0.01
    """lambda_3 for L_pcd; 0 leaves the pose's critic out."""
    person_weight: float = 0.01
    """lambda_3 for L_icd; 0 leaves the identity's critic out."""


PAPER_LITERAL = FrontalObjectiveConfig(
    pixel="squared", pixel_weight=NUM_VALUES, identity_weight=1e4, pose_weight=1e4, person_weight=1e4
)


@dataclass(frozen=True)
class FrontalObjective:
    """L_FFN = L_f + lambda_2 L_id + lambda_3 (L_pcd + L_icd) (MDFR, equation 11)."""

    config: FrontalObjectiveConfig
    embed: Embed
    pose_judge: Judge | None = None
    person_judge: Judge | None = None
    judged_size: int = 128
    """Side of the pictures that the critics see."""

    def __post_init__(self) -> None:
        for name, weight, judge in (
            ("pose", self.config.pose_weight, self.pose_judge),
            ("person", self.config.person_weight, self.person_judge),
        ):
            if (judge is None) != (weight == 0):
                raise ValueError(f"there is a {name}_judge if and only if {name}_weight is not zero")

    def __call__(
        self, turned: Images, truth: Images, wanted: Float[Tensor, "batch points map_height map_width"]
    ) -> Losses:
        """`turned` is what FFN made, in [0, 1]; `wanted` is L_t."""
        turned = turned.float()
        pixel = PIXEL_LOSSES[self.config.pixel](turned, truth)  # equation 9
        who = self.embed(truth)
        identity = identity_distance(self.embed(turned), who)
        total = self.config.pixel_weight * pixel + self.config.identity_weight * identity
        terms = {"pixel": pixel.detach(), "identity": identity.detach()}
        seen = as_judged(turned, self.judged_size)
        for name, weight, judge, condition in (
            ("pose_critic", self.config.pose_weight, self.pose_judge, wanted),
            ("person_critic", self.config.person_weight, self.person_judge, who),
        ):
            if judge is not None:
                fooled = adversarial_loss(judge(seen, condition))
                total = total + weight * fooled
                terms[name] = fooled.detach()
        return Losses(total=total, terms=terms)


def judge_views(
    judge: Judge, turned: Images, truth: Images, condition: Condition, judged_size: int
) -> Losses:
    """What a critic learns (equation 10): the truth agrees with the condition, what was made does not."""
    real = judge(as_judged(truth, judged_size), condition)
    made = judge(as_judged(turned.detach(), judged_size), condition)
    loss = critic_loss(real, made)
    return Losses(total=loss, terms={"critic": loss.detach()})


def as_judged(images: Images, size: int) -> Float[Tensor, "batch 3 {size} {size}"]:
    """Shrunk by the mean of blocks, in [-1, 1]."""
    return 2 * F.avg_pool2d(images, images.shape[-1] // size) - 1


@dataclass(frozen=True)
class IntegratedObjectiveConfig:
    """Weights of equation 13."""

    pixel: PixelLoss = "charbonnier"
    pixel_weight: float = 1.0
    identity_weight: float = 0.1
    """lambda_4. The paper's 0.1 stands beside a sum over pixels, where it is next to nothing."""
    alignment_weight: float = 0.1
    """lambda_5, of the feature alignment; 0 is the ablation w/o FA."""
    teacher_sees: Literal["truth", "restored"] = "truth"
    """What FFN turns: I_h as in Algorithm 1, or FRN's own picture as equation 12 is printed."""


INTEGRATED_LITERAL = IntegratedObjectiveConfig(
    pixel="squared", pixel_weight=NUM_VALUES, identity_weight=0.1, alignment_weight=1.0
)


@dataclass(frozen=True)
class IntegratedObjective:
    """L_TI = L_r + lambda_4 L_id + lambda_5 L_FA (MDFR, equation 13)."""

    config: IntegratedObjectiveConfig
    embed: Embed

    def __call__(
        self, made: Images, made_features: Features, taught: Images, taught_features: Features
    ) -> Losses:
        """FRN's picture and last dense block, and FFN's; pictures in [0, 1]."""
        made = made.float()
        pixel = PIXEL_LOSSES[self.config.pixel](made, taught)
        identity = identity_distance(self.embed(made), self.embed(taught))
        alignment = feature_alignment(made_features, taught_features)
        total = (
            self.config.pixel_weight * pixel
            + self.config.identity_weight * identity
            + self.config.alignment_weight * alignment
        )
        terms = {"pixel": pixel, "identity": identity, "alignment": alignment}
        return Losses(total=total, terms={name: term.detach() for name, term in terms.items()})


def feature_alignment(made: Features, taught: Features) -> Float[Tensor, ""]:
    """L_FA as the text of equation 12 has it: the mean squared error of each map, mean over maps.

    The formula takes the norm of a sum over maps, in which errors of opposite sign cancel out.
    """
    return (made.float() - taught.detach().float()).square().mean()
