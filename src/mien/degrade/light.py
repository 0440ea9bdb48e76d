"""Wrong light: gamma, and colours warped per channel."""

import torch
from jaxtyping import Float
from torch import Tensor

from mien.degrade.parameters import Damage
from mien.types import Images


def relight(images: Images, parameters: Damage) -> Images:
    """Colours, then gamma; MDFR names both and no order."""
    if bool((parameters.gain != 1).any() | (parameters.shift != 0).any()):
        images = warp_color(images, parameters.gain, parameters.shift)
    if bool((parameters.gamma != 1).any()):
        images = adjust_gamma(images, parameters.gamma)
    return images


def adjust_gamma(images: Images, gamma: Float[Tensor, " batch"]) -> Images:
    """`image ** gamma`: above 1 darkens, below 1 brightens."""
    # at 0 the gradient of a power below 1 is infinite
    return images.clamp(min=1e-6).pow(gamma.to(images)[:, None, None, None]) * (images > 0)


def warp_color(images: Images, gain: Float[Tensor, "batch 3"], shift: Float[Tensor, "batch 3"]) -> Images:
    """Each channel times its gain plus its shift, clipped."""
    return torch.addcmul(shift.to(images)[:, :, None, None], images, gain.to(images)[:, :, None, None]).clamp(
        0, 1
    )
