"""Landmark error by yaw, as AFLW2000-3D reports it (protocol C3): a profile counts like a frontal face."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from mien.metrics.mean import Mean

BIN_NAMES = ("0-30", "30-60", "60-90")
BIN_ENDS = (30.0, 60.0)
"""Degrees of yaw to either side; 30 belongs to the first bin, 60 to the second, all above to the third."""


@dataclass(frozen=True)
class ErrorByYaw:
    """NME in the three bins; states add up."""

    bins: tuple[Mean, Mean, Mean] = (Mean(), Mean(), Mean())

    @classmethod
    def of(cls, errors: Float[Tensor, " faces"], yaws: Float[Tensor, " faces"]) -> "ErrorByYaw":
        """`errors` from `normalised_mean_error`, `yaws` in degrees."""
        if not bool(errors.isfinite().all() and yaws.isfinite().all()):
            raise ValueError("an error or a yaw is not a finite number")
        turned = yaws.abs()
        first, second = turned <= BIN_ENDS[0], turned <= BIN_ENDS[1]
        return cls((Mean.of(errors[first]), Mean.of(errors[second & ~first]), Mean.of(errors[~second])))

    def __add__(self, other: "ErrorByYaw") -> "ErrorByYaw":
        frontal, half, profile = (a + b for a, b in zip(self.bins, other.bins, strict=True))
        return ErrorByYaw((frontal, half, profile))

    @property
    def mean(self) -> float:
        """Of the three bins' means, which is what is published as the mean."""
        return sum(self._values()) / len(self.bins)

    @property
    def deviation(self) -> float:
        """Of the three bins' means, dividing by three."""
        mean = self.mean
        return (sum((value - mean) ** 2 for value in self._values()) / len(self.bins)) ** 0.5

    @property
    def over_all(self) -> Mean:
        """Every face weighs the same."""
        return self.bins[0] + self.bins[1] + self.bins[2]

    def _values(self) -> list[float]:
        empty = [name for name, part in zip(BIN_NAMES, self.bins, strict=True) if part.count == 0]
        if empty:
            raise ValueError(
                f"no face has a yaw of {', '.join(empty)} degrees: the mean of three bins needs all"
            )
        return [part.value for part in self.bins]
