"""How GFRNet learns (section 3.3, equations 5-12): what comes out, what critics take it for, and the flow."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.losses.adversarial import adversarial_loss, critic_loss
from mien.losses.features import Describe, feature_distance
from mien.losses.flow import landmark_loss, roughness
from mien.losses.pixel import PIXEL_LOSSES, PixelLoss
from mien.types import Images, Losses

Given = Float[Tensor, "batch 6 height width"]
"""The damaged picture and the guide, side by side in channels."""
Judge = Callable[[Given, Images], Float[Tensor, "batch 1 _ _"]]
"""What was given and a result, in [-1, 1], to logits: `PatchCritic`."""
Flow = Float[Tensor, "batch 2 height width"]
Landmarks = Float[Tensor, "batch 68 2"]
REAL_LABEL = 0.9
"""What critics are to say of true pictures, instead of 1."""
SMALLEST_REGION = 16.0
"""Pixels: landmarks that have fallen together still have something around them."""


@dataclass(frozen=True)
class GuidedObjectiveConfig:
    """Weights of equations 6, 8 and 11, by default those of section 4.2."""

    pixel: PixelLoss = "squared"
    """Equation 6 has a squared norm, here over the number of values: as a sum it would drown all else."""
    pixel_weight: float = 100.0
    """lambda_r,0."""
    feature_weight: float = 0.001
    """lambda_r,l; 0 leaves the perceptual loss out."""
    global_weight: float = 1.0
    """lambda_a,g; 0 leaves that critic out."""
    local_weight: float = 0.5
    """lambda_a,l; 0 leaves that critic out."""
    landmark_weight: float = 10.0
    """lambda_lm; 0 with the next is -F."""
    smoothness_weight: float = 1.0
    """lambda_TV."""
    region_size: int = 128
    """Side that the box around the landmarks is brought to for the local critic."""


@dataclass(frozen=True)
class GuidedObjective:
    """L = L_r + L_a + L_flow (equation 12)."""

    config: GuidedObjectiveConfig
    describe: Describe | None = None
    """Layer conv-4 of VGG-Face in the paper."""
    global_judge: Judge | None = None
    local_judge: Judge | None = None

    def __post_init__(self) -> None:
        for name, weight, part in (
            ("describe", self.config.feature_weight, self.describe),
            ("global_judge", self.config.global_weight, self.global_judge),
            ("local_judge", self.config.local_weight, self.local_judge),
        ):
            if (part is None) != (weight == 0):
                raise ValueError(f"there is a {name} if and only if its weight is not zero")

    def flow_loss(self, flow: Flow, truth: Landmarks, guide: Landmarks) -> Losses:
        """L_flow (equation 11), which WarpNet learns alone first; landmarks in pixels."""
        landmarks, rough = landmark_loss(flow, truth, guide), roughness(flow)
        total = self.config.landmark_weight * landmarks + self.config.smoothness_weight * rough
        return Losses(total=total, terms={"landmarks": landmarks.detach(), "roughness": rough.detach()})

    def __call__(
        self, made: Images, damaged: Images, guide: Images, truth: Images, landmarks: Landmarks
    ) -> Losses:
        """L_r + L_a (equations 6 and 8); pictures in [0, 1], the truth's landmarks in pixels."""
        config, made = self.config, made.float()
        pixel = PIXEL_LOSSES[config.pixel](made, truth)
        total, terms = config.pixel_weight * pixel, {"pixel": pixel.detach()}
        if self.describe is not None:
            features = feature_distance(self.describe(made), self.describe(truth))
            total = total + config.feature_weight * features
            terms["features"] = features.detach()
        given = torch.cat((damaged, guide), dim=1)
        if self.global_judge is not None:
            fooled = adversarial_loss(self.global_judge(2 * given - 1, 2 * made - 1))
            total = total + config.global_weight * fooled
            terms["global_critic"] = fooled.detach()
        if self.local_judge is not None:
            part, made_part = (self.face_of(pictures, landmarks) for pictures in (given, made))
            fooled = adversarial_loss(self.local_judge(2 * part - 1, 2 * made_part - 1))
            total = total + config.local_weight * fooled
            terms["local_critic"] = fooled.detach()
        return Losses(total=total, terms=terms)

    def face_of(
        self, pictures: Float[Tensor, "batch planes height width"], landmarks: Landmarks
    ) -> Float[Tensor, "batch planes side side"]:
        """What the local critic sees of them."""
        return cut_region(pictures, landmarks, self.config.region_size)


def judge_results(judge: Judge, damaged: Images, guide: Images, made: Images, truth: Images) -> Losses:
    """What a critic learns (equation 7, labels 0 and 0.9): whole pictures, or faces cut out of all four."""
    given = 2 * torch.cat((damaged, guide), dim=1) - 1
    real, fake = judge(given, 2 * truth - 1), judge(given, 2 * made.detach() - 1)
    loss = critic_loss(real, fake, REAL_LABEL)
    return Losses(total=loss, terms={"critic": loss.detach()})


def cut_region(
    pictures: Float[Tensor, "batch planes height width"], landmarks: Landmarks, size: int
) -> Float[Tensor, "batch planes {size} {size}"]:
    """The smallest box around all landmarks, brought to one size, whatever its shape."""
    height, width = pictures.shape[-2:]
    low, high = landmarks.amin(1), landmarks.amax(1)
    middle, reach = (low + high) / 2, ((high - low) / 2).clamp_min(SMALLEST_REGION / 2)
    steps = (2 * torch.arange(size, device=pictures.device) + 1) / size - 1
    inside = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1)  # (size, size, 2)
    places = middle[:, None, None] + reach[:, None, None] * inside  # (B, size, size, 2) in pixels
    grid = (2 * places + 1) / places.new_tensor([width, height]) - 1
    return F.grid_sample(pictures, grid.to(pictures), padding_mode="border", align_corners=False)
