"""How CFR-GAN is used: what is in front of a face is found and taken off, and the head turned if asked to.

A face in its own pose keeps every pixel that nothing covers. Of a turned one the photo's pixels are moved
along, what it does not show comes from the face's other half, and what neither shows is made up.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.faces.align import detection_of, fit, whole_crop
from mien.faces.batches import in_batches
from mien.geometry.estimate import Estimate, estimate_of, five_points_at
from mien.geometry.mesh import close_openings
from mien.geometry.morphable import LinearMorphable
from mien.geometry.pose import angle_between, angles_from_rotation, rotation_from_angles, turned_to_yaw
from mien.geometry.relight import relit
from mien.geometry.rotate import RotationSettings, rotate
from mien.image.filter import gaussian_blur
from mien.image.occlusion import occlusion_mask, softened, swap
from mien.image.warp import warp_affine
from mien.layers.running import OnTorch
from mien.models.rotate.network import RotateNetwork
from mien.types import (
    Affine,
    Crop,
    Detection,
    FindParts,
    Image,
    Images,
    Mask,
    Masks,
    ReadFace,
    Recovery,
    RunNetwork,
)

TEMPLATE = "ffhq"
KEEPABLE: dict[str, tuple[str, ...]] = {
    "glasses": ("eye_glasses",),
    "hair": ("hair",),
    "hat": ("hat",),
}
"""What can be left on, and a parser's names for it."""
USUALLY_KEPT = ("hair", "hat")
"""A fringe is in front of a face, too, but nobody wants it off."""
NEVER_COVERS = ("left_eye", "right_eye", "left_brow", "right_brow")
"""What can be seen of these is free, as equation 5's auxiliary mask has it."""
NO_FACE = ("background", "cloth", "necklace")
NO_SKIN = (*NO_FACE, "hair", "hat", "eye_glasses")
"""What the light on a face cannot be told by."""
ALONE = 0.62
"""What the network's chances count where the parser is not heard: 0.6 is then as much as 0.37 of both."""
RIM = 12 / 256
"""In sides of the crop: so near to its outline background covers no face, as an outline is seldom right."""
HOLES = 2 / 256
"""Standard deviation, in sides of the crop, of the blur that closes a found mask."""
LARGEST_YAW, LARGEST_PITCH = 90.0, 30.0
SAME_POSE = 1.0
"""A turn by less than these degrees is none."""
DOUBTFUL, SURE = 0.3, 0.7
"""What is unknown by less than the first stays as it is, by more than the second is made anew."""
LEAST_COVERED, MOST_COVERED = 0.27, 0.47
"""The same of covers, of which network and parser speak with one voice: on faces held out of training their
mean finds hands and masks best at 0.37, and takes 3 % of faces without a cover for covered."""


@dataclass(frozen=True)
class RotateSettings:
    """What a user may choose."""

    yaw: float | None = None
    """Degrees to turn the head to; None leaves it."""
    pitch: float | None = None
    keep: tuple[str, ...] = ()
    """Keys of `KEEPABLE`."""
    pastes: bool = False
    """Put turned faces back into their photo."""
    unseen: Literal["mirrored", "smeared"] = "mirrored"
    """What the network gets where a turned head shows what the photo does not; smeared as in the paper."""
    swaps: bool = False
    """Give it the swapped renders, as the paper says; its code gives them as they are."""
    fidelity: float = 0.0
    """How much of the input stays in the result."""
    batch_size: int = 8
    precision: torch.dtype = torch.bfloat16
    least_certainty: float = 0.3
    """Of a reading; a face read with less is left as it is."""
    least_seen: float = 0.1
    """Share of a face that must be free."""

    def __post_init__(self) -> None:
        for name, angle, most in (("yaw", self.yaw, LARGEST_YAW), ("pitch", self.pitch, LARGEST_PITCH)):
            if angle is not None and not -most <= angle <= most:
                raise ValueError(f"{name} must lie between {-most:.0f} and {most:.0f} degrees, got {angle}")
        unknown = set(self.keep) - set(KEEPABLE)
        if unknown:
            raise ValueError(f"cannot keep {', '.join(sorted(unknown))}; there is {', '.join(KEEPABLE)}")
        if not 0 <= self.fidelity <= 1:
            raise ValueError(f"fidelity must lie between 0 and 1, got {self.fidelity}")
        if self.fidelity and self.turns:
            raise ValueError(f"rotate turns the head: there is no input to keep {self.fidelity:.0%} of")
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {self.batch_size}")

    @property
    def turns(self) -> bool:
        return self.yaw is not None or self.pitch is not None


