"""What is in front of a face, by comparing its picture with what its shape and skin alone would look like.

CFR-GAN, section 3.2: both pictures are renders of one surface, R_p with the photo's pixels and R_e with the
estimated colours, which know no hands, masks or glasses.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.image.filter import box_blur, filter_per_sample, gaussian_blur, gaussian_taps, pad_mirrored
from mien.image.lab import lab_from_rgb
from mien.types import Images, Masks

STABILITY = 0.03**2
"""C2 of SSIM for pictures in [0, 1]."""
FLAT = 1e-6
"""Deviations below this are rounding: such differences say nothing."""


@dataclass(frozen=True)
class OcclusionSettings:
    """How differences become a mask; the defaults are the paper's where it says something."""

    alpha: float = 0.4
    """What structure counts beside texture (equation 5): a wrinkle is structure alone."""
    threshold: float = 0.0
    """Of the normalised sum, in standard deviations."""
    over: Literal["face", "picture"] = "face"
    """What means and deviations are taken over. The paper does not say; its code takes the whole picture,
    so that its mask depends on how much black there is around the face."""
    window: int = 5
    sigma: float = 1.5
    """Of the Gaussian under which structure is compared."""
    color_window: int = 3
    """Side of the square that colours are averaged over before they are compared."""
    median: int = 5
    """Side of the square whose median cleans the mask; 1 leaves it."""
    eye_margin: int = 5
    """Pixels that the eyes' area is widened by before it is left out."""
    widened: int = 3
    """Side of the square that a mask is widened by, and then softened by, before textures are swapped."""


PAPER = OcclusionSettings()
AS_RELEASED = OcclusionSettings(alpha=0.33, threshold=0.5, over="picture")
"""What the paper's code does."""


@dataclass(frozen=True)
class Parts:
    """What a parser sees in a photo: the auxiliary mask."""

    objects: Masks
    """Glasses, hair, and whatever else is no face."""
    eyes: Masks


def occlusion_mask(
    projected: Images,
    estimated: Images,
    face: Masks,
    settings: OcclusionSettings = PAPER,
    parts: Parts | None = None,
) -> Masks:
    """M of equation 5: 1 where R_p and R_e differ more than they do elsewhere, never off the face."""
    is_face = (face > 0.5).to(projected)
    shown, expected = projected * is_face, estimated * is_face
    where = is_face if settings.over == "face" else torch.ones_like(is_face)
    texture = z_scores(texture_difference(shown, expected, settings.color_window), where)
    structure = z_scores(structure_difference(shown, expected, settings.window, settings.sigma), where)
    combined = texture * structure + texture + settings.alpha * structure
    mask = (z_scores(combined, where) > settings.threshold).to(projected) * is_face
    if settings.median > 1:
        mask = median_filter(mask, settings.median) * is_face
    return mask if parts is None else with_parts(mask, is_face, parts, settings.eye_margin)


def with_parts(mask: Masks, face: Masks, parts: Parts, eye_margin: int) -> Masks:
    """Objects that a parser knows are added and eyes taken out, whose look the estimate does not know."""
    eyes = widened((parts.eyes > 0.5).to(mask), 2 * eye_margin + 1)
    objects = (parts.objects > 0.5).to(mask)
    return torch.maximum(mask * (1 - eyes), objects) * face


def texture_difference(images: Images, others: Images, window: int = 3) -> Masks:
    """d_t: distance in CIELAB (delta E of 1976), of colours averaged over a small square."""
    difference = lab_from_rgb(images) - lab_from_rgb(others)
    return box_blur(difference, window).norm(dim=1, keepdim=True).to(images)


def structure_difference(images: Images, others: Images, window: int = 5, sigma: float = 1.5) -> Masks:
    """d_s: 1 less contrast and structure of SSIM, which are (2 cov + C2) / (var + var + C2); mean of RGB."""
    taps = gaussian_taps(images.new_tensor([sigma], dtype=torch.float64), window // 2)[0]
    kernel = torch.outer(taps, taps)
    kernel = (kernel / kernel.sum()).expand(len(images), -1, -1)

    def local_mean(values: Float[Tensor, "batch 3 rows columns"]) -> Float[Tensor, "batch 3 rows columns"]:
        return filter_per_sample(values, kernel)

    first, second = images.double(), others.double()
    first_mean, second_mean = local_mean(first), local_mean(second)
    covariance = local_mean(first * second) - first_mean * second_mean
    variances = local_mean(first**2) - first_mean**2 + local_mean(second**2) - second_mean**2
    alike = (2 * covariance + STABILITY) / (variances.clamp(min=0) + STABILITY)
    return (1 - alike).mean(dim=1, keepdim=True).to(images)


def z_scores(values: Masks, where: Masks) -> Masks:
    """In standard deviations from the mean, both taken where the mask is 1; 0 where all is the same."""
    count = where.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    mean = (values * where).sum(dim=(2, 3), keepdim=True) / count
    deviation = (((values - mean).square() * where).sum(dim=(2, 3), keepdim=True) / count).sqrt()
    scores = (values - mean) / deviation.clamp(min=FLAT)
    return torch.where(deviation > FLAT, scores, torch.zeros_like(scores))


def median_filter(masks: Masks, side: int) -> Masks:
    """The median of a square of odd side around each pixel."""
    batch, _, height, width = masks.shape
    squares = F.unfold(pad_mirrored(masks, side // 2), side)  # (B, side^2, H W)
    return squares.median(dim=1).values.view(batch, 1, height, width)


def widened(masks: Masks, side: int) -> Masks:
    """The largest value of a square of odd side around each pixel."""
    return F.max_pool2d(masks, side, stride=1, padding=side // 2)


def softened(masks: Masks, settings: OcclusionSettings = PAPER) -> Masks:
    """Widened and blurred, so that a swap leaves no seam."""
    return box_blur(widened(masks, settings.widened), settings.widened)


def swap(projected: Images, estimated: Images, mask: Masks, blur: float = 0.0) -> tuple[Images, Images]:
    """R_ps and R_es (equation 6): each gets the other's texture under the mask.

    What R_es gets is blurred by that many pixels, so that it cannot be copied as it is.
    """
    lent = gaussian_blur(projected, projected.new_full((len(projected),), blur)) if blur > 0 else projected
    return torch.lerp(projected, estimated, mask), torch.lerp(estimated, lent, mask)
