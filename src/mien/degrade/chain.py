"""Whole degradations: what three papers do to a good picture to get a bad one.

`Profile.draw` decides, `damage` does it: light, blur, shrink, noise, JPEG, back to full size.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mien.degrade.blur import box_kernels, gaussian_kernels, motion_kernels
from mien.degrade.compress import UNIT, jpeg, quantize
from mien.degrade.light import adjust_gamma, warp_color
from mien.degrade.noise import add_noise, normal, uniform
from mien.degrade.parameters import BOX, GAUSSIAN, MOTION, Damage
from mien.degrade.shrink import blur_and_shrink, grow, shrunk_sizes
from mien.image.filter import filter_per_sample
from mien.types import Images


def steps(first: float, last: float, step: float) -> tuple[float, ...]:
    """first, first + step, ..., last, free of accumulated error."""
    return tuple(round(first + index * step, 9) for index in range(round((last - first) / step) + 1))


@dataclass(frozen=True)
class Profile:
    """The values each kind of damage is drawn from, evenly; the defaults do nothing.

    Every picture gets one blur, its kind drawn evenly among those that have values.
    """

    gaussian_sigmas: tuple[float, ...] = (0.0,)
    gaussian_ratios: tuple[float, ...] = (1.0,)
    """Narrow over wide standard deviation."""
    box_sides: tuple[float, ...] = ()
    motion_lengths: tuple[float, ...] = ()
    scales: tuple[float, ...] = (1.0,)
    noises: tuple[float, ...] = (0.0,)
    noise_means: tuple[float, ...] = (0.0,)
    qualities: tuple[int, ...] = (0,)
    gammas_low: tuple[float, ...] = (1.0,)
    gammas_high: tuple[float, ...] = (1.0,)
    """Gamma lies between a low and a high bound, evenly in its logarithm."""
    gains: tuple[float, ...] = (1.0,)
    shift_means: tuple[float, ...] = (0.0,)
    shift_deviations: tuple[float, ...] = (0.0,)
    """A channel's shift is normal with these."""

    def draw(self, num: int, generator: torch.Generator) -> Damage:
        """Decide for `num` pictures, on the generator's device."""
        blurs = {GAUSSIAN: self.gaussian_sigmas, BOX: self.box_sides, MOTION: self.motion_lengths}
        sizes = {kind: _pick(values, generator, num) for kind, values in blurs.items() if values}
        kind = _pick(tuple(sizes), generator, num).long()
        size = torch.stack([sizes.get(one, kind.double()) for one in blurs]).gather(0, kind[None])[0]
        low = _pick(self.gammas_low, generator, num).log()
        high = _pick(self.gammas_high, generator, num).log()
        shift_mean = _pick(self.shift_means, generator, num, 1)
        shift_deviation = _pick(self.shift_deviations, generator, num, 1)
        return Damage(
            gain=_pick(self.gains, generator, num, 3),
            shift=shift_mean + shift_deviation * normal(generator, num, 3),
            gamma=torch.exp(low + uniform(generator, num) * (high - low)),
            blur_kind=kind,
            blur_size=size,
            blur_across=size * _pick(self.gaussian_ratios, generator, num),
            blur_angle=uniform(generator, num) * math.pi,
            scale=_pick(self.scales, generator, num),
            noise=_pick(self.noises, generator, num),
            noise_mean=_pick(self.noise_means, generator, num),
            quality=_pick(self.qualities, generator, num).long(),
        )

    def __call__(self, images: Images, generator: torch.Generator) -> Images:
        return damage(images, self.draw(len(images), generator), generator)


def damage(images: Images, parameters: Damage, generator: torch.Generator) -> Images:
    """Do it. Pictures that shrink alike travel together on a small canvas, for speed."""
    with torch.autocast(images.device.type, enabled=False):
        images = _light_and_kernels(images.clamp(0, 1), parameters)
        sizes = shrunk_sizes(images.shape[2], images.shape[3], parameters.scale)
        parts, order = [], []
        for chosen in _alike(sizes):
            part, part_sizes = parameters.select(chosen), sizes[chosen]
            parts.append(_acquire(images[chosen], part, part_sizes, generator))
            order.append(chosen)
        return torch.cat(parts)[torch.cat(order).argsort()]


def _pick(
    values: tuple[float, ...] | tuple[int, ...], generator: torch.Generator, *shape: int
) -> Float[Tensor, "*shape"]:
    chosen = torch.randint(len(values), shape, generator=generator, device=generator.device)
    return torch.tensor(values, dtype=torch.float64, device=generator.device)[chosen]


def _light_and_kernels(images: Images, parameters: Damage) -> Images:
    """What must happen, picture by picture different, before the separable part."""
    if bool((parameters.gain != 1).any() | (parameters.shift != 0).any()):
        images = warp_color(images, parameters.gain, parameters.shift)
    if bool((parameters.gamma != 1).any()):
        images = adjust_gamma(images, parameters.gamma)
    return blur_by_kernel(images, parameters)


def blur_by_kernel(images: Images, parameters: Damage) -> Images:
    """All blurs but the round Gaussian, which is cheaper together with the shrinking."""
    chosen = (~_round(parameters)).nonzero()[:, 0]
    if len(chosen) == 0:
        return images
    part = parameters.select(chosen)
    kinds = torch.stack(
        (
            gaussian_kernels(part.blur_size, part.blur_across, part.blur_angle),
            box_kernels(part.blur_size),
            motion_kernels(part.blur_size, part.blur_angle),
        )
    )
    kernels = kinds[part.blur_kind, torch.arange(len(chosen), device=chosen.device)]
    return images.index_copy(0, chosen, filter_per_sample(images[chosen], kernels).clamp(0, 1))


def _round(parameters: Damage) -> Tensor:
    return (parameters.blur_kind == GAUSSIAN) & (parameters.blur_across == parameters.blur_size)


def _alike(sizes: Int[Tensor, "batch 2"]) -> list[Int[Tensor, " part"]]:
    """Indices of pictures whose longer side lies between the same powers of two."""
    octave = sizes.max(1).values.double().log2().ceil()
    return [(octave == one).nonzero()[:, 0] for one in octave.unique()]


def _acquire(
    images: Images, parameters: Damage, sizes: Int[Tensor, "batch 2"], generator: torch.Generator
) -> Images:
    """GFRNet eq. 4, MMRB-GAN eq. 17: blur, shrink, noise, JPEG; then back to full size."""
    height, width = images.shape[-2:]
    canvas = tuple(-(-side // UNIT) * UNIT for side in sizes.max(0).values.tolist())
    sigma = torch.where(_round(parameters), parameters.blur_size, 0.0).to(images.dtype)
    small = blur_and_shrink(images, sigma, sizes, (canvas[0], canvas[1]))
    small = add_noise(small, parameters.noise, generator, parameters.noise_mean)
    small = jpeg(small, parameters.quality, sizes) if bool(parameters.quality.any()) else quantize(small)
    return grow(small, sizes, height, width).clamp(0, 1)


_SCALES = steps(1.0, 8.0, 0.1)

PROFILES: dict[str, Profile] = {
    # GFRNet eq. 4 and the sets below it
    "gfrnet": Profile(
        gaussian_sigmas=(0.0, *steps(1.0, 3.0, 0.1)),
        scales=_SCALES,
        noises=tuple(level / 255 for level in range(8)),
        qualities=(0, *range(10, 41)),
    ),
}
