"""Faces of people to learn identity from, packed with a margin into one memory-mapped array."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from mien.data.photos import find_photos
from mien.image.io import ImageError, read_image
from mien.types import Image

NOBODY = -1
"""Of a face whose person has no name, and no second picture that is known of."""
PIXELS, LABELS = "pixels.npy", "people.npz"


def person_of(photo: Path, folders: tuple[Path, ...]) -> str:
    """A folder below one of those given is a person; a photo right in one of them is of nobody known."""
    return "" if photo.parent in folders else photo.parent.name


def pack_people(folders: tuple[Path, ...], cut: Callable[[Image], Image | None], target: Path) -> int:
    """Write what `cut` makes of every photo, and who it is; how many faces that were.

    Folders of one name are one person, wherever they lie.
    """
    faces, names = [], []
    for path in find_photos(folders):
        try:
            face = cut(read_image(path))
        except ImageError:
            continue  # a broken file among thousands is no reason to stop; the count returned tells
        if face is not None:
            faces.append((face.clamp(0, 1) * 255).round().to(torch.uint8).numpy())
            names.append(person_of(path, folders))
    if not faces:
        raise FileNotFoundError(f"no face in any picture below {', '.join(map(str, folders))}")
    target.mkdir(parents=True, exist_ok=True)
    np.save(target / PIXELS, np.stack(faces))
    np.savez(target / LABELS, names=np.array(names))  # written last: it says that the other is whole
    return len(faces)


@dataclass(frozen=True)
class StoredFaces:
    """A batch as it was packed; each face has a partner to be mixed with."""

    pixels: UInt8[Tensor, "batch 3 size size"]
    partners: UInt8[Tensor, "batch 3 size size"]
    people: Int[Tensor, " batch"]


@dataclass(frozen=True)
class PackedPeople:
    """All faces, or those of some people."""

    pixels: np.ndarray
    """(N, 3, size, size), uint8."""
    rows: np.ndarray
    """Which of them are meant."""
    people: np.ndarray
    """A number per row, NOBODY where no name is known."""

    @classmethod
    def open(cls, folder: Path) -> "PackedPeople":
        names = np.load(folder / LABELS)["names"]
        known = np.unique(names[names != ""])
        people = np.where(names == "", NOBODY, np.searchsorted(known, names))
        return cls(np.load(folder / PIXELS, mmap_mode="r"), np.arange(len(names)), people)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def num_people(self) -> int:
        return len(np.unique(self.people[self.people != NOBODY]))

    def split(self, every: int) -> tuple["PackedPeople", "PackedPeople"]:
        """To train on, with all who are nobody; and each `every`-th person, no picture of whom is in it."""
        held_out = (self.people != NOBODY) & (self.people % every == every - 1)
        return self._of(~held_out), self._of(held_out)

    def _of(self, chosen: np.ndarray) -> "PackedPeople":
        people = self.people[chosen]
        known = np.unique(people[people != NOBODY])
        numbered = np.where(people == NOBODY, NOBODY, np.searchsorted(known, people))
        return PackedPeople(self.pixels, self.rows[chosen], numbered)

    def faces(self, indices: list[int]) -> UInt8[Tensor, "batch 3 size size"]:
        return torch.from_numpy(np.ascontiguousarray(self.pixels[self.rows[indices]]))

    def batch(self, indices: list[int], partners: list[int]) -> StoredFaces:
        people = torch.from_numpy(self.people[indices].astype(np.int64))
        return StoredFaces(self.faces(indices), self.faces(partners), people)


def same_and_different(
    people: Int[Tensor, " faces"], most_per_person: int, generator: torch.Generator
) -> tuple[Int[Tensor, "pairs 2"], Int[Tensor, "pairs 2"]]:
    """Pairs of one person, at most so many of each; and as many of two people."""
    same: list[Tensor] = []
    for person in people.unique().tolist():
        own = (people == person).nonzero()[:, 0]
        pairs = torch.combinations(own)
        chosen = torch.randperm(len(pairs), generator=generator)[:most_per_person]
        same.append(pairs[chosen])
    together = torch.cat(same)
    if len(together) == 0 or len(people.unique()) < 2:
        raise ValueError("pairs need two pictures of one person and another person")
    drawn = torch.randint(len(people), (20 * len(together), 2), generator=generator)
    different = drawn[people[drawn[:, 0]] != people[drawn[:, 1]]][: len(together)]
    if len(different) < len(together):
        raise ValueError(f"one person has too many pictures: {len(different)} pairs of two were drawn")
    return together, different
