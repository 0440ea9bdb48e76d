"""Whole degradations: what three papers do to a good picture to get a bad one.

`Profile.draw` decides, `damage` does it: light, blur, shrink, noise, JPEG, back to full size.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mien.degrade.blur import HALF_TURN, blur_by_kernel, separable_sigma
from mien.degrade.compress import UNIT, jpeg, quantize
from mien.degrade.light import relight
from mien.degrade.noise import add_noise, normal, uniform
from mien.degrade.parameters import BOX, GAUSSIAN, MOTION, Damage
from mien.degrade.shrink import blur_and_shrink, grow, shrunk_sizes
from mien.types import Images


def steps(first: float, last: float, step: float) -> tuple[float, ...]:
    """first, first + step, ..., last, free of accumulated error."""
    return tuple(round(first + index * step, 9) for index in range(round((last - first) / step) + 1))


def _levels(last: int) -> tuple[float, ...]:
    """0 to `last` of the 255 steps from black to white."""
    return tuple(level / 255 for level in range(last + 1))


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
            blur_angle=uniform(generator, num) * HALF_TURN,
            scale=_pick(self.scales, generator, num),
            noise=_pick(self.noises, generator, num),
            noise_mean=_pick(self.noise_means, generator, num),
            quality=_pick(self.qualities, generator, num).long(),
        )

    def __call__(self, images: Images, generator: torch.Generator) -> Images:
        return damage(images, self.draw(len(images), generator), generator)


def damage(images: Images, parameters: Damage, generator: torch.Generator) -> Images:
    """Do it. Pictures that shrink alike travel together on a small canvas, for speed."""
    parameters = parameters.to(images.device)
    with torch.autocast(images.device.type, enabled=False):
        images = blur_by_kernel(relight(images.clamp(0, 1), parameters), parameters)
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
    sigma = separable_sigma(parameters).to(images.dtype)
    small = blur_and_shrink(images, sigma, sizes, (canvas[0], canvas[1]))
    small = add_noise(small, parameters.noise, generator, parameters.noise_mean)
    small = jpeg(small, parameters.quality, sizes) if bool(parameters.quality.any()) else quantize(small)
    return grow(small, sizes, height, width).clamp(0, 1)


_SCALES = steps(1.0, 8.0, 0.1)

PROFILES: dict[str, Profile] = {
    # GFRNet eq. 4 and the sets listed below it
    "gfrnet": Profile(
        gaussian_sigmas=(0.0, *steps(1.0, 3.0, 0.1)),
        scales=_SCALES,
        noises=_levels(7),
        qualities=(0, *range(10, 41)),
    ),
    # MMRB-GAN eq. 17; of the blur it gives the kernel's side alone: the widths are those of GFPGAN,
    # on which it builds
    "mmrb": Profile(
        gaussian_sigmas=steps(0.1, 10.0, 0.1),
        gaussian_ratios=steps(0.3, 1.0, 0.1),
        motion_lengths=steps(3.0, 41.0, 1.0),
        scales=steps(0.4, 8.0, 0.1),
        noises=_levels(25),
        qualities=tuple(range(5, 51)),
    ),
    # old prints and dark rooms: grain over a picture that is fair otherwise, which no paper has
    "grain": Profile(
        gaussian_sigmas=(0.0, *steps(0.5, 2.0, 0.1)),
        scales=steps(1.0, 4.0, 0.1),
        noises=tuple(level / 255 for level in range(5, 46)),
        qualities=(0, *range(30, 91)),
    ),
    # MDFR section IV.A, with ranges that leave a face to restore
    "mdfr": Profile(
        gaussian_sigmas=steps(0.2, 3.0, 0.1),
        box_sides=(3.0, 5.0, 7.0, 9.0),
        scales=_SCALES,
        noises=_levels(25),
        gammas_low=(0.4,),
        gammas_high=(2.5,),
        gains=steps(0.8, 1.2, 0.01),
    ),
    # MDFR section IV.A as printed; it gives no factor for the shrinking and no side for the box
    "mdfr_literal": Profile(
        gaussian_sigmas=steps(0.1, 0.2, 0.01),
        box_sides=(3.0, 5.0, 7.0, 9.0),
        scales=_SCALES,
        noises=steps(0.1, 0.5, 0.01),
        noise_means=steps(0.1, 0.5, 0.01),
        gammas_low=steps(0.1, 0.3, 0.01),
        gammas_high=steps(1.0, 3.0, 0.01),
        shift_means=steps(0.1, 0.2, 0.01),
        shift_deviations=steps(0.1, 0.2, 0.01),
    ),
}
