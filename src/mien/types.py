"""The words of mien: pictures, points, and what each stage hands to the next.

Pictures are RGB in [0, 1]. A point (x, y) counts in pixels, and (0, 0) is the
*centre* of the top-left pixel; this holds for boxes, landmarks and transforms.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

Image = Float[Tensor, "3 height width"]
Images = Float[Tensor, "batch 3 height width"]
Mask = Float[Tensor, "1 height width"]
Masks = Float[Tensor, "batch 1 height width"]
Points = Float[Tensor, "points 2"]
FivePoints = Float[Tensor, "5 2"]
"""Left eye, right eye, nose, left and right mouth corner: left is the picture's left."""
Box = Float[Tensor, " 4"]
"""x0, y0, x1, y1."""
Affine = Float[Tensor, "2 3"]
"""`target = matrix[:, :2] @ source + matrix[:, 2]`, named `target_from_source`."""


@dataclass(frozen=True)
class Detection:
    """One face found in a photo, in photo pixels."""

    box: Box
    points: FivePoints
    score: float

    @property
    def roll(self) -> float:
        """In-plane angle in degrees: 0 upright, 90 when the chin points to the picture's left."""
        left_eye, right_eye, _, left_mouth, right_mouth = self.points
        # eyes to mouth stays long in a profile, where the eyes fall together
        down = (left_mouth + right_mouth - left_eye - right_eye) / 2
        across = right_eye - left_eye
        direction = across + torch.stack((down[1], -down[0]))
        return float(torch.rad2deg(torch.atan2(direction[1], direction[0])))


@dataclass(frozen=True)
class Crop:
    """A face cut out of a photo and turned upright."""

    pixels: Image
    photo_from_crop: Affine
    points: FivePoints
    """In crop pixels."""


@dataclass(frozen=True)
class Recovery:
    """What a model made of a crop."""

    pixels: Image
    evidence: Mask
    """How much of each pixel was seen in the input (1) and how much imagined (0)."""
    keeps_pose: bool = True
    """Whether the head stayed as it was, so that it fits back into its photo."""


@dataclass(frozen=True)
class Face:
    """One face on its way through the pipeline."""

    detection: Detection
    crop: Crop
    recovery: Recovery
    pasted: bool


@dataclass(frozen=True)
class Result:
    """A photo with its faces recovered."""

    photo: Image
    faces: tuple[Face, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Time spent in each stage: find, align, recover, paste."""


@dataclass(frozen=True)
class Losses:
    """What an objective says of one batch."""

    total: Float[Tensor, ""]
    terms: Mapping[str, Float[Tensor, ""]]
    """For the log: detached, unweighted."""


@runtime_checkable
class Recoverer(Protocol):
    """Anything that makes a face better: crops in, recoveries of the same size out."""

    @property
    def crop_size(self) -> int:
        """Side of the square crops it takes."""
        ...

    @property
    def template(self) -> str:
        """Name of the alignment its crops have, a key of `faces.align.TEMPLATES`."""
        ...

    def __call__(self, crops: list[Crop]) -> list[Recovery]: ...

    def with_fidelity(self, fidelity: float) -> "Recoverer":
        """The same with that share of the input blended into each result."""
        ...

    def with_batch_size(self, batch_size: int) -> "Recoverer":
        """The same with so many faces at a time in the network."""
        ...


FindFaces = Callable[[Image], list[Detection]]
