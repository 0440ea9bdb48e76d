"""Damage for pictures in which faces are to be found: as strong as the faces in them can bear."""

import dataclasses
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mien.data.facepool import FACE
from mien.data.scenes import Scenes
from mien.data.variety import drop_color, relight
from mien.degrade.chain import Profile, damage, steps
from mien.degrade.parameters import GAUSSIAN, MOTION, Damage

HARD = Profile(
    gaussian_sigmas=(0.0, 0.0, *steps(0.5, 4.0, 0.25)),
    scales=(1.0, 1.0, 1.0, *steps(1.0, 8.0, 0.5)),
    noises=(0.0, 0.0, 0.0, *steps(0.01, 0.22, 0.01)),
    qualities=(0, 0, *range(8, 70)),
    gammas_low=(0.35,),
    gammas_high=(2.8,),
)
"""Wider than what is to be recovered, so that whatever can be recovered is also found."""


@dataclass(frozen=True)
class Wear:
    """How canvases are varied and damaged."""

    profile: Profile = HARD
    share: float = 0.6
    """Of the canvases, those that are damaged."""
    motion_share: float = 0.15
    smallest_left: float = 11.0
    """Pixels that the smallest face keeps across after shrinking and blur."""
    brightness: float = 0.2
    contrast: float = 0.35
    gray_share: float = 0.12

    def __call__(self, scenes: Scenes, generator: torch.Generator) -> Scenes:
        pictures = relight(scenes.pictures, self.brightness, self.contrast, generator)
        pictures = drop_color(pictures, self.gray_share, generator)
        chosen = torch.rand(len(pictures), generator=generator, device=pictures.device) < self.share
        chosen = chosen.nonzero()[:, 0]
        if len(chosen) == 0:
            return dataclasses.replace(scenes, pictures=pictures)
        strength = self.parameters(smallest_face(scenes)[chosen], generator)
        worn = damage(pictures[chosen], strength, generator)
        return dataclasses.replace(scenes, pictures=pictures.index_copy(0, chosen, worn))

    def parameters(self, smallest: Float[Tensor, " batch"], generator: torch.Generator) -> Damage:
        """Drawn from the profile, then limited by the smallest face of each picture."""
        drawn = self.profile.draw(len(smallest), generator)
        bearable = (smallest / self.smallest_left).clamp(min=1).to(drawn.scale)
        sigma = torch.minimum(drawn.blur_size, bearable / 2)
        moved = torch.rand(len(smallest), generator=generator, device=smallest.device) < self.motion_share
        length = 1 + 1.5 * (bearable - 1).clamp(max=8)
        return dataclasses.replace(
            drawn,
            blur_kind=torch.where(moved, MOTION, GAUSSIAN),
            blur_size=torch.where(moved, length, sigma),
            blur_across=torch.where(moved, length, sigma),
            scale=torch.minimum(drawn.scale, bearable),
            noise=torch.minimum(drawn.noise, 0.04 * bearable),
            quality=torch.where((drawn.quality > 0) & (bearable < 2), drawn.quality + 25, drawn.quality),
        )


def smallest_face(scenes: Scenes) -> Float[Tensor, " scenes"]:
    """Side of the smallest face of each picture; a picture without one counts as one face."""
    side = (scenes.boxes[..., 2:] - scenes.boxes[..., :2]).prod(-1).clamp(min=0).sqrt()
    whole = float(scenes.pictures.shape[-1])
    return torch.where(scenes.kinds == FACE, side, whole).amin(1)
