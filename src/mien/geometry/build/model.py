"""The whole way from another kit's heads and labelled photos to a morphable model of our own."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from jaxtyping import Float
from torch import Tensor

from mien.geometry.build.albedo import learn_albedo
from mien.geometry.build.assemble import ShapeSettings, build_shape
from mien.geometry.build.facekit import FaceKit, SourceError
from mien.geometry.build.offsets import learn_offsets
from mien.geometry.build.unwrap import Faces, unwrap_faces
from mien.geometry.fit import FitSettings
from mien.geometry.morphable import LinearMorphable, with_offsets

FEWEST_FACES = 20
"""From fewer there is no saying how colours vary."""
FEWEST_LANDMARKS = 20


@dataclass(frozen=True)
class BuildSettings:
    """How a model is made."""

    shape: ShapeSettings = field(default_factory=lambda: ShapeSettings(num_identity=80))
    num_albedo: int = 80
    fit: FitSettings = field(default_factory=FitSettings)


def build_morphable(
    kit: FaceKit,
    landmarks: Float[Tensor, "faces 68 2"],
    faces: Faces,
    settings: BuildSettings,
    report: Callable[[str], None],
) -> LinearMorphable:
    """Shape from the kit, where the landmarks are from labels of every pose, colours from photos.

    `report` is told in a line what each stage came to.
    """
    model = build_shape(kit, settings.shape)
    num_identity, num_expression, _ = model.num_coefficients
    report(
        f"shape: {len(model.mean)} vertices, {num_identity} identity and {num_expression} expression shapes"
    )
    if len(landmarks) < FEWEST_LANDMARKS:
        raise SourceError(f"{len(landmarks)} labelled faces; at least {FEWEST_LANDMARKS} are needed")
    model = with_offsets(model, learn_offsets(model, landmarks, settings.fit))
    usual = float(model.landmark_offsets.norm(dim=1).mean()) * 100
    report(f"landmarks: {usual:.1f} mm from their vertices on average, learned from {len(landmarks)} faces")
    unwrapped = list(unwrap_faces(model, faces, settings.fit))
    if len(unwrapped) < FEWEST_FACES:
        raise SourceError(
            f"{len(unwrapped)} of the photos show a large, coloured face from the front; "
            f"at least {FEWEST_FACES} are needed"
        )
    albedo = learn_albedo(unwrapped, model, settings.num_albedo)
    report(f"albedo: {len(albedo.basis)} components, learned from {albedo.num_faces} faces")
    return replace(model, mean_albedo=albedo.mean, albedo_basis=albedo.basis)