@dataclass(frozen=True)
class Prepared:
    """A face ready for the network; everything in the frame of the result."""

    crop: Crop
    base: Image
    """The photo's pixels, turned."""
    shown: Image
    """What the network sees of them."""
    expected: Image
    """The estimate on the same surroundings."""
    face: Mask
    seen: Mask
    """How much of each pixel the photo shows, whatever is in front."""
    mirrored: Mask
    kept: Mask
    """What is not taken off unless the user says so."""
    covers: Mask
    """What is in front of the face as the parser has it, beside what the network finds."""
    heard: Mask
    """Where the parser is asked: not at the outline, and nowhere if there is none."""
    given: Mask | None
    """What the user says is covered."""
    is_turned: bool


class Rotator:
    """A Recoverer that uncovers faces. The network given is moved and converted, not copied."""

    template = TEMPLATE

    def __init__(
        self,
        network: RotateNetwork,
        read: ReadFace,
        model: LinearMorphable,
        device: torch.device | None = None,
        settings: RotateSettings | None = None,
        find_parts: FindParts | None = None,
        mask: Mask | None = None,
        run: RunNetwork | None = None,
    ) -> None:
        """`find_parts` is needed to keep things; `mask` is of the photo that crops come from.

        `run` takes the place of torch, which runs the network otherwise.
        """
        self.settings = settings or RotateSettings()
        self.device = device or torch.device("cpu")
        self.network = network.eval()
        self.run = run or OnTorch(network, self.device, self.settings.precision)
        self.read, self.model, self.find_parts, self.mask = read, model, find_parts, mask
        self.closure = close_openings(model.triangles, len(model.mean))
        self.crop_size = network.config.image_size
        if self.settings.keep and find_parts is None:
            raise ValueError(f"to keep {', '.join(self.settings.keep)} a face parser is needed")

    def with_settings(self, settings: RotateSettings, mask: Mask | None = None) -> "Rotator":
        mask = self.mask if mask is None else mask
        return self.made(settings, mask, self.run)

    def with_run(self, run: RunNetwork) -> "Rotator":
        """The same, its network run by somebody else."""
        return self.made(self.settings, self.mask, run)

    def made(self, settings: RotateSettings, mask: Mask | None, run: RunNetwork) -> "Rotator":
        return Rotator(self.network, self.read, self.model, self.device, settings, self.find_parts, mask, run)

    def to(self, yaw: float | None, pitch: float | None = None) -> "Rotator":
        """The same for heads turned to these angles; None leaves an angle as it is."""
        return self.with_settings(replace(self.settings, yaw=yaw, pitch=pitch))

    def keeping(self, *things: str) -> "Rotator":
        """The same that leaves these things on as well: keys of `KEEPABLE`."""
        every = dict.fromkeys((*self.settings.keep, *things))
        return self.with_settings(replace(self.settings, keep=tuple(every)))

    def pasting(self) -> "Rotator":
        """The same that puts turned faces back into their photo, too."""
        return self.with_settings(replace(self.settings, pastes=True))

    def with_mask(self, mask: Mask) -> "Rotator":
        """The same that takes off what this mask of the photo says: all of it, and nothing else."""
        return self.with_settings(self.settings, mask)

    def with_fidelity(self, fidelity: float) -> "Rotator":
        """The same with that share of the input in its results, which must then keep their pose."""
        return self.with_settings(replace(self.settings, fidelity=fidelity))

    def with_batch_size(self, batch_size: int) -> "Rotator":
        """The same network, fed so many faces at a time."""
        return self.with_settings(replace(self.settings, batch_size=batch_size))

    def __call__(self, crops: list[Crop]) -> list[Recovery]:
        return in_batches(crops, self.settings.batch_size, self.recover_batch)

    @torch.no_grad()
    def recover_batch(self, crops: list[Crop]) -> list[Recovery]:
        """Those that can be read go through the network together."""
        prepared = [self.prepare(crop) for crop in crops]
        ready = [one for one in prepared if isinstance(one, Prepared)]
        finished = self.finish(ready) if ready else iter(())
        return [next(finished) if isinstance(one, Prepared) else one for one in prepared]

    def prepare(self, crop: Crop) -> Prepared | Recovery:
        """The face read and turned; or the crop as it is, and why."""
        if crop.pixels.shape[1:] != (self.crop_size, self.crop_size):
            raise ValueError(
                f"rotate takes crops of {self.crop_size} x {self.crop_size} pixels, "
                f"got {crop.pixels.shape[2]} x {crop.pixels.shape[1]}"
            )
        reading = self.read(crop)
        if not reading.certainty >= self.settings.least_certainty:
            return left(crop, f"not read in 3D (certainty {reading.certainty:.2f}): left as it is")
        pixels = crop.pixels.float()[None]
        free, kept, covers = self.parts(pixels)
        estimate = relit(estimate_of(self.model, [reading], self.closure), pixels, free=free)
        wanted = self.wanted(estimate.face.rotation)
        planes = torch.cat((pixels, kept, covers, self.given(crop)), 1)  # (1, 6, S, S)
        is_turned = float(angle_between(estimate.face.rotation, wanted)) > SAME_POSE
        if not is_turned:
            expected, face = estimate.draw(estimate.face.rotation, self.crop_size, self.crop_size)
            return self.make_prepared(crop, planes, expected, face, face, torch.zeros_like(face), False)
        return self.turned(crop, estimate, planes, wanted)

    def turned(
        self,
        crop: Crop,
        estimate: Estimate,
        planes: Float[Tensor, "1 6 side side"],
        wanted: Float[Tensor, "1 3 3"],
    ) -> Prepared:
        """The photo's pixels at the wanted pose; cut anew as a face in it is, if it will not go back."""
        size, mirror = self.crop_size, None
        if self.settings.unseen == "mirrored":
            mirror = self.model.mirror
        view = rotate(planes, estimate.face, wanted, RotationSettings(unseen=self.settings.unseen), mirror)
        expected, face = estimate.draw(wanted, size, size)
        mirrored = torch.zeros_like(face) if view.mirrored is None else view.mirrored
        drawn = torch.cat((view.pixels, expected, face, view.seen, mirrored), 1)
        if not self.settings.pastes:
            turned = detection_of(five_points_at(self.model, estimate, wanted)[0])
            cut = place_crop(turned, size)  # crop_from_result
            drawn = warp_affine(drawn, cut[None], size, size, "border")
        planes, expected, face, seen, mirrored = drawn.clamp(0, 1).split((6, 3, 1, 1, 1), dim=1)
        return self.make_prepared(crop, planes, expected, face, seen, mirrored, True)

    def make_prepared(
        self,
        crop: Crop,
        planes: Float[Tensor, "1 6 side side"],
        expected: Images,
        face: Masks,
        seen: Masks,
        mirrored: Masks,
        is_turned: bool,
    ) -> Prepared:
        base, kept, covers, given = planes.split((3, 1, 1, 1), dim=1)
        shown, on_base = base, torch.lerp(base, expected, face)
        if self.settings.swaps:
            soft = softened(occlusion_mask(base * face, expected * face, face)) * face
            shown, on_base = swap(base, on_base, soft)
        rimless = inside(face, round(RIM * self.crop_size))
        return Prepared(
            crop=crop,
            base=base[0],
            shown=shown[0],
            expected=on_base[0],
            face=face[0],
            seen=seen[0],
            mirrored=mirrored[0],
            kept=kept[0],
            covers=covers[0],
            heard=rimless[0] if self.find_parts is not None else torch.zeros_like(rimless[0]),
            given=None if self.mask is None else given[0],
            is_turned=is_turned,
        )

    def wanted(self, rotation: Float[Tensor, "1 3 3"]) -> Float[Tensor, "1 3 3"]:
        """The rotation that was asked for."""
        if self.settings.yaw is not None:
            rotation = turned_to_yaw(rotation, self.settings.yaw)
        if self.settings.pitch is None:
            return rotation
        angles = angles_from_rotation(rotation)
        angles[:, 1] = self.settings.pitch
        return rotation_from_angles(angles)

    def parts(self, pixels: Images) -> tuple[Masks, Masks, Masks]:
        """Where skin is free, where what stays is, and where what is no face is; a parser tells."""
        if self.find_parts is None:
            nothing = torch.zeros_like(pixels[:, :1])
            return 1 - nothing, nothing, nothing
        stays = (*NEVER_COVERS, *(name for thing in self.settings.keep for name in KEEPABLE[thing]))
        hides, kept, covers = self.find_parts(pixels, (NO_SKIN, stays, NO_FACE)).split(1, dim=1)
        return 1 - surely(hides), (kept > 0.5).to(pixels), covers

    def given(self, crop: Crop) -> Masks:
        """The user's mask as the crop has it."""
        if self.mask is None:
            return torch.zeros_like(crop.pixels[None, :1]).float()
        size = self.crop_size
        cut = warp_affine(
            self.mask[None].float(), crop.photo_from_crop[None], size, size, "zeros", "bilinear"
        )
        return cut.clamp(0, 1)

    def finish(self, faces: list[Prepared]) -> Iterator[Recovery]:
        """Through the network, and composed."""
        shown = torch.stack([one.shown for one in faces])
        made, found = self.make(shown, torch.stack([one.expected for one in faces]))
        for one, picture, covered in zip(faces, made, found, strict=True):
            yield self.composed(one, picture, covered)

    def make(self, shown: Images, expected: Images) -> tuple[Images, Masks]:
        """Pictures in [0, 1] and chances, on the processor."""
        made, logits = self.run(2 * shown - 1, 2 * expected - 1)
        chances = torch.sigmoid(logits.float())
        return ((made + 1) / 2).clamp(0, 1), gaussian_blur(
            chances, torch.full((len(chances),), HOLES * self.crop_size)
        )

    def composed(self, one: Prepared, made: Image, found: Mask) -> Recovery:
        """What is seen stays, what is mirrored stays, the rest is what the network made."""
        covered = one.given
        if covered is None:
            covered = agreed(found, one.covers, one.heard) * (1 - one.kept)
        found = covered * one.face
        known = torch.minimum(one.seen + one.mirrored, one.face)
        free = float(((1 - found) * known).sum() / known.sum().clamp(min=1))
        if free < self.settings.least_seen:
            return left(one.crop, f"refused: only {free:.0%} of this face can be seen")
        guessed = torch.maximum(found, surely(one.face - known))
        pixels = torch.lerp(one.base, made, guessed)
        if not one.is_turned:
            pixels = torch.lerp(pixels, one.crop.pixels.float(), self.settings.fidelity)
        seen = torch.where(one.face > 0, (one.seen * (1 - found)).clamp(0, 1), torch.ones_like(found))
        mirrored = torch.minimum(one.mirrored * (1 - found), 1 - seen)
        return Recovery(
            pixels=pixels,
            evidence=seen,
            keeps_pose=self.settings.pastes or not one.is_turned,
            notes=(told(one.face, seen, mirrored),),
            mirrored=mirrored,
        )


