"""Precision and recall of sets of pictures (Kynkäänniemi et al., Improved precision and recall, 2019).

A set reaches as far as balls around its pictures, each out to its k-th nearest neighbour in the set. With few
pictures the balls are large and both numbers too high: compare only sets of equal size.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mien.metrics.samples import Samples, need_pictures, need_same_embedder

NEIGHBOURS = 3
_CHUNK = 1024
"""Rows of distances held at a time."""


def precision(made: Samples, real: Samples, neighbours: int = NEIGHBOURS) -> float:
    """The share of made pictures that lie where real ones do: how good they are (equations 1 and 2)."""
    return _share_inside(made, real, neighbours)


def recall(made: Samples, real: Samples, neighbours: int = NEIGHBOURS) -> float:
    """The share of real pictures that lie where made ones do: how varied these are."""
    return _share_inside(real, made, neighbours)


def _share_inside(samples: Samples, reach: Samples, neighbours: int) -> float:
    need_same_embedder(samples.embedder, reach.embedder)
    need_pictures(reach, neighbours + 1, f"a reach to neighbour {neighbours}")
    need_pictures(samples, 1, "a share")
    centres = reach.embeddings.double()
    # the nearest of all is the picture itself
    radii = [_distances(rows, centres).kthvalue(neighbours + 1).values for rows in centres.split(_CHUNK)]
    radius = torch.cat(radii)
    inside = [
        (_distances(rows, centres) <= radius).any(1) for rows in samples.embeddings.double().split(_CHUNK)
    ]
    return float(torch.cat(inside).double().mean())


def _distances(
    first: Float[Tensor, "pictures features"], second: Float[Tensor, "others features"]
) -> Float[Tensor, "pictures others"]:
    # the exact way: by products, equal pictures would lie a little apart
    return torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist")
