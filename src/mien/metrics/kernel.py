"""Kernel distance between two sets of pictures (Bińkowski et al., Demystifying MMD GANs, 2018).

Unbiased: its mean does not depend on the number of pictures, and equal sets show 0 on average.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mien.metrics.samples import Embeddings, Samples, Spread, need_pictures, need_same_embedder

DEGREE = 3


def kernel_distance(first: Samples, second: Samples) -> float:
    """The squared maximum mean discrepancy under (x . y / features + 1)^3, over all pairs of pictures."""
    need_same_embedder(first.embedder, second.embedder)
    need_pictures(first, 2, "a kernel distance")
    need_pictures(second, 2, "a kernel distance")
    return float(_discrepancy(first.embeddings.double(), second.embeddings.double()))


def kernel_distance_over_subsets(
    first: Samples,
    second: Samples,
    generator: torch.Generator,
    subset_size: int = 1000,
    num_subsets: int = 100,
) -> Spread:
    """As published: mean and deviation over random subsets, which are smaller where a set is."""
    need_same_embedder(first.embedder, second.embedder)
    size = min(subset_size, len(first), len(second))
    if size < 2:
        raise ValueError(f"a kernel distance needs at least 2 pictures in each set, here is {size}")
    values = [
        _discrepancy(_subset(first.embeddings, size, generator), _subset(second.embeddings, size, generator))
        for _ in range(num_subsets)
    ]
    return Spread.of(torch.stack(values))


def _subset(
    embeddings: Embeddings, size: int, generator: torch.Generator
) -> Float[Tensor, "{size} features"]:
    return embeddings[torch.randperm(len(embeddings), generator=generator)[:size]].double()


def _discrepancy(
    first: Float[Tensor, "pictures features"], second: Float[Tensor, "others features"]
) -> Float[Tensor, ""]:
    # a picture is not compared with itself, which is what makes this unbiased
    return _mean_apart(first) + _mean_apart(second) - 2 * _kernel(first, second).mean()


def _mean_apart(values: Embeddings) -> Float[Tensor, ""]:
    kernel = _kernel(values, values)
    return (kernel.sum() - kernel.trace()) / (len(values) * (len(values) - 1))


def _kernel(
    first: Float[Tensor, "pictures features"], second: Float[Tensor, "others features"]
) -> Float[Tensor, "pictures others"]:
    return (first @ second.mT / first.shape[1] + 1) ** DEGREE
