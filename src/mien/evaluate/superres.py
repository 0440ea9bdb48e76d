"""Super-resolution alone: bicubic shrinking and nothing else (MMRB-GAN, Table 2)."""

from mien.evaluate.findings import Findings
from mien.evaluate.reference import Spoil, findings_of, judge_condition, suited
from mien.evaluate.trial import Bench, Part, Trial
from mien.image.resize import resize
from mien.types import Image, Images

FACTORS = {"4x": 4, "8x": 8}
MOST = 40


def shrink_and_enlarge(truth: Image, factor: int) -> Image:
    """Bicubic down, to 8 bits as a file would hold it, and bicubic up again."""
    height, width = truth.shape[1:]
    small = resize(truth[None].double(), max(1, round(height / factor)), max(1, round(width / factor)))
    return to_levels(resize(to_levels(small), height, width))[0].to(truth)


def to_levels(images: Images) -> Images:
    """8 bits."""
    return (images.clamp(0, 1) * 255).round() / 255


def evaluate_superres(trial: Trial) -> Findings:
    """`input` is the enlarged picture; nothing here is drawn, so the seed chooses resamples alone."""

    def spoil_at(factor: int) -> Spoil:
        return lambda truth, name: shrink_and_enlarge(truth, factor)

    trial, left_out = suited(trial)
    judged = {
        condition: judge_condition(condition, trial, spoil_at(factor))
        for condition, factor in FACTORS.items()
    }
    settings = {"damage": "bicubic, widened kernel, 8 bits"}
    return findings_of("superres", "Super-resolution alone", trial, settings, judged, left_out)


def plan_superres(bench: Bench) -> list[Part]:
    """On every set of aligned pictures."""
    parts = []
    for photo_set in bench.of_role("aligned"):
        photos, words = bench.some(photo_set, MOST)
        name = f"superres, {photo_set.name}"
        parts.append(Part(name, photos, len(photos) * len(FACTORS), evaluate_superres, whole_set=words))
    return parts
