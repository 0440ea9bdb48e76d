"""How the prior learns faces (StyleGAN2), and how it learns to restore them (MMRB-GAN, equations 11-16)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mien.losses.adversarial import adversarial_loss, critic_loss
from mien.losses.identity import Embed
from mien.types import Images, Losses

Scalar = Float[Tensor, ""]
Map = Float[Tensor, "batch _ _ _"]
Judge = Callable[[Images], Float[Tensor, "batch 1 1 1"]]
"""Pictures in [-1, 1] to logits: `Critic`."""
JudgeParts = Callable[[Images, Float[Tensor, "batch 3 4"]], list[Map]]
"""Pictures in [-1, 1] and boxes to logits of each part: `LocalCritics`."""
Describe = Callable[[Images], list[Map]]
"""Pictures in [0, 1] to feature maps."""


class Remembering(nn.Module):
    """A network, and one number that its objective keeps from step to step: both lie in the checkpoint."""

    value: Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("value", torch.zeros(()))

    def forward(self, *inputs: Tensor | list[Tensor]) -> Tensor | tuple[Tensor, Tensor | list[Tensor]]:
        return self.network(*inputs)


# --- regularisation, of which one step in several has enough


def steepness(judge: Judge, real: Images) -> Scalar:
    """R1: squared norm of the gradient at true pictures, mean over the batch (Mescheder et al., 2018)."""
    real = real.detach().float().requires_grad_()
    (gradient,) = torch.autograd.grad(judge(real).sum(), real, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


def path_lengths(
    images: Images, styles: Float[Tensor, "batch layers style"], direction: Images
) -> Float[Tensor, " batch"]:
    """How far pictures move for a small step of the style, in a random direction (StyleGAN2, equation 4)."""
    moved = (images * direction).sum() / math.sqrt(images.shape[2] * images.shape[3])
    (gradient,) = torch.autograd.grad(moved, styles, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()


class Steepness(nn.Module):
    """A critic asked for its steepness: gradients are taken inside, where nothing waits for them outside."""

    def __init__(self, critic: nn.Module) -> None:
        super().__init__()
        self.critic = critic

    def forward(self, real: Images) -> Scalar:
        with torch.autocast(real.device.type, enabled=False):
            return steepness(self.critic, real)


class PathLengths(nn.Module):
    """A generator asked for the lengths of its paths."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(
        self, given: tuple[Tensor, Tensor, list[Tensor]], direction: Images
    ) -> Float[Tensor, " batch"]:
        made, styles = self.generator(*given)
        return path_lengths(made, styles, direction)


def path_loss(lengths: Float[Tensor, " batch"], usual: Tensor, decay: float = 0.01) -> Scalar:
    """How uneven they are; `usual`, their slow mean, is brought up to date."""
    with torch.no_grad():
        usual.lerp_(lengths.mean().to(usual.dtype), decay)
    return (lengths - usual).square().mean()


def adapt_strength(
    strength: Tensor, real: Float[Tensor, "batch 1 1 1"], target: float, num_pictures: float
) -> None:
    """Vary pictures more while the critic is surer of true ones than it should be (ADA, section 3.1).

    `num_pictures` is how many it takes to get from nothing to always.
    """
    with torch.no_grad():
        sureness = real.sign().mean()
        step = (sureness - target).sign() * (len(real) / num_pictures)
        strength.add_(step).clamp_(0, 1)


# --- restoring


@dataclass(frozen=True)
class PriorObjectiveConfig:
    """Weights of equations 13 to 16."""

    global_weight: float = 0.5
    local_weight: float = 3.0
    """0 leaves the local critics out."""
    pixel_weight: float = 8.0
    feature_weight: float = 0.02
    face_weight: float = 10.0
    """Of the face-preserving loss; 0 is the ablation w/o FP."""
    pyramid_weight: float = 1.0
    """Of each size of the decoder's pictures; the paper's equation 16 lacks it, this is GFPGAN's."""
    pyramid_until: int = 50_000
    """Batches after which those pictures are left to themselves, as in GFPGAN."""


