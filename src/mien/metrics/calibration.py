"""From a likeness to a chance: logistic calibration (Platt, 1999), and how far it can be trusted."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

MAX_STEPS = 100
ENOUGH = 1e-10


def fit_logistic(scores: Float[Tensor, " pairs"], truths: Bool[Tensor, " pairs"]) -> tuple[float, float]:
    """Slope, and the score at which true and false are as likely, by maximum likelihood.

    Targets keep a distance from 0 and 1 as Platt has it, (n + 1) / (n + 2), so that scores that divide
    the two without a mistake have an answer too.
    """
    num_true, num_false = int(truths.sum()), int((~truths).sum())
    if not num_true or not num_false:
        raise ValueError(f"calibration needs true and false pairs, there are {num_true} and {num_false}")
    middle, spread = scores.double().mean(), scores.double().std()
    inputs = torch.stack(((scores.double() - middle) / spread, torch.ones_like(scores.double())), dim=1)
    wanted = torch.where(truths, (num_true + 1) / (num_true + 2), 1 / (num_false + 2)).double()
    weights = inputs.new_zeros(2)
    for _ in range(MAX_STEPS):
        chances = torch.sigmoid(inputs @ weights)
        gradient = inputs.mT @ (chances - wanted)
        curvature = (inputs * (chances * (1 - chances))[:, None]).mT @ inputs
        step = torch.linalg.solve(curvature, gradient)
        weights = weights - step * min(1.0, 1.0 / float(step.norm().clamp_min(1e-12)))
        if float(step.norm()) < ENOUGH:
            break
    slope = weights[0] / spread
    return float(slope), float(middle - weights[1] / slope)


@dataclass(frozen=True)
class Reliability:
    """What was said and what was true, in bins of what was said; states add up."""

    said: Float[Tensor, " bins"]
    """Sums of chances."""
    true: Float[Tensor, " bins"]
    """Numbers of pairs."""
    count: Float[Tensor, " bins"]

    @classmethod
    def of(
        cls, chances: Float[Tensor, " pairs"], truths: Bool[Tensor, " pairs"], num_bins: int = 10
    ) -> "Reliability":
        """Bins of equal width over 0 to 1."""
        chances = chances.double()
        if not bool(((chances >= 0) & (chances <= 1)).all()):
            raise ValueError("chances lie between 0 and 1")
        bins = (chances * num_bins).long().clamp(max=num_bins - 1)

        def summed(values: Float[Tensor, " pairs"]) -> Float[Tensor, " bins"]:
            return chances.new_zeros(num_bins).index_add_(0, bins, values)

        return cls(summed(chances), summed(truths.double()), summed(torch.ones_like(chances)))

    def __add__(self, other: "Reliability") -> "Reliability":
        return Reliability(self.said + other.said, self.true + other.true, self.count + other.count)

    @property
    def error(self) -> float:
        """Expected calibration error (Naeini and others, 2015): how far a chance is off, on average."""
        return float((self.said - self.true).abs().sum() / self.count.sum())
