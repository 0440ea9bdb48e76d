"""Who is this? Rank-k identification against a gallery, and templates of many pictures (protocol C2)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Ranks:
    """At which place of the gallery, most alike first, each probe's person was found; states add up."""

    ranks: Int[Tensor, " probes"]
    """1 for the best match."""

    @classmethod
    def of(
        cls,
        probes: Float[Tensor, "probes features"],
        probe_people: Int[Tensor, " probes"],
        gallery: Float[Tensor, "entries features"],
        gallery_people: Int[Tensor, " entries"],
    ) -> "Ranks":
        """By cosine. Everybody must be in the gallery. Others as alike as the person's best go first."""
        similarities = F.normalize(probes.double(), dim=1) @ F.normalize(gallery.double(), dim=1).mT
        mate = probe_people[:, None] == gallery_people  # (probes, entries)
        if not bool(mate.any(1).all()):
            missing = int((~mate.any(1)).sum())
            raise ValueError(f"{missing} of {len(probes)} probes show people who are not in the gallery")
        best = similarities.masked_fill(~mate, -torch.inf).amax(1, keepdim=True)
        return cls(1 + ((similarities >= best) & ~mate).sum(1))

    def __add__(self, other: "Ranks") -> "Ranks":
        return Ranks(torch.cat((self.ranks, other.ranks)))

    def __len__(self) -> int:
        return len(self.ranks)

    def rate(self, k: int = 1) -> float:
        """Share of probes whose person is among the first k (rank-k; over k this is the CMC curve)."""
        if len(self) == 0:
            raise ValueError("no probe was looked up in a gallery")
        return float((self.ranks <= k).double().mean())


def pool_templates(
    embeddings: Float[Tensor, "pictures features"],
    templates: Int[Tensor, " pictures"],
    media: Int[Tensor, " pictures"],
    weights: Float[Tensor, " pictures"] | None = None,
) -> tuple[Float[Tensor, "templates features"], Int[Tensor, " templates"]]:
    """IJB's templates as unit vectors, and their numbers in rising order.

    The pictures of one medium (frames of one video) are averaged, the media of one template summed.
    `weights` are the detector's scores where those shall count. Whether embeddings keep their lengths,
    which then count too, or are normalised before, is the caller's choice.
    """
    if weights is not None:
        embeddings = embeddings * weights[:, None]
    which, member = torch.unique(torch.stack((templates, media), dim=1), dim=0, return_inverse=True)
    per_medium = _mean_by(member, embeddings, len(which))
    numbers, of_template = torch.unique(which[:, 0], return_inverse=True)
    summed = embeddings.new_zeros(len(numbers), embeddings.shape[1]).index_add_(0, of_template, per_medium)
    return F.normalize(summed, dim=1), numbers


def _mean_by(
    group: Int[Tensor, " pictures"], embeddings: Float[Tensor, "pictures features"], num_groups: int
) -> Float[Tensor, "groups features"]:
    sums = embeddings.new_zeros(num_groups, embeddings.shape[1]).index_add_(0, group, embeddings)
    return sums / torch.bincount(group, minlength=num_groups)[:, None]
