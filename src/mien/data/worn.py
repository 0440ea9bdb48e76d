"""Masks and glasses, cut out of pictures, put on faces whose 68 points are known."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from mien.data.photos import find_photos
from mien.degrade.occlude import Occluded, lay_over
from mien.image.io import read_photo
from mien.image.resize import resize
from mien.types import Images

HEIGHT, WIDTH = 96, 128
"""Every cut-out is stretched to it; where it goes says its true shape."""
Landmarks = Float[Tensor, "batch 68 2"]
Cutouts = Float[Tensor, "cutouts 4 96 128"]
EYE_LINE = 0.45
"""How far down a pair of glasses the eyes are."""
GLASSES_PER_EYES_TO_MOUTH = 1.95
"""Width of glasses seen from the front over the way from the eyes to the mouth."""
FLATTEST = 0.06
"""Pixels of the picture that a pixel of a cut-out must cover in every direction to be drawn."""


@dataclass(frozen=True)
class Wardrobe:
    """What there is to put on."""

    masks: Float[Tensor, "masks 4 96 128"]
    mask_turns: Float[Tensor, " masks"]
    """-1 drawn for a face turned to the picture's left, 1 to its right, 0 for both."""
    glasses: Float[Tensor, "glasses 4 96 128"]
    glasses_aspect: Float[Tensor, " glasses"]
    """Height over width."""
    mask_share: float = 0.65
    glasses_share: float = 0.45
    jitter: float = 0.04
    """Of the places, in sizes of the cut-out."""

    @classmethod
    def open(cls, masks: Path, glasses: Path) -> "Wardrobe":
        """PNG files with transparency; masks drawn for turned faces end in `_left` or `_right`."""
        mask_files, glasses_files = find_photos((masks,)), find_photos((glasses,))
        turns = [float(path.stem.endswith("_right")) - path.stem.endswith("_left") for path in mask_files]
        worn, _ = zip(*(read_cutout(path) for path in mask_files), strict=True)
        seen, aspects = zip(*(read_cutout(path) for path in glasses_files), strict=True)
        return cls(torch.stack(worn), torch.tensor(turns), torch.stack(seen), torch.tensor(aspects))

    def put_on(self, images: Images, points: Landmarks, generator: torch.Generator) -> Occluded:
        """Each face gets a mask, glasses, both, or nothing."""
        num, device, own = len(images), generator.device, self.masks.device
        choice = torch.rand(num, 2, generator=generator, device=device).to(own)
        mask_number = self.fitting_masks(head_turn(points), generator)
        glasses_number = torch.randint(len(self.glasses), (num,), generator=generator, device=device).to(own)
        masks = self.tinted(self.masks[mask_number], choice[:, 0] < self.mask_share, generator)
        glasses = self.glasses[glasses_number] * (choice[:, 1] < self.glasses_share)[:, None, None, None]
        wearing = self.moved(image_from_mask(points), generator)
        aspect = self.glasses_aspect[glasses_number].to(points)
        seeing = self.moved(image_from_glasses(points, aspect), generator)
        first = lay_each(images, glasses, seeing)
        second = lay_each(first.images, masks, wearing)
        return Occluded(second.images, 1 - (1 - first.mask) * (1 - second.mask))

    def fitting_masks(self, turns: Float[Tensor, " batch"], generator: torch.Generator) -> Tensor:
        """Numbers of masks that are drawn for such a turn."""
        wanted = turns.clamp(-0.5, 0.5).mul(4).round().clamp(-1, 1)  # beyond an eighth of the face
        fits = (self.mask_turns[None] == wanted[:, None].to(self.mask_turns)).float()
        numbers = torch.multinomial(fits.to(generator.device), 1, generator=generator)
        return numbers.flatten().to(self.masks.device)

    def tinted(self, masks: Cutouts, shown: Tensor, generator: torch.Generator) -> Cutouts:
        """Half of the masks in another color, from black to white; those not shown transparent."""

        def drawn(channels: int) -> Tensor:
            shape = (len(masks), channels, 1, 1)
            return torch.rand(shape, generator=generator, device=generator.device).to(masks)

        color, brightness, own = drawn(3), drawn(1) * 1.2, drawn(1) < 0.5
        gray = masks[:, :3].mean(1, keepdim=True)
        painted = (gray * (0.3 + 0.7 * color) * brightness).clamp(0, 1)
        colors = torch.where(own, masks[:, :3], painted)
        return torch.cat((colors, masks[:, 3:] * shown[:, None, None, None]), 1)

    def moved(self, matrix: Float[Tensor, "batch 2 3"], generator: torch.Generator) -> Tensor:
        """Not quite where it belongs."""

        def drawn(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, device=generator.device).to(matrix)

        extent = (matrix[:, :, :2].det().abs() * HEIGHT * WIDTH).sqrt()
        away = drawn(len(matrix), 2) * self.jitter * extent[:, None]
        linear = matrix[:, :, :2] * (1 + self.jitter * drawn(len(matrix), 2, 2))
        return torch.cat((linear, (matrix[:, :, 2] + away)[..., None]), -1)


