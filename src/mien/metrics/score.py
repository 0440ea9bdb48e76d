"""A number that can be compared: with its unit, back-end, colour space, crop, reference and count."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from mien.metrics.mean import Mean

Better = Literal["higher", "lower", "neither"]
RGB = "RGB"
LUMA = "Y, BT.601, 16 to 235"
NO_PIXELS = "none"


@dataclass(frozen=True)
class Measure:
    """What is the same for every number of one kind."""

    title: str
    unit: str
    better: Better
    color_space: str
    crop: str
    settings: str


MEASURES: Mapping[str, Measure] = {
    "psnr": Measure("PSNR", "dB", "higher", RGB, "none", "mean of pictures' values"),
    "psnr_y": Measure("PSNR (Y)", "dB", "higher", LUMA, "none", "mean of pictures' values"),
    "ssim": Measure("SSIM", "", "higher", RGB, "none", "Gaussian 11, sigma 1.5, valid region"),
    "ssim_y": Measure("SSIM (Y)", "", "higher", LUMA, "none", "Gaussian 11, sigma 1.5, valid region"),
    "ms_ssim": Measure("MS-SSIM", "", "higher", RGB, "none", "5 scales, Gaussian 11, sigma 1.5"),
    "perceptual": Measure("LPIPS", "", "lower", RGB, "none", "unit-normalised features, mean over pixels"),
    "stand_in": Measure(
        "perceptual distance", "", "lower", RGB, "none", "LPIPS's formula over another network: not LPIPS"
    ),
    "frechet": Measure("Fréchet distance", "", "lower", RGB, "none", "unbiased covariances"),
    "frechet_infinity": Measure(
        "Fréchet distance, extrapolated", "", "lower", RGB, "none", "straight line over 1 / count"
    ),
    "kernel": Measure("kernel distance", "", "lower", RGB, "none", "cubic polynomial kernel, unbiased"),
    "precision": Measure("precision", "", "higher", RGB, "none", "3 nearest neighbours"),
    "recall": Measure("recall", "", "higher", RGB, "none", "3 nearest neighbours"),
    "niqe": Measure("NIQE", "", "lower", LUMA, "none", "rounded to 8 bits, two scales"),
    "quality": Measure("face quality", "", "higher", RGB, "none", "mean of a map of pixels"),
    "confidence": Measure("detector's confidence", "", "higher", RGB, "none", "highest score in a picture"),
    "sharpness": Measure(
        "sharpness", "", "neither", "luma, BT.601, 0 to 255", "1 px border", "variance of the Laplacian"
    ),
    "tenengrad": Measure(
        "Tenengrad", "", "neither", "luma, BT.601, 0 to 255", "1 px border", "mean squared Sobel gradient"
    ),
    "color_difference": Measure("mean ΔE", "ΔE*ab", "lower", "CIELAB, D65", "none", "mean over pixels"),
    "color_shift": Measure("colour shift", "ΔE*ab", "lower", "CIELAB, D65", "none", "between mean colours"),
    "identity": Measure("identity", "cosine", "higher", RGB, "template of the embedder", "mean of pairs"),
    "degrees": Measure("Deg", "degrees", "lower", RGB, "template of the embedder", "mean of pairs"),
    "landmarks": Measure("LMD", "px at 512", "lower", RGB, "none", "mean over points and faces"),
    "warp": Measure("guide's landmarks", "px off", "lower", NO_PIXELS, "none", "mean over points and pairs"),
    "nme": Measure("NME", "of sqrt(w h)", "lower", NO_PIXELS, "none", "mean of the three bins of yaw"),
    "angle": Measure("angle", "degrees", "lower", NO_PIXELS, "none", "mean absolute error"),
    "accuracy": Measure(
        "accuracy", "", "higher", RGB, "template of the embedder", "threshold of the other folds"
    ),
    "auc": Measure("AUC", "", "higher", RGB, "template of the embedder", "exact"),
    "tar": Measure("TAR", "", "higher", RGB, "template of the embedder", "loosest threshold within the FAR"),
    "eer": Measure("EER", "", "lower", RGB, "template of the embedder", "interpolated"),
    "milliseconds": Measure("time", "ms", "lower", NO_PIXELS, "none", "median of repeats"),
    "peak_share": Measure(
        "share of peak", "", "higher", NO_PIXELS, "none", "network's rate over that of plain convolutions"
    ),
    "yaw": Measure("mean |yaw|", "degrees", "lower", RGB, "crop of the reader", "mean of faces"),
    "psnr_inside": Measure("PSNR inside", "dB", "higher", RGB, "hidden part of the face", "at most 60 dB"),
    "psnr_outside": Measure("PSNR outside", "dB", "higher", RGB, "what nothing covers", "at most 60 dB"),
    "outside_loss": Measure(
        "lost outside", "dB", "lower", RGB, "none", "of the whole picture's PSNR, to errors where nothing is"
    ),
    "iou": Measure("mask IoU", "", "higher", NO_PIXELS, "the face", "mean of pictures' values"),
    "seen": Measure("seen", "", "neither", NO_PIXELS, "none", "mean of the evidence map"),
    "domain_gap": Measure(
        "distance to the true face", "", "lower", RGB, "template of the embedder", "directions of length 1"
    ),
    "domain_shift": Measure(
        "between the domains' middles", "", "lower", RGB, "template of the embedder", "directions of length 1"
    ),
    "rank": Measure("rank-1", "", "higher", RGB, "template of the embedder", "closed set, cosine"),
}
"""Every kind of number that a report may hold."""


@dataclass(frozen=True)
class Score:
    """One number and how it came about."""

    measure: str
    """A key of `MEASURES`."""
    value: float
    count: int
    """Pictures, pairs or faces that it is made from."""
    reference: str
    """What was compared with: the same pictures undamaged, a named set and its size, or none."""
    backend: str = "mien"
    """The network or model that saw the pictures, by name, and whose it is."""
    deviation: float | None = None
    """Over folds, subsets or bins."""
    note: str = ""
    """A far, a rank, a bias, what was left out."""

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise ValueError(f"there is no measure {self.measure!r}; there is {', '.join(MEASURES)}")
        if self.count < 1:
            raise ValueError(f"a score of {self.measure} needs at least one picture, got {self.count}")

    @classmethod
    def of_mean(cls, measure: str, mean: Mean, reference: str, backend: str = "mien") -> "Score":
        return cls(measure, mean.value, mean.count, reference, backend)

    @property
    def about(self) -> Measure:
        return MEASURES[self.measure]

    def as_json(self) -> dict[str, object]:
        """Plain numbers and words; what is not finite becomes a word, as JSON has no number for it."""
        numbers = {"value": _plain(self.value)}
        if self.deviation is not None:
            numbers["deviation"] = _plain(self.deviation)
        known = asdict(self)
        told = {name: known[name] for name in ("count", "reference", "backend", "note") if known[name]}
        return {"measure": self.measure, **asdict(self.about), **numbers, **told}


def _plain(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)
