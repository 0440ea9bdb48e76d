"""How FRN learns (MDFR, equation 8): pixels and identity."""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from mien.losses.adversarial import adversarial_loss, critic_loss
from mien.losses.identity import Embed, identity_distance
from mien.losses.pixel import PIXEL_LOSSES, PixelLoss
from mien.types import Images, Losses

Judge = Callable[[Images, Images], Float[Tensor, "batch 1 _ _"]]
"""Damaged pictures and others, in [-1, 1], to logits: `PatchCritic`."""


@dataclass(frozen=True)
class RestoreObjectiveConfig:
    """Weights of equation 8."""

    pixel: PixelLoss = "log_squared"
    """The paper's is `squared`; `log_squared` weighs mild and heavy damage alike."""
    pixel_weight: float = 1.0
    identity_weight: float = 0.0
    """lambda_1: 1e4 beside a sum over 128 x 128 x 3 values, which is 0.2 beside their mean."""
    adversarial_weight: float = 0.0
    """Not in the paper: the critic's say, for detail where pixels alone leave a mean of faces."""


PAPER_LITERAL = RestoreObjectiveConfig(pixel="squared", pixel_weight=128.0 * 128 * 3, identity_weight=1e4)


@dataclass(frozen=True)
class RestoreObjective:
    """L_FRN = L_r + lambda_1 L_id (MDFR, equation 8)."""

    config: RestoreObjectiveConfig
    embed: Embed | None = None
    """A frozen face recogniser; needed where `identity_weight` is not zero."""
    judge: Judge | None = None
    """The critic; needed where `adversarial_weight` is not zero."""

    def __post_init__(self) -> None:
        if self.config.adversarial_weight and self.judge is None:
            raise ValueError("adversarial_weight is not zero, but there is no critic")
        if self.config.identity_weight and self.embed is None:
            raise ValueError("identity_weight is not zero, but there is no embedder to measure identity with")

    def __call__(self, damaged: Images, restored: Images, truth: Images) -> Losses:
        """All in [0, 1]."""
        restored = restored.float()
        pixel = PIXEL_LOSSES[self.config.pixel](restored, truth)
        total, terms = self.config.pixel_weight * pixel, {"pixel": pixel.detach()}
        if self.embed is not None and self.config.identity_weight:
            identity = identity_distance(self.embed(restored), self.embed(truth))
            total = total + self.config.identity_weight * identity
            terms["identity"] = identity.detach()
        if self.judge is not None and self.config.adversarial_weight:
            adversarial = adversarial_loss(self.judge(2 * damaged - 1, 2 * restored - 1))
            total = total + self.config.adversarial_weight * adversarial
            terms["adversarial"] = adversarial.detach()
        return Losses(total=total, terms=terms)


def judge_pictures(judge: Judge, damaged: Images, restored: Images, truth: Images) -> Losses:
    """What the critic learns: the truth is real, a restored picture is not. All in [0, 1]."""
    given = 2 * damaged - 1
    loss = critic_loss(judge(given, 2 * truth - 1), judge(given, 2 * restored.detach() - 1))
    return Losses(total=loss, terms={"critic": loss.detach()})