def surely(chance: Float[Tensor, "*batch height width"]) -> Float[Tensor, "*batch height width"]:
    """What is doubtful does not count, so that much of it leaves no haze, and a rim no line."""
    return ((chance - DOUBTFUL) / (SURE - DOUBTFUL)).clamp(0, 1)


def agreed(found: Mask, parsed: Mask, heard: Mask) -> Mask:
    """What is covered: as both have it where the parser is heard, and as the network has it elsewhere."""
    chance = torch.lerp(ALONE * found, (found + parsed) / 2, heard)
    return ((chance - LEAST_COVERED) / (MOST_COVERED - LEAST_COVERED)).clamp(0, 1)


def inside(face: Masks, rim: int) -> Masks:
    """Without so many pixels along the outline."""
    return 1 - F.max_pool2d(1 - face, 2 * rim + 1, stride=1, padding=rim)


def left(crop: Crop, why: str) -> Recovery:
    """The crop as it is."""
    return Recovery(crop.pixels, torch.ones_like(crop.pixels[:1]), notes=(why,))


def told(face: Mask, seen: Mask, mirrored: Mask) -> str:
    """The evidence in words."""
    area = face.sum().clamp(min=1)
    shown, other = (float((part * face).sum() / area) for part in (seen, mirrored))
    return (
        f"{shown:.0%} of this face was seen, {other:.0%} mirrored, {max(1 - shown - other, 0.0):.0%} guessed"
    )


def place_crop(detection: Detection, size: int) -> Affine:
    """`photo_from_crop` as `align` would have it."""
    return fit(detection, TEMPLATE, size)


def aligned_crop(pixels: Image) -> Crop:
    """A square picture that is aligned as a Rotator's crops are."""
    return whole_crop(pixels, pixels.shape[-1], TEMPLATE)
