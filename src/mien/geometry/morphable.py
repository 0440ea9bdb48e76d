"""The face as a point in a linear space: mean, and how shape and colour vary around it.

Face space: x to the picture's right, y up, z towards the viewer (right-handed), in decimetres. The
origin lies inside the head, at the height of the tip of the nose, as in `faces.align.FACE_3D`.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mien.geometry.landmarks import KEY_POINT_PAIRS

Vertices = Float[Tensor, "batch vertices 3"]
Coefficients = Float[Tensor, "batch coefficients"]


class MorphableError(ValueError):
    """A morphable model that does not hold together, or coefficients that it has no use for."""


@runtime_checkable
class Morphable(Protocol):
    """A model of faces: coefficients, in standard deviations, to shape and colour."""

    @property
    def mean(self) -> Float[Tensor, "vertices 3"]:
        """The average face at rest."""
        ...

    @property
    def triangles(self) -> Int[Tensor, "triangles 3"]:
        """Counter-clockwise when seen from outside."""
        ...

    @property
    def uv(self) -> Float[Tensor, "vertices 2"]:
        """Where each vertex lies in a texture: (0, 0) is its lower left corner, (1, 1) its upper right."""
        ...

    @property
    def landmarks(self) -> Int[Tensor, " 68"]:
        """The vertex nearest to each of the 68 landmarks."""
        ...

    @property
    def key_points(self) -> Int[Tensor, "18 2"]:
        """Two vertices for each of MDFR's 18 key points, which is the middle of them."""
        ...

    @property
    def mirror(self) -> Int[Tensor, " vertices"]:
        """The partner of each vertex on the face's other half."""
        ...

    @property
    def num_coefficients(self) -> tuple[int, int, int]:
        """How many there are for identity, expression and albedo."""
        ...

    def shape(
        self, identity: Float[Tensor, "batch identities"], expression: Float[Tensor, "batch expressions"]
    ) -> Vertices:
        """The vertices; fewer coefficients than the model has leave the others at zero."""
        ...

    def albedo(self, coefficients: Coefficients) -> Vertices:
        """The colour of each vertex in even white light, RGB in [0, 1]."""
        ...

    def landmark_points(self, vertices: Vertices) -> Float[Tensor, "batch 68 3"]:
        """The 68 landmarks on these vertices, as pictures are labelled."""
        ...

    def to(self, device: torch.device | str) -> "Morphable": ...

    def cut(self, num_identity: int, num_expression: int, num_albedo: int) -> "Morphable":
        """The same with the first components of each kind."""
        ...


@dataclass(frozen=True, eq=False)
class LinearMorphable:
    """A model as tensors; each row of a basis is one standard deviation."""

    mean: Float[Tensor, "vertices 3"]
    identity_basis: Float[Tensor, "identities vertices 3"]
    expression_basis: Float[Tensor, "expressions vertices 3"]
    mean_albedo: Float[Tensor, "vertices 3"]
    albedo_basis: Float[Tensor, "albedos vertices 3"]
    triangles: Int[Tensor, "triangles 3"]
    uv: Float[Tensor, "vertices 2"]
    landmarks: Int[Tensor, " 68"]
    mirror: Int[Tensor, " vertices"]
    landmark_offsets: Float[Tensor, "68 3"]
    """From a landmark's vertex to where pictures have it labelled: two conventions differ by about a per cent
    of the face's size, and that is learned from labelled pictures."""

    def __post_init__(self) -> None:
        _check(self)

    @cached_property
    def key_points(self) -> Int[Tensor, "18 2"]:
        return self.landmarks[KEY_POINT_PAIRS.to(self.landmarks.device)]

    @property
    def num_coefficients(self) -> tuple[int, int, int]:
        return len(self.identity_basis), len(self.expression_basis), len(self.albedo_basis)

    def shape(
        self, identity: Float[Tensor, "batch identities"], expression: Float[Tensor, "batch expressions"]
    ) -> Vertices:
        by_identity = _combine(identity, self.identity_basis, "identity")
        return self.mean + by_identity + _combine(expression, self.expression_basis, "expression")

    def albedo(self, coefficients: Coefficients) -> Vertices:
        return (self.mean_albedo + _combine(coefficients, self.albedo_basis, "albedo")).clamp(0, 1)

    def landmark_points(self, vertices: Vertices) -> Float[Tensor, "batch 68 3"]:
        return vertices[:, self.landmarks] + self.landmark_offsets

    def to(self, device: torch.device | str) -> "LinearMorphable":
        return replace(self, **{name: tensor.to(device) for name, tensor in tensors_of(self).items()})

    def cut(self, num_identity: int, num_expression: int, num_albedo: int) -> "LinearMorphable":
        wanted = (num_identity, num_expression, num_albedo)
        if any(not 0 <= count <= most for count, most in zip(wanted, self.num_coefficients, strict=True)):
            raise MorphableError(
                f"the model has {self.num_coefficients} components for identity, expression and albedo; "
                f"it cannot be cut to {wanted}"
            )
        return replace(
            self,
            identity_basis=self.identity_basis[:num_identity],
            expression_basis=self.expression_basis[:num_expression],
            albedo_basis=self.albedo_basis[:num_albedo],
        )


def with_offsets(model: LinearMorphable, offsets: Float[Tensor, "68 3"]) -> LinearMorphable:
    """The model with its landmarks elsewhere."""
    return replace(model, landmark_offsets=offsets)


def tensors_of(model: LinearMorphable) -> dict[str, Tensor]:
    """The model by the names of its fields."""
    return {name: getattr(model, name) for name in LinearMorphable.__dataclass_fields__}


def _combine(
    coefficients: Coefficients, basis: Float[Tensor, "components vertices 3"], name: str
) -> Vertices:
    given = coefficients.shape[1]
    if given > len(basis):
        raise MorphableError(f"{given} {name} coefficients for {len(basis)} components")
    combined = coefficients @ basis[:given].flatten(1)
    return combined.unflatten(1, basis.shape[1:])


def _check(model: LinearMorphable) -> None:
    """Whether the parts are of one mesh."""
    num_vertices = len(model.mean)
    for name in ("identity_basis", "expression_basis", "mean_albedo", "albedo_basis", "uv", "mirror"):
        tensor = getattr(model, name)
        found = tensor.shape[1] if name.endswith("basis") else tensor.shape[0]
        if found != num_vertices:
            raise MorphableError(f"{name} is for {found} vertices, the mean shape has {num_vertices}")
    for name in ("triangles", "landmarks", "mirror"):
        indices = getattr(model, name)
        if indices.numel() and (indices.min() < 0 or indices.max() >= num_vertices):
            raise MorphableError(f"{name} name vertices that do not exist (there are {num_vertices})")