@dataclass(frozen=True)
class PriorObjective:
    """L_total = L_adv + L_C + L_FP (equation 16), and the decoder's pictures."""

    config: PriorObjectiveConfig
    judge: Judge
    describe: Describe
    judge_parts: JudgeParts | None = None
    embed: Embed | None = None

    def __post_init__(self) -> None:
        for name, weight, needed in (
            ("judge_parts", self.config.local_weight, self.judge_parts),
            ("embed", self.config.face_weight, self.embed),
        ):
            if (needed is None) != (weight == 0):
                raise ValueError(f"there is {name} if and only if its weight is not zero")

    def __call__(
        self,
        made: Images,
        pyramid: Sequence[Map],
        truth: Images,
        boxes: Float[Tensor, "batch 3 4"],
        num_batches: int,
    ) -> Losses:
        """Pictures in [-1, 1]; `num_batches` is how many were seen before."""
        made, config = made.float(), self.config
        seen, wanted = (made + 1) / 2, (truth + 1) / 2
        parts = {
            "pixel": (config.pixel_weight, F.l1_loss(made, truth)),  # equation 14
            "features": (config.feature_weight, feature_matching(self.describe(seen), self.describe(wanted))),
            "adversarial": (config.global_weight, adversarial_loss(self.judge(made))),  # 11
        }
        if self.judge_parts is not None:
            fooled = [adversarial_loss(logits) for logits in self.judge_parts(made, boxes)]
            parts["local"] = (config.local_weight, torch.stack(fooled).sum())  # 12
        if self.embed is not None:
            face = F.l1_loss(self.embed(seen), self.embed(wanted))  # 15
            parts["face"] = (config.face_weight, face)
        if pyramid and num_batches < config.pyramid_until:
            parts["pyramid"] = (config.pyramid_weight, pyramid_loss(pyramid, truth))
        total = torch.stack([weight * term for weight, term in parts.values()]).sum()
        return Losses(total=total, terms={name: term.detach() for name, (_, term) in parts.items()})


def feature_matching(made: Sequence[Map], truth: Sequence[Map]) -> Scalar:
    """Sum over layers of the distance of features (equation 14), each a root mean square."""
    distances = [
        (one.float() - other.detach().float()).square().mean().sqrt()
        for one, other in zip(made, truth, strict=True)
    ]
    return torch.stack(distances).sum()


def pyramid_loss(pyramid: Sequence[Map], truth: Images) -> Scalar:
    """Sum over sizes of the absolute difference to the truth of that size."""
    losses = []
    for picture in pyramid:
        small = F.interpolate(truth, size=picture.shape[-2:], mode="bilinear", antialias=True)
        losses.append(F.l1_loss(picture.float(), small))
    return torch.stack(losses).sum()


def judge_pictures(judge: Judge, made: Images, truth: Images) -> tuple[Losses, Float[Tensor, "batch 1 1 1"]]:
    """What the critic of whole pictures learns (equation 11), and what it said of the true ones."""
    real, fake = judge(truth), judge(made.detach().float())
    loss = critic_loss(real, fake)
    terms = {"critic": loss, "real": real.mean(), "made": fake.mean(), "sure": real.sign().mean()}
    return Losses(total=loss, terms={name: term.detach() for name, term in terms.items()}), real


def judge_all_parts(
    judge: JudgeParts, made: Images, truth: Images, boxes: Float[Tensor, "batch 3 4"]
) -> Losses:
    """What the critics of the parts learn (equation 12)."""
    pairs = zip(judge(truth, boxes), judge(made.detach().float(), boxes), strict=True)
    loss = torch.stack([critic_loss(real, fake) for real, fake in pairs]).sum()
    return Losses(total=loss, terms={"critic": loss.detach()})
