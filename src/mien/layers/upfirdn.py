"""Resampling as in StyleGAN2: zeros between the pixels, a short filter, every n-th pixel kept."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Features = Float[Tensor, "batch channels height width"]
Resampled = Float[Tensor, "batch channels new_height new_width"]

TAPS = (1.0, 3.0, 3.0, 1.0)


def upfirdn(
    features: Features, taps: Float[Tensor, " taps"], up: int, down: int, padding: tuple[int, int]
) -> Resampled:
    """Along rows and columns: `up - 1` zeros behind each pixel, `padding` around, the filter, each `down`-th.

    A negative padding cuts off.
    """
    for axis in (0, 1):
        features = _along(features, taps, axis, up, down, padding)
    return features


def _along(
    features: Features, taps: Float[Tensor, " taps"], axis: int, up: int, down: int, padding: tuple[int, int]
) -> Resampled:
    channels, num_taps = features.shape[1], len(taps)
    shape = (channels, 1, num_taps, 1) if axis == 0 else (channels, 1, 1, num_taps)
    kernel = taps.to(features.dtype).view(shape[2:]).expand(shape)
    before, after = padding
    if up == 1:
        # convolution as signal processing has it, which torch's is not
        padded = F.pad(features, (0, 0, before, after) if axis == 0 else (before, after))
        return F.conv2d(
            padded, kernel.flip(2, 3), stride=(down, 1) if axis == 0 else (1, down), groups=channels
        )
    # all that the filter reaches, without ever writing down the zeros; then cut to what padding leaves
    spread = F.conv_transpose2d(features, kernel, stride=(up, 1) if axis == 0 else (1, up), groups=channels)
    before, after = before + 1 - num_taps, after + up - num_taps
    cut = F.pad(spread, (0, 0, before, after) if axis == 0 else (before, after))
    return cut[:, :, ::down] if axis == 0 else cut[..., ::down]


class Resample(nn.Module):
    """With StyleGAN2's filter; brightness stays as it is whatever `up`, but for `gain`."""

    taps: Tensor

    def __init__(
        self,
        up: int = 1,
        down: int = 1,
        padding: tuple[int, int] = (0, 0),
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.up, self.down, self.padding = up, down, padding
        taps = torch.tensor(TAPS)
        # a buffer, as a tensor made in each call would have to wait for the device
        self.register_buffer("taps", taps / taps.sum() * up * gain**0.5, persistent=False)

    def forward(self, features: Features) -> Resampled:
        return upfirdn(features, self.taps, self.up, self.down, self.padding)


def doubling() -> Resample:
    """Twice the size."""
    return Resample(up=2, padding=(2, 1))
