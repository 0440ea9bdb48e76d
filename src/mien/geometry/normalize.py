"""The Pose Normalization Module (MDFR, section 3.2): a turned face's key points as if it looked ahead."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from mien.geometry.fit import Fit
from mien.geometry.heatmap import gaussian_heatmaps
from mien.geometry.landmarks import LEFT_KEY_EYE, RIGHT_KEY_EYE, key_points
from mien.geometry.morphable import LinearMorphable

KeyPoints = Float[Tensor, "batch 18 2"]
Heatmaps = Float[Tensor, "batch 18 height width"]

SMALLEST_EYE_DISTANCE = 1e-3
"""Pixels; a face with its eyes on one spot has no size to make uniform."""


@dataclass(frozen=True)
class NormalizationSettings:
    """Where a normalised face lies, and how its points are drawn."""

    size: int = 128
    """Side of the square pictures, in pixels."""
    eye_distance: float = 0.246
    """Between the eyes' middles, in parts of the side: the paper's uniform scale, here that of FFHQ."""
    eyes: tuple[float, float] = (0.5, 0.4688)
    """Their middle, in parts of the side."""
    sigma: float = 2.0
    """Of the Gaussian spots, in pixels. The paper does not say; 1.5-2.5 is usual at 128."""


@dataclass(frozen=True)
class NormalizedPose:
    """The 18 key points of each face as it is and as it would look straight ahead."""

    profile: KeyPoints
    """V_p at the key points, in the picture's pixels."""
    frontal: KeyPoints
    """V_f at the key points, in pixels of a normalised picture."""


def normalize_pose(model: LinearMorphable, fit: Fit, settings: NormalizationSettings) -> NormalizedPose:
    """Key points by eq. 3-5: S = mean + identity + expression, V_p = f Pr Pi S + t, V_f = (V_p - t) Pr^-1.

    Eq. 5 keeps the scale f; the text asks for a uniform one, so the frontal points are brought to
    the eye distance and place of the settings.
    """
    projected = key_points(fit.landmarks(model))
    turned_back = fit.camera.unproject(projected) @ fit.rotation
    frontal = turned_back[..., :2] * turned_back.new_tensor([1.0, -1.0])
    return NormalizedPose(projected[..., :2], to_uniform_scale(frontal, settings))


def to_uniform_scale(points: KeyPoints, settings: NormalizationSettings) -> KeyPoints:
    """Upright key points with their eyes at the place and distance of the settings."""
    left, right = points[:, LEFT_KEY_EYE].mean(1), points[:, RIGHT_KEY_EYE].mean(1)
    distance = (right - left).norm(dim=-1).clamp(min=SMALLEST_EYE_DISTANCE)
    scale = settings.eye_distance * settings.size / distance
    # parts of the side count from the picture's border, half a pixel before its first centre
    place = points.new_tensor(settings.eyes) * settings.size - 0.5
    return (points - ((left + right) / 2)[:, None]) * scale[:, None, None] + place


def pose_heatmaps(pose: NormalizedPose, settings: NormalizationSettings) -> tuple[Heatmaps, Heatmaps]:
    """L_p and L_f, for pictures of the settings' size. All points are drawn, also those the head hides."""
    profile, frontal = (
        gaussian_heatmaps(points, settings.size, settings.size, settings.sigma)
        for points in (pose.profile, pose.frontal)
    )
    return profile, frontal
