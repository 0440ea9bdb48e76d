"""New vertices as mixtures of old ones: what is known of the old is then known of the new."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.spatial import KDTree


@dataclass(frozen=True, eq=False)
class Mixture:
    """Each row is one new vertex: which old vertices it is made of, and how much of each."""

    sources: Int[ndarray, "rows parts"]
    shares: Float[ndarray, "rows parts"]

    def __len__(self) -> int:
        return len(self.sources)

    def of(self, values: Float[ndarray, "*shapes vertices axes"]) -> Float[ndarray, "*shapes rows axes"]:
        """What the new vertices have where the old ones have `values`."""
        mixed = np.zeros((*values.shape[:-2], len(self), values.shape[-1]))
        for sources, shares in zip(self.sources.T, self.shares.T, strict=True):
            mixed += values[..., sources, :] * shares[:, None]
        return mixed

    def after(self, first: "Mixture") -> "Mixture":
        """This one's sources being the rows of another, made of that one's sources."""
        shares = self.shares[:, :, None] * first.shares[self.sources]
        return Mixture(first.sources[self.sources].reshape(len(self), -1), shares.reshape(len(self), -1))

    def rows(self, chosen: Int[ndarray, " chosen"]) -> "Mixture":
        return Mixture(self.sources[chosen], self.shares[chosen])


def copies(sources: Int[ndarray, " rows"]) -> Mixture:
    """New vertices that are old ones."""
    return Mixture(sources[:, None], np.ones((len(sources), 1)))


def stacked(*parts: Mixture) -> Mixture:
    """The rows of all, one after the other."""
    width = max(part.sources.shape[1] for part in parts)
    padded = [
        (np.pad(array, ((0, 0), (0, width - array.shape[1]))) for array in (part.sources, part.shares))
        for part in parts
    ]
    sources, shares = zip(*padded, strict=True)
    return Mixture(np.concatenate(sources), np.concatenate(shares))


def nearest(
    points: Float[ndarray, "points axes"], queries: Float[ndarray, "queries axes"]
) -> tuple[Float[ndarray, " queries"], Int[ndarray, " queries"]]:
    """For each query the distance to the nearest point, and which it is."""
    distances, indices = KDTree(points).query(queries)
    return np.asarray(distances), np.asarray(indices)
