"""CIELAB (D65, 2 degrees) from sRGB: distances in it are about as large as they look."""

import torch

from mien.types import Images

XYZ_FROM_RGB = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
"""ITU-R BT.709 primaries, for linear light."""
WHITE = (0.95047, 1.0, 1.08883)


def lab_from_rgb(images: Images) -> Images:
    """L from 0 to 100, a and b around 0."""
    rgb = images.double()
    # IEC 61966-2-1
    linear = torch.where(rgb > 0.04045, ((rgb.clamp(min=0) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = torch.einsum("ij,bjhw->bihw", linear.new_tensor(XYZ_FROM_RGB), linear)
    relative = xyz / linear.new_tensor(WHITE)[:, None, None]
    # CIE 15, 8.2.1.1
    root = torch.where(relative > (6 / 29) ** 3, relative.clamp(min=0) ** (1 / 3), 0)
    x, y, z = torch.where(relative > (6 / 29) ** 3, root, relative * (29 / 6) ** 2 / 3 + 4 / 29).unbind(1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), dim=1)
