"""What happens to each picture of a batch, as numbers that can be read, kept and replayed."""

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, Int
from torch import Tensor

GAUSSIAN, BOX, MOTION = range(3)


@dataclass(frozen=True)
class Damage:
    """One entry per picture; the value that does nothing stands in brackets."""

    gain: Float[Tensor, "batch 3"]
    """Factor of each colour channel [1]."""
    shift: Float[Tensor, "batch 3"]
    """Added to each colour channel [0]."""
    gamma: Float[Tensor, " batch"]
    """Exponent of the pixel values [1]."""
    blur_kind: Int[Tensor, " batch"]
    """GAUSSIAN, BOX or MOTION."""
    blur_size: Float[Tensor, " batch"]
    """In pixels: a Gaussian's standard deviation [0], a box's side [1], a movement's length [1]."""
    blur_across: Float[Tensor, " batch"]
    """A Gaussian's standard deviation at right angles to `blur_angle`; equal to `blur_size` when round."""
    blur_angle: Float[Tensor, " batch"]
    """Direction of the blur in radians, from x towards y."""
    scale: Float[Tensor, " batch"]
    """How many times smaller the picture gets before it is brought back to its size [1]."""
    noise: Float[Tensor, " batch"]
    """Standard deviation of the noise, 1 being the span from black to white [0]."""
    noise_mean: Float[Tensor, " batch"]
    """What the noise adds on average [0]."""
    quality: Int[Tensor, " batch"]
    """JPEG quality, 1 to 100; 0 is no JPEG [0]."""

    def __len__(self) -> int:
        return len(self.gamma)

    def to(self, device: torch.device) -> "Damage":
        """The same where the pictures are."""
        return Damage(*(getattr(self, one.name).to(device) for one in fields(self)))

    def select(self, chosen: Int[Tensor, " part"]) -> "Damage":
        """The entries of some pictures."""
        return Damage(*(getattr(self, one.name)[chosen] for one in fields(self)))
