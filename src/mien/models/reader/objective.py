"""What the reader learns: from labels, and (CFR-GAN, section 3.1) from one that saw the face uncovered."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mien.geometry.camera import WeakPerspective
from mien.geometry.fit import LandmarkBasis, landmark_basis
from mien.geometry.morphable import LinearMorphable
from mien.geometry.pose import rotation_from_six, turn
from mien.models.reader.network import Answer, ReaderConfig
from mien.types import Images, Losses

Maps = tuple[Float[Tensor, "batch _ _ _"], ...]
SMALLEST_FACE = 1.0
"""Pixels, so that a label of no size divides nothing."""


@dataclass(frozen=True)
class Truth:
    """What is known of a face, in pixels of its cut."""

    points: Float[Tensor, "batch 68 2"]
    rotation: Float[Tensor, "batch 3 3"]
    scale: Float[Tensor, " batch"]
    shift: Float[Tensor, "batch 2"]
    identity: Float[Tensor, "batch identities"]
    expression: Float[Tensor, "batch expressions"]
    albedo: Float[Tensor, "batch albedos"]
    light: Float[Tensor, "batch 9 3"]

    @property
    def size(self) -> Float[Tensor, " batch"]:
        """sqrt(width * height) of the landmarks' box."""
        return (self.points.amax(1) - self.points.amin(1)).prod(-1).clamp(min=SMALLEST_FACE**2).sqrt()


@dataclass(frozen=True)
class Lesson:
    """Cuts to read, and what should be read there."""

    pictures: Images
    truth: Truth
    faces: Bool[Tensor, " batch"]
    """Whether there is a face at all; without one only the certainty is learned."""
    occluded: Float[Tensor, " batch"]
    maps: Maps = ()
    """The teacher's, of the same faces uncovered; none without a teacher."""


@dataclass(frozen=True)
class ReaderObjective:
    """Weights of the terms."""

    points: float = 10.0
    """NME of the landmarks that are read directly."""
    projected: float = 5.0
    """NME of the morphable model's, seen by the camera."""
    turn: float = 1.0
    """Length of the difference of the rotations."""
    camera: float = 1.0
    """Errors of the logarithm of the scale and of the shift in parts of the face."""
    coefficients: float = 0.02
    """Squared errors in standard deviations."""
    albedo: float = 0.02
    light: float = 0.2
    certainty: float = 0.1
    occluded: float = 0.1
    taught: float = 0.0
    """Differences to the teacher's features, eq. 2; levels count 1/4, 1/2 and 1, as in the paper's code."""
    certain_error: float = 0.1
    """Being certain means: expecting an NME that is small beside this."""

    def __call__(self, network: nn.Module, lesson: Lesson, basis: LandmarkBasis) -> Losses:
        answer = network(lesson.pictures)
        with torch.autocast(lesson.pictures.device.type, enabled=False):
            terms = self.terms(answer, lesson, basis)
            weighted = torch.stack([getattr(self, name) * term for name, term in terms.items()])
        return Losses(weighted.sum(), {name: term.detach() for name, term in terms.items()})

    def terms(self, answer: Answer, lesson: Lesson, basis: LandmarkBasis) -> dict[str, Tensor]:
        """Every wish as a number, unweighted, by the name of its weight."""
        truth, faces = lesson.truth, lesson.faces
        error = mean_error(answer.points, truth)
        wanted = torch.where(faces, (-error.detach() / self.certain_error).exp(), 0.0)
        own, expected = (torch.cat((one.identity, one.expression), 1) for one in (answer, truth))
        rotation = rotation_from_six(answer.turn)
        terms = {
            "points": error,
            "projected": mean_error(projected(answer, rotation, basis), truth),
            "turn": torch.linalg.matrix_norm(rotation - truth.rotation),
            "camera": (answer.scale / truth.scale.clamp(min=1e-3)).log().abs()
            + (answer.shift - truth.shift).norm(dim=-1) / truth.size,
            "coefficients": (own - expected).square().mean(1),
            "albedo": known_error(answer.albedo, truth.albedo),
            "light": known_error(answer.light.flatten(1), truth.light.flatten(1)),
            "occluded": bce(answer.occluded, lesson.occluded),
        }
        terms = {name: over(term, faces) for name, term in terms.items()}
        terms["certainty"] = bce(answer.certainty, wanted).mean()
        if self.taught:
            terms["taught"] = over(feature_distance(answer.maps, lesson.maps), faces)
        return terms


def basis_of(model: LinearMorphable, config: ReaderConfig) -> LandmarkBasis:
    """The model's landmarks, with the components that the network has coefficients for."""
    return landmark_basis(model, config.num_identity, config.num_expression)


def projected(
    answer: Answer, rotation: Float[Tensor, "batch 3 3"], basis: LandmarkBasis
) -> Float[Tensor, "batch 68 2"]:
    """The morphable model's landmarks in the cut."""
    points = basis.points(torch.cat((answer.identity, answer.expression), 1))
    return WeakPerspective(answer.scale, answer.shift).project(turn(points, rotation))[..., :2]


def mean_error(points: Float[Tensor, "batch 68 2"], truth: Truth) -> Float[Tensor, " batch"]:
    """NME of each face."""
    return (points - truth.points).norm(dim=-1).mean(1) / truth.size


def known_error(
    answer: Float[Tensor, "batch numbers"], truth: Float[Tensor, "batch numbers"]
) -> Float[Tensor, " batch"]:
    """Mean square; 0 where the truth is not a number, which means that nobody knows."""
    known = truth.isfinite()
    return torch.where(known, answer - torch.where(known, truth, 0.0), 0.0).square().mean(1)


def feature_distance(answers: Maps, wanted: Maps) -> Float[Tensor, " batch"]:
    """Eq. 2, in parts of what the teacher's features vary by, so that no level shouts the others down."""
    levels = []
    for level, (answer, target) in enumerate(zip(answers, wanted, strict=True)):
        target = target.float()
        spread = target.var(dim=0, keepdim=True).mean().clamp(min=1e-6)
        levels.append(
            (answer.float() - target).square().mean((1, 2, 3)) / spread * 0.5 ** (len(wanted) - 1 - level)
        )
    return torch.stack(levels).sum(0)


def bce(answer: Float[Tensor, " batch"], wanted: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
    return F.binary_cross_entropy_with_logits(answer, wanted, reduction="none")


def over(values: Float[Tensor, " batch"], faces: Bool[Tensor, " batch"]) -> Float[Tensor, ""]:
    """Mean over the cuts that show a face."""
    return (values * faces).sum() / faces.sum().clamp(min=1)
