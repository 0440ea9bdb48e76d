"""A face's way through a film, freed of the detector's trembling.

Around each moment a parabola is fitted to what was found, by least squares with Gaussian weights in time
(local regression: Cleveland, 1979), so that a steady motion is not slowed down, uneven frame times do no harm
and short losses are bridged. What lies far off its neighbours counts for nothing (Tukey's biweight).
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mien.faces.align import fit, template_points
from mien.image.warp import similarity, transform_points
from mien.types import Affine, Detection
from mien.video.track import LONGEST_LOSS, Track

SPREAD = 0.18
"""Standard deviation of the weights in time, in seconds."""
REACH = 3.0
"""Where the weights end, in standard deviations."""
STIFFNESS = (0.0, 0.005, 0.1)
"""How much the parabola's height, slope and bend are held at zero, in units of the weights' sum."""
OUTLIER = 6.0
"""Medians of the distances from which a sight counts for nothing."""
LEAST_TREMBLE = 0.004
"""In sides of the face; less than that is no outlier however steady the rest is."""
FADE = 0.2
"""Seconds in which a face that appears in the middle of a scene is brought in, and taken out."""
NUM_PLACE = 4
"""Middle (2), logarithm of scale, and angle of a crop."""

Times = Float[Tensor, " sights"]
Values = Float[Tensor, "sights values"]


@dataclass(frozen=True)
class Pose:
    """Where a face is at one moment."""

    detection: Detection
    photo_from_crop: Affine
    strength: float
    """From 0 to 1: how much of the recovery is shown."""


@dataclass(frozen=True)
class Way:
    """Of one track."""

    number: int
    frames: Int[Tensor, " sights"]
    times: Times
    values: Values
    """Crop's middle, scale and angle; box; points; score."""
    weights: Times
    spread: float
    middle: tuple[float, float]
    """Of the face in its crop."""
    fades: tuple[float | None, float | None]
    """When it has to be faded in and out, at its first and last sight; None at a scene's ends."""

    @property
    def first(self) -> int:
        return int(self.frames[0])

    @property
    def last(self) -> int:
        return int(self.frames[-1])

    def at(self, seconds: float) -> Pose:
        """Where it is then, between its first and its last sight."""
        moment = torch.tensor([seconds], dtype=torch.float64)
        numbers = local_fit(self.times, self.values, self.weights, moment, self.spread)[0]
        scale, degrees = math.exp(float(numbers[2])), math.degrees(float(numbers[3]))
        turn = similarity(scale, degrees, (0.0, 0.0))
        shift = numbers[:2] - turn[:, :2] @ torch.tensor(self.middle, dtype=torch.float64)
        affine = torch.cat((turn[:, :2], shift[:, None]), dim=1)
        face = Detection(numbers[4:8].float(), numbers[8:18].reshape(5, 2).float(), float(numbers[18]))
        return Pose(face, affine, self.strength(seconds))

    def strength(self, seconds: float) -> float:
        """How much of it is shown."""
        begin, end = self.fades
        shares = [1.0 if begin is None else (seconds - begin) / FADE]
        shares.append(1.0 if end is None else (end - seconds) / FADE)
        share = min(max(min(shares), 0.0), 1.0)
        return share * share * (3 - 2 * share)


def way_of(
    track: Track,
    times: Float[Tensor, " frames"],
    scene: tuple[int, int],
    template: str,
    size: int,
) -> Way:
    """From what was found; `times` are those of all frames in seconds, `scene` its first and last frame."""
    frames = torch.tensor(track.frames)
    found = track.table.double()
    middle = template_points(template, size).mean(dim=0)
    places = torch.stack(
        [place_of(track.detection(index), template, size, middle) for index in range(len(frames))]
    )
    places[:, 3] = unwrapped(places[:, 3])
    values = torch.cat((places, found), dim=1)
    sights = times[frames]
    steps = (sights[1:] - sights[:-1]).median() if len(sights) > 1 else torch.tensor(0.0)
    spread = max(SPREAD, float(steps))
    # a step before the first sight, so that even that shows a little
    fades = (
        None if int(frames[0]) <= scene[0] else float(sights[0] - steps),
        None if int(frames[-1]) >= scene[1] else float(sights[-1] + steps),
    )
    weights = steady_weights(sights, values, found[:, 14].clamp_min(0.05), spread)
    return Way(
        track.number, frames, sights, values, weights, spread, (float(middle[0]), float(middle[1])), fades
    )


def place_of(face: Detection, template: str, size: int, middle: Float[Tensor, " 2"]) -> Float[Tensor, " 4"]:
    photo_from_crop = fit(face, template, size)
    x, y = transform_points(photo_from_crop, middle[None])[0]
    across = photo_from_crop[:, 0]
    return torch.stack((x, y, across.norm().log(), torch.atan2(across[1], across[0])))


def unwrapped(angles: Float[Tensor, " sights"]) -> Float[Tensor, " sights"]:
    """Without jumps by a full turn."""
    turns = ((angles[1:] - angles[:-1]) / math.tau).round().cumsum(0)
    return torch.cat((angles[:1], angles[1:] - math.tau * turns))


def steady_weights(times: Times, values: Values, weights: Times, spread: float) -> Times:
    """The weights without what lies far off its neighbours."""
    fitted = torch.cat([local_fit(times, values, weights, part, spread) for part in times.split(256)])
    side = (values[:, 6:8] - values[:, 4:6]).clamp_min(1.0).mean()
    points = (fitted - values)[:, 8:18].reshape(-1, 5, 2).norm(dim=-1).mean(dim=1) / side
    limit = OUTLIER * points.median().clamp_min(LEAST_TREMBLE)
    return weights * (1 - (points / limit).square()).clamp_min(0).square().clamp_min(1e-4)


def local_fit(
    times: Times, values: Values, weights: Times, moments: Float[Tensor, " moments"], spread: float
) -> Float[Tensor, "moments values"]:
    """The parabolas' heights at these moments."""
    low, high = float(moments.min()) - REACH * spread, float(moments.max()) + REACH * spread
    # a bridge over a loss needs both its ends
    low, high = min(low, float(moments.min()) - LONGEST_LOSS), max(high, float(moments.max()) + LONGEST_LOSS)
    near = (times >= low) & (times <= high)
    apart = (times[near][None] - moments[:, None]) / spread
    nearest = apart.abs().amin(dim=1, keepdim=True)
    # in a loss the weights widen with the way to the nearest sight
    widened = apart / nearest.clamp_min(1.0)
    shares = weights[near] * torch.exp(-0.5 * widened.square())
    powers = torch.stack((torch.ones_like(apart), apart, apart.square()), dim=-1)
    weighted = powers * shares[..., None]
    held = torch.diag(torch.tensor(STIFFNESS, dtype=times.dtype)) * shares.sum(dim=1)[:, None, None]
    solved = torch.linalg.solve(weighted.mT @ powers + held, weighted.mT @ values[near])
    return solved[:, 0]