def lay_each(images: Images, cutouts: Cutouts, image_from_cutout: Float[Tensor, "batch 2 3"]) -> Occluded:
    """One by one, since pictures warped together are all sampled as the most shrunken one needs."""
    results = []
    for image, cutout, matrix in zip(images, cutouts, image_from_cutout, strict=True):
        flat = bool(torch.linalg.svdvals(matrix[:, :2])[-1] < FLATTEST)  # seen from its edge
        placed = torch.eye(2, 3, device=matrix.device) if flat else matrix
        results.append(lay_over(image[None], cutout[None] * (not flat), placed[None]))
    return Occluded(torch.cat([one.images for one in results]), torch.cat([one.mask for one in results]))


def read_cutout(path: Path) -> tuple[Float[Tensor, "4 96 128"], float]:
    """The part of a picture that is not transparent, stretched; its height over its width."""
    photo = read_photo(path)
    if photo.alpha is None or float(photo.alpha.max()) == 0:
        raise ValueError(f"{path} has nothing cut out: it needs transparency around what is to be worn")
    rows, columns = (photo.alpha[0] > 0.15).nonzero().unbind(1)
    top, bottom = int(rows.min()), int(rows.max()) + 1
    left, right = int(columns.min()), int(columns.max()) + 1
    whole = torch.cat((photo.image, photo.alpha))[None, :, top:bottom, left:right]
    return resize(whole, HEIGHT, WIDTH)[0].clamp(0, 1), (bottom - top) / (right - left)


def head_turn(points: Landmarks) -> Float[Tensor, " batch"]:
    """How far the nose is from the middle of the head, along it: 0 from the front, about 0.5 in profile."""
    across = points[:, 16] - points[:, 0]
    nose = points[:, 30] - (points[:, 16] + points[:, 0]) / 2
    return (nose * across).sum(-1) / (across**2).sum(-1).clamp(min=1e-3)


def image_from_mask(points: Landmarks) -> Float[Tensor, "batch 2 3"]:
    """The affine map that brings a mask's edges to the bridge of the nose, the chin and both cheeks.

    In a profile the far cheek is hidden, and the mask ends before the nose instead.
    """
    down = points[:, 8] - points[:, 28]
    across = torch.stack((down[:, 1], -down[:, 0]), -1) / down.norm(dim=-1, keepdim=True).clamp(min=1e-3)
    before = 0.12 * down.norm(dim=-1)
    nose, left, right = (((points[:, i] - points[:, 28]) * across).sum(-1) for i in (33, 2, 14))
    more_left = (left - (nose - before)).clamp(min=0)[:, None] * across
    more_right = (nose + before - right).clamp(min=0)[:, None] * across
    target = torch.stack(
        (points[:, 28], points[:, 8] + 0.1 * down, points[:, 2] - more_left, points[:, 14] + more_right), 1
    )  # (B, 4, 2)
    source = target.new_tensor([[0.5, 0.0], [0.5, 1.0], [0.0, 0.35], [1.0, 0.35]])
    source = source * source.new_tensor([WIDTH - 1.0, HEIGHT - 1.0])
    known = torch.cat((source, torch.ones_like(source[:, :1])), 1).expand(len(points), -1, -1)
    return torch.linalg.lstsq(known, target).solution.mT


def image_from_glasses(points: Landmarks, aspect: Float[Tensor, " batch"]) -> Float[Tensor, "batch 2 3"]:
    """As wide as the eyes' distance says, as high as the face's length says, which a turn leaves alone."""
    left, right = points[:, 36:42].mean(1), points[:, 42:48].mean(1)
    middle = (left + right) / 2
    down = (points[:, 48] + points[:, 54]) / 2 - middle
    across = (right - left) / 0.5
    height = GLASSES_PER_EYES_TO_MOUTH * aspect[:, None] * down
    linear = torch.stack((across / (WIDTH - 1), height / (HEIGHT - 1)), -1)
    anchor = linear.new_tensor([0.5 * (WIDTH - 1), EYE_LINE * (HEIGHT - 1)])
    return torch.cat((linear, (middle - linear @ anchor)[..., None]), -1)
