"""Smoothing: every picture of a batch with a kernel of its own.

Beyond their border pictures are mirrored without repeating the border pixel.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

Planes = Float[Tensor, "batch channels height width"]
"""Pictures, masks, or anything else that is smoothed channel by channel."""
TRUNCATE = 4.0
"""A Gaussian ends this many standard deviations from its centre."""
_DIRECT_SIDE = 7
"""Up to this side a kernel is applied by convolution, above it by Fourier transform: measured on a CPU."""


def mirror(positions: Int[Tensor, "..."], size: int) -> Int[Tensor, "..."]:
    """Fold positions outside 0..size-1 back into it, as often as it takes."""
    if size == 1:
        return torch.zeros_like(positions)
    period = 2 * (size - 1)
    folded = positions.remainder(period)
    return torch.minimum(folded, period - folded)


def pad_mirrored(planes: Planes, margin: int) -> Float[Tensor, "batch channels padded_height padded_width"]:
    """Any margin, also one wider than the picture (which torch's own reflection refuses)."""
    height, width = planes.shape[-2:]
    rows = mirror(torch.arange(-margin, height + margin, device=planes.device), height)
    columns = mirror(torch.arange(-margin, width + margin, device=planes.device), width)
    return planes[:, :, rows][:, :, :, columns]


def gaussian_taps(sigma: Float[Tensor, " batch"], radius: int) -> Float[Tensor, "batch taps"]:
    """Sampled Gaussians of 2 * radius + 1 taps, sum 1; sigma 0 is the single tap in the middle."""
    offsets = torch.arange(-radius, radius + 1, device=sigma.device, dtype=sigma.dtype)
    spread = sigma.clamp(min=torch.finfo(sigma.dtype).tiny ** 0.25)[:, None]
    reach = (TRUNCATE * sigma + 0.5).floor()[:, None]
    taps = torch.exp(-0.5 * (offsets / spread) ** 2) * (offsets.abs() <= reach)
    return taps / taps.sum(1, keepdim=True)


def gaussian_weights(size: int, sigma: Float[Tensor, " batch"]) -> Float[Tensor, "batch size size"]:
    """The blur of a line of `size` pixels as one matrix per sample."""
    radius = _radius(sigma)
    taps = gaussian_taps(sigma, radius)
    place = torch.arange(size, device=sigma.device)
    source = mirror(place[:, None] + torch.arange(-radius, radius + 1, device=sigma.device), size)
    weights = torch.zeros(len(sigma), size, size, device=sigma.device, dtype=sigma.dtype)
    return weights.scatter_add(2, source.expand(len(sigma), -1, -1), taps[:, None].expand(-1, size, -1))


def apply_separable(
    planes: Planes,
    rows: Float[Tensor, "batch out_height height"],
    columns: Float[Tensor, "batch out_width width"],
) -> Float[Tensor, "batch channels out_height out_width"]:
    """`rows @ image @ columns^T`, for each sample and channel."""
    batch, channels, height, width = planes.shape
    wide = torch.bmm(planes.reshape(batch, channels * height, width), columns.mT)
    return torch.matmul(rows[:, None], wide.reshape(batch, channels, height, -1))


def gaussian_blur(planes: Planes, sigma: Float[Tensor, " batch"]) -> Planes:
    """Blur each picture by its own standard deviation in pixels; 0 leaves it as it is."""
    batch, channels, height, _ = planes.shape
    radius = _radius(sigma)
    taps = gaussian_taps(sigma.to(planes.dtype), radius).repeat_interleave(channels, 0)
    padded = pad_mirrored(planes, radius).reshape(1, batch * channels, height + 2 * radius, -1)
    blurred = F.conv2d(padded, taps[:, None, None, :], groups=batch * channels)
    return F.conv2d(blurred, taps[:, None, :, None], groups=batch * channels).reshape(planes.shape)


def filter_per_sample(planes: Planes, kernels: Float[Tensor, "batch side side"]) -> Planes:
    """Correlate each picture with its own square kernel of odd side."""
    side = kernels.shape[-1]
    if side % 2 == 0:
        raise ValueError(f"a kernel needs an odd side to have a middle, this one has {side}")
    padded = pad_mirrored(planes, side // 2)
    if side > _DIRECT_SIDE:
        return _correlate_by_fourier(padded, kernels.to(planes.dtype))
    batch, channels, height, width = planes.shape
    per_channel = kernels.to(planes.dtype).repeat_interleave(channels, 0)[:, None]
    flat = padded.reshape(1, batch * channels, *padded.shape[-2:])
    return F.conv2d(flat, per_channel, groups=batch * channels).reshape(batch, channels, height, width)


def box_blur(planes: Planes, side: int) -> Planes:
    """The mean over a square of odd side around each pixel."""
    if side % 2 == 0:
        raise ValueError(f"a box needs an odd side to have a middle, this one has {side}")
    return F.avg_pool2d(pad_mirrored(planes, side // 2), side, stride=1)


def _radius(sigma: Float[Tensor, " batch"]) -> int:
    return int(TRUNCATE * float(sigma.detach().max()) + 0.5)


def _correlate_by_fourier(
    padded: Float[Tensor, "batch channels padded_height padded_width"],
    kernels: Float[Tensor, "batch side side"],
) -> Planes:
    """The part of the correlation for which the whole kernel lies inside."""
    height, width = padded.shape[-2:]
    side = kernels.shape[-1]
    # lengths with small factors only, which transforms are fast at; the zeros added lie beyond what is kept
    lengths = (-(-height // 32) * 32, -(-width // 32) * 32)
    spectrum = torch.fft.rfft2(padded, s=lengths) * torch.fft.rfft2(kernels, s=lengths).conj()[:, None]
    return torch.fft.irfft2(spectrum, s=lengths)[..., : height - side + 1, : width - side + 1]
