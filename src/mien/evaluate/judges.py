"""What looks at pictures: formulas, and networks that are handed in by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from mien.faces.align import template_points, whole_crop
from mien.faces.identify import Identify, face_of_crop
from mien.metrics.identity import identity_cosine, identity_degrees
from mien.metrics.niqe import NaturalModel, faces_model, niqe
from mien.metrics.perceptual import Perception, perceptual_distance
from mien.metrics.psnr import psnr
from mien.metrics.sharpness import laplacian_variance
from mien.metrics.ssim import SCALE_WEIGHTS, WINDOW, ms_ssim, ssim
from mien.types import Crop, FindFaces, Image, Images, Recoverer, Recovery

Values = dict[str, list[float]]
"""By measure, one for each picture."""
Picture = Float[Tensor, "3 _ _"]
"""One of several that need not be of one size."""
Vectors = Float[Tensor, "pictures features"]
"""Whom an embedder saw."""
QualityOf = Callable[[Images], Float[Tensor, " batch"]]
SMALLEST_MS_SSIM = WINDOW * 2 ** (len(SCALE_WEIGHTS) - 1)


@dataclass(frozen=True)
class Judges:
    """The networks that judge; what is not there does not judge, and its numbers are missing."""

    identify: Identify | None = None
    identify_name: str = "unnamed"
    perception: Perception | None = None
    quality: QualityOf | None = None
    """Of aligned crops of the size that the models take."""
    quality_name: str = "unnamed"
    natural: NaturalModel = field(default_factory=faces_model)

    @property
    def backends(self) -> Mapping[str, str]:
        """Who says a number, where it is not a formula."""
        named = {"niqe": self.natural.name}
        if self.identify is not None:
            named |= dict.fromkeys(("identity", "degrees"), self.identify_name)
        if self.perception is not None:
            named[self.perceived] = self.perception.name
        if self.quality is not None:
            named["quality"] = self.quality_name
        return named

    @property
    def perceived(self) -> str:
        """What the distance that a network sees goes by."""
        return "stand_in" if self.perception is not None and self.perception.is_stand_in else "perceptual"

    def against(self, images: Images, truth: Image, vectors: Vectors | None = None) -> Values:
        """All that needs the truth, and what does not; aligned pictures.

        `vectors` are those of the pictures and last of the truth, if they are known already.
        """
        truths = truth.expand_as(images)
        found = {"psnr": psnr(images, truths), "ssim": ssim(images, truths)}
        smallest = min(truth.shape[1:])
        if smallest >= SMALLEST_MS_SSIM:
            found["ms_ssim"] = ms_ssim(images, truths)
        if self.perception is not None:
            with torch.no_grad():
                found[self.perceived] = perceptual_distance(images, truth[None], self.perception)
        if self.identify is not None:
            vectors = self.vectors([*images, truth]) if vectors is None else vectors
            found |= alike(vectors[:-1], vectors[-1:].expand(len(images), -1))
        if smallest >= 2 * self.natural.block_size:
            found["niqe"] = niqe(images, self.natural)
        if self.quality is not None:
            found["quality"] = self.quality(images)
        return as_lists(found)

    def vectors(self, aligned: list[Image]) -> Vectors:
        """Who is seen on pictures that are aligned as a whole."""
        if self.identify is None:
            raise ValueError("there is no embedder among the judges")
        crops = [whole_crop(image, max(image.shape[1:])) for image in aligned]
        return self.identify(torch.stack([face_of_crop(crop).float() for crop in crops]))

    def unaided(self, images: Images) -> Values:
        """All that needs no truth; aligned pictures."""
        found = {"sharpness": laplacian_variance(images)}
        if min(images.shape[2:]) >= 2 * self.natural.block_size:
            found["niqe"] = niqe(images, self.natural)
        if self.quality is not None:
            found["quality"] = self.quality(images)
        return as_lists(found)


def alike(
    vectors: Float[Tensor, "pictures features"], truths: Float[Tensor, "pictures features"]
) -> dict[str, Float[Tensor, " pictures"]]:
    return {"identity": identity_cosine(vectors, truths), "degrees": identity_degrees(vectors, truths)}


def as_lists(found: Mapping[str, Float[Tensor, " pictures"]]) -> Values:
    return {measure: values.double().tolist() for measure, values in found.items()}


def confidence(find: FindFaces, image: Image) -> float:
    """The detector's highest score in a picture, 0 where it sees no face."""
    return max((detection.score for detection in find(image)), default=0.0)


def recovered_face(crop: Crop, recovery: Recovery, template: str) -> Float[Tensor, "3 side side"]:
    """What a recogniser sees of it: a face turned to the front lies where the template has it."""
    size = recovery.pixels.shape[-1]
    points = crop.points if recovery.keeps_pose else template_points(template, size).float()
    return face_of_crop(Crop(recovery.pixels, crop.photo_from_crop, points))


def largest_crop(models: Mapping[str, Recoverer]) -> int:
    """The side that pictures are brought to: no model gets less than it takes."""
    if not models:
        raise ValueError("there is no model to judge")
    return max(model.crop_size for model in models.values())
