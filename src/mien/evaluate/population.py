"""A whole set of results beside a whole set of good faces, as an embedder sees them.

The kernel distance comes first: with as few pictures as a report has it is the one that has no bias.
"""

from math import sqrt

import torch

from mien.evaluate.judges import Vectors
from mien.metrics.coverage import NEIGHBOURS, precision, recall
from mien.metrics.frechet import Moments, distance_of_equals, extrapolated_frechet, frechet_distance
from mien.metrics.kernel import kernel_distance, kernel_distance_over_subsets
from mien.metrics.samples import Samples
from mien.metrics.score import Score

LEAST = 4
"""Pictures below which a set is none."""
LEAST_REACH = 8 * NEIGHBOURS
"""Pictures below which balls around neighbours take in nearly everything, whatever it is."""
LARGEST_SUBSET, NUM_SUBSETS = 1000, 100


def samples_of(vectors: Vectors, embedder: str) -> Samples:
    """Of directions: brought to the length at which features are about as large as the kernel expects."""
    num_features = vectors.shape[1]
    return Samples(f"{embedder}, length {sqrt(num_features):.3g}", vectors.double() * sqrt(num_features))


def population_scores(made: Samples, good: Samples, whose: str, are_pairs: bool, seed: int) -> list[Score]:
    """None of sets that are too small. `are_pairs`: each good face is the truth of the one in its place."""
    if min(len(made), len(good)) < LEAST:
        return []
    reference = f"{len(good)} faces: {whose}"
    scores = [
        kernel_score(made, good, reference, are_pairs, seed),
        *frechet_scores(made, good, reference, seed),
    ]
    if min(len(made), len(good)) < LEAST_REACH:
        return scores
    reach = "few pictures make it too high: compare sets of equal size"
    for measure, function in (("precision", precision), ("recall", recall)):
        value = function(made, good)
        scores.append(Score(measure, value, len(made), reference, made.embedder, note=reach))
    return scores


def kernel_score(made: Samples, good: Samples, reference: str, are_pairs: bool, seed: int) -> Score:
    """Over all pairs of pictures; the deviation is that of halves."""
    size = max(2, min(LARGEST_SUBSET, len(made) // 2, len(good) // 2))
    generator = torch.Generator().manual_seed(seed)
    spread = kernel_distance_over_subsets(made, good, generator, size, NUM_SUBSETS, are_pairs)
    return Score(
        "kernel",
        kernel_distance(made, good, are_pairs),
        len(made),
        reference,
        made.embedder,
        spread.deviation,
        f"unbiased; ± over {NUM_SUBSETS} subsets of {size}",
    )


def frechet_scores(made: Samples, good: Samples, reference: str, seed: int) -> list[Score]:
    """With its bias in words; extrapolated only where that is sound."""
    first, second = Moments.of(made).gaussian, Moments.of(good).gaussian
    fewest, num_features = min(len(made), len(good)), made.embeddings.shape[1]
    if fewest < num_features:
        bias = f"fewer pictures than the {num_features} features: read the kernel distance"
    else:
        equal = distance_of_equals(second, len(made), len(good))
        bias = f"equal sets of that many other pictures would show about {equal:.3g}"
    note = f"biased upwards; {bias}"
    value = frechet_distance(first, second)
    scores = [Score("frechet", value, len(made), reference, made.embedder, note=note)]
    if fewest >= 2 * num_features:
        straight = extrapolated_frechet(made, second, torch.Generator().manual_seed(seed))
        scores.append(Score("frechet_infinity", straight, len(made), reference, made.embedder))
    return scores
