"""How GFRNet is used: damaged crops in, clean ones made with the help of good photos of the same people."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from mien.faces.align import align, fit
from mien.faces.identify import Identify, face_of_crop
from mien.image.blend import ellipse_mask
from mien.image.filter import gaussian_blur
from mien.image.structure import structure_agreement
from mien.layers.running import OnTorch
from mien.models.guided.network import GuidedNetwork
from mien.types import (
    Affine,
    Crop,
    Detection,
    FindFaces,
    Guidance,
    Image,
    Images,
    Recoverer,
    Recovery,
    RunNetwork,
)

TEMPLATE = "ffhq"
Album = Sequence[Float[Tensor, "3 _ _"]]
"""Photos of any size."""
PIXELS_PER_HALVING = 4.0 / 256
"""A guide whose five points are this share of the crop further away is taken where it is twice as sharp."""


class ReferencesError(ValueError):
    """An album that cannot guide."""


@dataclass(frozen=True)
class GuidedSettings:
    """What a user may choose."""

    fidelity: float = 0.0
    """How much of the input stays in the result: 0 recovery alone, 1 input alone."""
    batch_size: int = 8
    """Faces that go through the network together."""
    precision: torch.dtype = torch.bfloat16
    least_likeness: float = 0.12
    """Cosine between input and reference below which they are taken for two people. Damage lowers it, so
    this is lower than between clean photos."""
    any_person: bool = False
    """Take the reference whoever it shows."""

    def __post_init__(self) -> None:
        if not 0 <= self.fidelity <= 1:
            raise ValueError(f"fidelity must lie between 0 and 1, got {self.fidelity}")
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {self.batch_size}")


@dataclass(frozen=True)
class Reference:
    """A face of the album."""

    photo: int
    """Its number in the album, from 0."""
    crop: Crop
    who: Float[Tensor, " features"]
    sharpness: float


@dataclass(frozen=True)
class Choice:
    """The guide of a face, or why it has none."""

    reference: Reference | None
    likeness: float
    """Of the guide; without one, of the reference that comes nearest."""
    note: str


class Guided:
    """A Recoverer that keeps pose and place, and takes details from an album. The network given is moved and
    converted, not copied."""

    template = TEMPLATE

    def __init__(
        self,
        network: GuidedNetwork,
        otherwise: Recoverer,
        find: FindFaces,
        identify: Identify,
        device: torch.device | None = None,
        settings: GuidedSettings | None = None,
        references: tuple[Reference, ...] = (),
        unused: tuple[int, ...] = (),
        run: RunNetwork | None = None,
    ) -> None:
        """`otherwise` recovers faces that no reference shows; `find` and `identify` look at the album.

        `run` takes the place of torch, which runs the network otherwise.
        """
        self.settings = settings or GuidedSettings()
        self.device = device or torch.device("cpu")
        self.network = network.eval()
        self.run = run or OnTorch(network, self.device, self.settings.precision)
        self.otherwise, self.find, self.identify = otherwise, find, identify
        self.references, self.unused = references, unused
        self.crop_size = network.config.image_size

    def with_references(self, album: Album, any_person: bool = False) -> "Guided":
        """The same network, with these photos to look at.

        Every face of a photo may be a guide. A photo without one is passed over; an album without one is
        refused.
        """
        faces = [self.find(photo) for photo in album]
        found = tuple(
            self.make_reference(number, photo, detection)
            for number, (photo, detections) in enumerate(zip(album, faces, strict=True))
            for detection in detections
        )
        if not found:
            what = f"no face in any of {len(album)} references" if len(album) else "there are no references"
            raise ReferencesError(f"{what}: guided needs a photo that shows the person")
        settings = replace(self.settings, any_person=any_person)
        unused = tuple(number for number, detections in enumerate(faces) if not detections)
        return self.with_settings(settings, found, unused)

    def with_fidelity(self, fidelity: float) -> "Guided":
        """The same network and album, with another share of the input in its results."""
        return self.with_settings(replace(self.settings, fidelity=fidelity), self.references, self.unused)

    def with_batch_size(self, batch_size: int) -> "Guided":
        """The same network and album, fed so many faces at a time."""
        return self.with_settings(replace(self.settings, batch_size=batch_size), self.references, self.unused)

    def with_settings(
        self, settings: GuidedSettings, references: tuple[Reference, ...], unused: tuple[int, ...]
    ) -> "Guided":
        otherwise = self.otherwise.with_fidelity(settings.fidelity).with_batch_size(settings.batch_size)
        return Guided(
            self.network,
            otherwise,
            self.find,
            self.identify,
            self.device,
            settings,
            references,
            unused,
            self.run,
        )

    def with_run(self, run: RunNetwork, otherwise: Recoverer) -> "Guided":
        """The same, its network run by somebody else, and so whoever recovers faces without a reference."""
        return Guided(
            self.network,
            otherwise,
            self.find,
            self.identify,
            self.device,
            self.settings,
            self.references,
            self.unused,
            run,
        )

    def make_reference(self, number: int, photo: Image, detection: Detection) -> Reference:
        crop = align(photo, detection, TEMPLATE, self.crop_size)
        with torch.no_grad():
            who = self.identify(face_of_crop(crop).float()[None])[0]
        return Reference(number, crop, who, sharpness(crop.pixels))

    def __call__(self, crops: list[Crop]) -> list[Recovery]:
        if crops and not self.references:
            raise ReferencesError("guided needs references: model.with_references([photo, ...])")
        for crop in crops:
            if crop.pixels.shape[1:] != (self.crop_size, self.crop_size):
                raise ValueError(
                    f"guided takes crops of {self.crop_size} x {self.crop_size} pixels, "
                    f"got {crop.pixels.shape[2]} x {crop.pixels.shape[1]}"
                )
        choices = self.choose(crops)
        helped = [index for index, choice in enumerate(choices) if choice.reference is not None]
        alone = [index for index, choice in enumerate(choices) if choice.reference is None]
        found: dict[int, Recovery] = {}
        for start in range(0, len(helped), self.settings.batch_size):
            some = helped[start : start + self.settings.batch_size]
            recoveries = self.recover_batch(
                [crops[index] for index in some], [choices[index] for index in some]
            )
            found |= dict(zip(some, recoveries, strict=True))
        without = self.otherwise([crops[index] for index in alone])
        found |= {
            index: replace(recovery, notes=(choices[index].note,))
            for index, recovery in zip(alone, without, strict=True)
        }
        return [found[index] for index in range(len(crops))]

    def choose(self, crops: list[Crop]) -> list[Choice]:
        """A guide for each face."""
        if not crops:
            return []
        with torch.no_grad():
            people = self.identify(torch.stack([face_of_crop(crop).float() for crop in crops]))
        return [self.choose_one(crop, who) for crop, who in zip(crops, people, strict=True)]

    def choose_one(self, crop: Crop, who: Float[Tensor, " features"]) -> Choice:
        """Of each photo the face most alike; of those that show the person, the nearest in pose and sharpest.

        One photo alone, not a mean of several: what the result shows was then seen in one place at one time,
        and nothing of the detail that photos do not share is blurred away.
        """
        alike = {id(reference): float(who @ reference.who) for reference in self.references}
        of_photo: dict[int, Reference] = {}
        num_faces: dict[int, int] = {}
        for reference in self.references:
            best = of_photo.setdefault(reference.photo, reference)
            num_faces[reference.photo] = num_faces.get(reference.photo, 0) + 1
            if alike[id(reference)] > alike[id(best)]:
                of_photo[reference.photo] = reference
        least = -torch.inf if self.settings.any_person else self.settings.least_likeness
        usable = [reference for reference in of_photo.values() if alike[id(reference)] >= least]
        if not usable:
            nearest = max(of_photo.values(), key=lambda reference: alike[id(reference)])
            likeness = alike[id(nearest)]
            note = (
                f"no reference shows this person: the nearest, number {nearest.photo + 1}, is alike to "
                f"{likeness:.2f}, wanted {least:.2f}; recovered without one"
            )
            return Choice(None, likeness, note)
        chosen = max(usable, key=lambda reference: suitability(reference, crop))
        several = num_faces[chosen.photo]
        note = f"guided by reference {chosen.photo + 1}, alike to {alike[id(chosen)]:.2f}"
        if several > 1:
            note += f", the most alike of {several} faces there"
        return Choice(chosen, alike[id(chosen)], note)

    def recover_batch(self, crops: list[Crop], choices: list[Choice]) -> Iterator[Recovery]:
        """All crops at once, each with its guide."""
        references = [choice.reference for choice in choices if choice.reference is not None]
        damaged = torch.stack([crop.pixels for crop in crops]).float()  # (B, 3, S, S)
        guides = torch.stack([reference.crop.pixels for reference in references]).float()
        restored, warped, flows = self.restore(damaged, guides)
        mixed = torch.lerp(restored, damaged, self.settings.fidelity)
        seen = structure_agreement(damaged, mixed)  # (B, 1, S, S)
        lent = structure_agreement(warped, mixed) * (1 - seen)
        for index, choice in enumerate(choices):
            guidance = Guidance(
                warped[index], lent[index], flows[index], references[index].photo, choice.likeness
            )
            yield Recovery(mixed[index], seen[index], guidance=guidance, notes=(choice.note,))

    def restore(
        self, damaged: Images, guides: Images
    ) -> tuple[Images, Images, Float[Tensor, "batch 2 height width"]]:
        """Result, warped guide and flow; pictures in [0, 1], in and out, on the processor."""
        image, warped, flow = self.run(2 * damaged - 1, 2 * guides - 1)
        return ((image + 1) / 2).clamp(0, 1), ((warped + 1) / 2).clamp(0, 1), flow


def suitability(reference: Reference, crop: Crop) -> float:
    """The higher, the better a guide: sharp, and its points where those of the crop are."""
    size = crop.pixels.shape[-1]
    distance = float((reference.crop.points - crop.points).norm(dim=1).mean()) / size
    return float(torch.tensor(reference.sharpness).clamp_min(1e-4).log2()) - distance / PIXELS_PER_HALVING


def sharpness(pixels: Float[Tensor, "3 size size"]) -> float:
    """Deviation of the finest detail of a face crop."""
    detail = pixels - gaussian_blur(pixels[None].float(), torch.ones(1))[0]
    mask = ellipse_mask(pixels.shape[-1])
    return float((mask * detail.square()).sum().div(3 * mask.sum()).sqrt())


def place_crop(detection: Detection, size: int) -> Affine:
    """`photo_from_crop` as `align` would have it."""
    return fit(detection, TEMPLATE, size)
