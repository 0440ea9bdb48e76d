"""The words of mien: pictures, points, and what each stage hands to the next.

Pictures are RGB in [0, 1]. A point (x, y) counts in pixels, and (0, 0) is the
*centre* of the top-left pixel; this holds for boxes, landmarks and transforms.
"""

from collections.abc import Callable, Mapping, Sequence
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
class Reading:
    """What the face of a crop is like in space, seen by a camera without perspective; in crop pixels."""

    landmarks: Float[Tensor, "68 2"]
    rotation: Float[Tensor, "3 3"]
    """`turned = rotation @ point`, of points in face space (geometry/pose.py)."""
    scale: float
    """Pixels per decimetre."""
    shift: Float[Tensor, " 2"]
    """The pixel that face space's origin falls on."""
    identity: Float[Tensor, " identities"]
    """Coefficients of the morphable model, in standard deviations, as the two that follow."""
    expression: Float[Tensor, " expressions"]
    albedo: Float[Tensor, " albedos"]
    light: Float[Tensor, "9 3"]
    """Of each colour's nine harmonics (geometry/shade.py)."""
    certainty: float
    """From 0, for a crop without a face, to 1."""
    occluded: float
    """Share of the face that something hides."""


@dataclass(frozen=True)
class Guidance:
    """What another photo of the person lent a recovery."""

    pixels: Image
    """That photo's face, brought to the pose and expression of the crop."""
    lent: Mask
    """How much of each pixel of the recovery was seen there, and not in the input."""
    flow: Float[Tensor, "2 height width"]
    """Where in that photo's crop each pixel comes from: x, y, -1 and 1 at the centres of the corners."""
    reference: int
    """Which photo of the album, from 0."""
    likeness: float
    """Cosine between whom the input shows and whom that photo does."""


@dataclass(frozen=True)
class Recovery:
    """What a model made of a crop."""

    pixels: Image
    evidence: Mask
    """How much of each pixel was seen in the input (1) and how much imagined (0)."""
    keeps_pose: bool = True
    """Whether the head stayed as it was, so that it fits back into its photo."""
    guidance: Guidance | None = None
    notes: tuple[str, ...] = ()
    """What a person should know of it."""
    mirrored: Mask | None = None
    """How much of each pixel was seen on the face's other half alone; None for what never looks there."""


@dataclass(frozen=True)
class Face:
    """One face on its way through the pipeline."""

    detection: Detection
    crop: Crop
    recovery: Recovery
    pasted: bool
    identity: float | None = None
    """Cosine between whom the crop shows and whom the recovery does; None where that was not asked for."""
    area: Mask | None = None
    """Where in the crop the face itself is, which alone is pasted; None where that was not asked for, and of
    faces that stay as they are anyway."""


@dataclass(frozen=True)
class Result:
    """A photo with its faces recovered."""

    photo: Image
    faces: tuple[Face, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Time spent in each stage: find, align, recover, identify, paste."""


FindParts = Callable[[Images, tuple[tuple[str, ...], ...]], Float[Tensor, "batch groups height width"]]
"""Aligned faces, and groups of a parser's classes, to where they show any class of each group."""


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


@runtime_checkable
class Guidable(Recoverer, Protocol):
    """A Recoverer that looks at other photos of the same people."""

    @property
    def unused(self) -> tuple[int, ...]:
        """Photos of the album that show no face, from 0."""
        ...

    def with_references(
        self, album: Sequence[Float[Tensor, "3 _ _"]], any_person: bool = False
    ) -> "Guidable":
        """The same with these photos to look at; `any_person` also takes those of somebody else."""
        ...


@runtime_checkable
class Turnable(Recoverer, Protocol):
    """A Recoverer that takes off what is in front of faces, and turns heads if it is asked to."""

    def to(self, yaw: float | None, pitch: float | None = None) -> "Turnable":
        """The same for heads turned to these angles in degrees; None leaves an angle as it is."""
        ...

    def keeping(self, *things: str) -> "Turnable":
        """The same that leaves these things on, such as glasses."""
        ...

    def with_mask(self, mask: Mask) -> "Turnable":
        """The same that takes off what this mask of the photo says, in place of what it finds."""
        ...

    def pasting(self) -> "Turnable":
        """The same that puts turned faces back into their photo, too."""
        ...


@runtime_checkable
class RunNetwork(Protocol):
    """A network at work, whatever runs it: tensors on the processor in, float32 on the processor out."""

    def __call__(self, *inputs: Float[Tensor, "batch _ _ _"]) -> tuple[Float[Tensor, "batch ..."], ...]: ...


FindFaces = Callable[[Image], list[Detection]]
RefineFaces = Callable[[Image, list[Detection]], list[Detection]]
"""The same faces, seen more closely, in the same order."""
ReadFace = Callable[[Crop], Reading]
