"""Who is it? Faces brought to where a recogniser wants them."""

from dataclasses import replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from mien.faces.align import cut, fit, fit_similarity, template_points
from mien.image.warp import compose, invert, translation
from mien.types import Crop, Detection, Image, Images, Recovery

FACE_SIZE = 112
TEMPLATE = "arcface"


@runtime_checkable
class Identify(Protocol):
    """Faces cut by `cut_face` to vectors of length 1: the smaller the angle, the more alike."""

    def __call__(self, faces: Images) -> Float[Tensor, "batch features"]: ...


def cut_face(
    photo: Image, detection: Detection, size: int = FACE_SIZE, margin: int = 0
) -> Float[Tensor, "3 side side"]:
    """The face in the ArcFace alignment, `size` pixels and `margin` more on each side."""
    photo_from_face = fit(detection, TEMPLATE, size)
    return cut(photo, compose(photo_from_face, translation(-margin, -margin)), size + 2 * margin)


def face_of_crop(crop: Crop) -> Float[Tensor, "3 side side"]:
    """The same of a crop of any other alignment, by its points."""
    face_from_crop = fit_similarity(crop.points, template_points(TEMPLATE, FACE_SIZE))
    return cut(crop.pixels, invert(face_from_crop), FACE_SIZE)


def identity_of(crop: Crop, identify: Identify) -> Float[Tensor, " features"]:
    """A vector of length 1 whose direction is the person."""
    return identify(face_of_crop(crop).float()[None])[0]


def recovered_crop(crop: Crop, recovery: Recovery, template: str) -> Crop:
    """A recovery as a crop: one that turned the head stands on the template, others where their crop does."""
    turned = template_points(template, crop.pixels.shape[-1]).to(crop.points)
    return replace(crop, pixels=recovery.pixels, points=crop.points if recovery.keeps_pose else turned)


def kept_identity(
    crops: list[Crop], recoveries: list[Recovery], template: str, identify: Identify
) -> list[float]:
    """The cosine between whom each crop shows and whom its recovery does."""
    if not crops:
        return []
    pairs = zip(crops, recoveries, strict=True)
    results = [recovered_crop(crop, recovery, template) for crop, recovery in pairs]
    faces = torch.stack([face_of_crop(crop).float() for crop in (*crops, *results)])
    before, after = identify(faces).split(len(crops))
    return (before * after).sum(dim=1).clamp(-1, 1).tolist()


def most_prominent(photo: Image, detections: list[Detection]) -> Detection:
    """Whom a photo is of: large and near its middle."""
    height, width = photo.shape[-2:]
    middle = torch.tensor([(width - 1) / 2, (height - 1) / 2])

    def prominence(detection: Detection) -> float:
        low, high = detection.box.cpu()[:2], detection.box.cpu()[2:]
        return float((high - low).clamp_min(0).prod().sqrt() - ((low + high) / 2 - middle).norm())

    if not detections:
        raise ValueError("there is no face to choose from")
    return max(detections, key=prominence)
