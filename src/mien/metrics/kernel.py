"""Kernel distance between two sets of pictures (Bińkowski et al., Demystifying MMD GANs, 2018).

Unbiased: its mean does not depend on the number of pictures, and equal sets show 0 on average.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mien.metrics.samples import Samples, Spread, need_pictures, need_same_embedder

DEGREE = 3


def kernel_distance(first: Samples, second: Samples, are_pairs: bool = False) -> float:
    """The squared maximum mean discrepancy under (x . y / features + 1)^3, over all pairs of pictures.

    `are_pairs`: each picture was made from the one in its place, and they are not compared with each other
    either (Gretton et al., A kernel two-sample test, 2012, equation 4), as else sets of pairs would seem to
    be more alike than equal ones.
    """
    need_same_embedder(first.embedder, second.embedder)
    need_pictures(first, 2, "a kernel distance")
    need_pictures(second, 2, "a kernel distance")
    _need_partners(first, second, are_pairs)
    return float(_discrepancy(first.embeddings.double(), second.embeddings.double(), are_pairs))


def kernel_distance_over_subsets(
    first: Samples,
    second: Samples,
    generator: torch.Generator,
    subset_size: int = 1000,
    num_subsets: int = 100,
    are_pairs: bool = False,
) -> Spread:
    """As published: mean and deviation over random subsets, which are smaller where a set is."""
    need_same_embedder(first.embedder, second.embedder)
    _need_partners(first, second, are_pairs)
    size = min(subset_size, len(first), len(second))
    if size < 2:
        raise ValueError(f"a kernel distance needs at least 2 pictures in each set, here is {size}")
    values = []
    for _ in range(num_subsets):
        chosen = torch.randperm(len(first), generator=generator)[:size]
        others = chosen if are_pairs else torch.randperm(len(second), generator=generator)[:size]
        pair = first.embeddings[chosen].double(), second.embeddings[others].double()
        values.append(_discrepancy(*pair, are_pairs))
    return Spread.of(torch.stack(values))


def _need_partners(first: Samples, second: Samples, are_pairs: bool) -> None:
    if are_pairs and len(first) != len(second):
        raise ValueError(f"{len(first)} pictures cannot be pairs of {len(second)}")


def _discrepancy(
    first: Float[Tensor, "pictures features"],
    second: Float[Tensor, "others features"],
    are_pairs: bool,
) -> Float[Tensor, ""]:
    # a picture is not compared with itself, which is what makes this unbiased
    across = _kernel(first, second)
    between = _mean_apart(across) if are_pairs else across.mean()
    return _mean_apart(_kernel(first, first)) + _mean_apart(_kernel(second, second)) - 2 * between


def _mean_apart(kernel: Float[Tensor, "pictures pictures"]) -> Float[Tensor, ""]:
    """Without what stands on the diagonal."""
    return (kernel.sum() - kernel.trace()) / (len(kernel) * (len(kernel) - 1))


def _kernel(
    first: Float[Tensor, "pictures features"], second: Float[Tensor, "others features"]
) -> Float[Tensor, "pictures others"]:
    return (first @ second.mT / first.shape[1] + 1) ** DEGREE
