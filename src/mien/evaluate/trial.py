"""What every protocol is given: models, pictures, judges; and the parts that a report is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from mien.evaluate.findings import Findings
from mien.evaluate.judges import Judges, largest_crop
from mien.evaluate.sheets import EvaluationError
from mien.faces.align import whole_crop
from mien.types import Box, FindFaces, Guidable, Image, Reading, Recoverer, Turnable

INPUT = "input"
"""Who goes by this name made nothing: the picture as it came."""


class UnsuitedError(EvaluationError):
    """Models that a protocol has no question for, and why; others may be judged by it."""


@dataclass(frozen=True)
class Trial:
    """Models to be judged on the same pictures."""

    models: Mapping[str, Recoverer]
    photos: tuple[Path, ...]
    judges: Judges = field(default_factory=Judges)
    find: FindFaces | None = None
    seed: int = 0
    size: int | None = None
    """Side that aligned pictures are brought to; None is that of the model which takes the largest."""
    num_strips: int = 0
    """How many of the worst cases are shown."""
    networks: Mapping[str, nn.Module] = field(default_factory=dict)
    """Of the models that have one alone, which speed is asked of."""
    advance: Callable[[], None] = lambda: None
    """Called after each step."""

    @property
    def side(self) -> int:
        """No model gets less than it takes."""
        return self.size or largest_crop(self.models)

    @property
    def finder(self) -> FindFaces:
        if self.find is None:
            raise EvaluationError("this needs a detector that finds the faces")
        return self.find

    @property
    def settings(self) -> dict[str, str]:
        """As findings tell them."""
        return {"models": ", ".join(self.models), "pictures": str(len(self.photos)), "seed": str(self.seed)}

    def need_pictures(self) -> None:
        """What cannot be meant is said before any work."""
        if not self.photos:
            raise EvaluationError("there are no pictures to judge by")

    def need_models(self) -> None:
        self.need_pictures()
        if not self.models or INPUT in self.models:
            raise EvaluationError(f"wanted models by name, none of them {INPUT!r}, got {list(self.models)}")

    def suited(
        self, same_pose: bool = False, guides: bool = False, turns: bool = False
    ) -> tuple["Trial", tuple[str, ...]]:
        """The trial of those models that a protocol can judge, and a line on each of the others.

        `same_pose`: there is a truth, which shows the head as it was. `guides`: reference photos are given.
        `turns`: heads are to be turned.
        """
        self.need_models()
        why = {
            name: reason
            for name, model in self.models.items()
            if (reason := misfit(model, same_pose, guides, turns))
        }
        notes = tuple(f"{name} is not judged here: {reason}" for name, reason in why.items())
        if len(why) == len(self.models):
            raise UnsuitedError("; ".join(notes))
        left = {name: model for name, model in self.models.items() if name not in why}
        return replace(self, models=left), notes


def misfit(model: Recoverer, same_pose: bool, guides: bool, turns: bool) -> str:
    """Why a model cannot be judged so; empty where it can."""
    if turns and not isinstance(model, Turnable):
        return "it cannot turn heads"
    if isinstance(model, Guidable):
        return "" if guides else "it wants reference photos, which the protocol guided gives it"
    if same_pose and not keeps_pose(model):
        return "it turns heads, and the truth shows them as they were"
    return ""


@torch.no_grad()
def keeps_pose(model: Recoverer) -> bool:
    """By what it says of a gray crop: who turns every head turns that one, too."""
    size = model.crop_size
    return model([whole_crop(torch.full((3, size, size), 0.5), size, model.template)])[0].keeps_pose


@dataclass(frozen=True)
class PhotoSet:
    """A folder of pictures for one purpose."""

    name: str
    role: str
    """A key of `sets.ROLES`."""
    folder: Path
    photos: tuple[Path, ...]

    def some(self, most: int | None) -> tuple[Path, ...]:
        """At most so many, spread evenly over the sorted names: the same ones every time."""
        if most is None or most >= len(self.photos):
            return self.photos
        return tuple(self.photos[index * len(self.photos) // most] for index in range(most))


@dataclass(frozen=True)
class Part:
    """A piece of a report that is done in one go and kept."""

    name: str
    """Of this part alone; findings of all models are joined under it."""
    photos: tuple[Path, ...]
    num_steps: int
    """How often `advance` is called for one model."""
    run: Callable[[Trial], Findings]
    settings: Mapping[str, str] = field(default_factory=dict)
    """All that the outcome depends on and the trial does not tell."""
    takes_models: bool = True
    """Else it judges something that is not a recoverer, once, with no models in the trial."""
    together: bool = False
    """Whether it needs all models at once, where others take one after the other."""
    alone: bool = False
    """Whether nothing else may run beside it, since it is timed."""
    whole_set: str = ""
    """In words, where these pictures are not all of their folder: "24 of 55 pictures of ffhq256"."""


ReadBox = Callable[[Image, Box], Reading]
"""Reads the landmarks and pose of the face in a box."""


@dataclass(frozen=True)
class Bench:
    """What a report is made with, from which protocols plan their parts."""

    sets: tuple[PhotoSet, ...]
    judges: Judges
    find: FindFaces
    most: int | None = None
    """Pictures per part at most, below what the protocols themselves take."""

    read_box: ReadBox | None = None
    """None where there are no weights of a reader; then nothing judges one."""
    has_guided: bool = False
    """Whether one of the models takes reference photos."""
    pose_labels: Path | None = None
    """None: a file beside the folder, called after it with `_labels.npz`."""

    def of_role(self, role: str) -> tuple[PhotoSet, ...]:
        return tuple(one for one in self.sets if one.role == role)

    def some_people(
        self, photo_set: PhotoSet, most: int | None = None, most_photos: int | None = None
    ) -> tuple[tuple[Path, ...], str]:
        """The same of a folder of people, all or none of whose pictures are taken.

        What the user wants at most counts people here.
        """
        people = sorted({path.parent for path in photo_set.photos})
        chosen = spread(people, min([limit for limit in (most, self.most) if limit], default=len(people)))
        photos = tuple(path for path in photo_set.photos if path.parent in chosen)
        while most_photos is not None and len(photos) > most_photos and len(chosen) > 2:
            chosen = spread(people, len(chosen) - 1)
            photos = tuple(path for path in photo_set.photos if path.parent in chosen)
        words = f"{len(chosen)} of {len(people)} people of {photo_set.name}, evenly spread"
        return photos, words if len(chosen) < len(people) else ""

    def some(self, photo_set: PhotoSet, most: int | None = None) -> tuple[tuple[Path, ...], str]:
        """Pictures of a set, no more than protocol and user want; and how many of how many, in words."""
        wanted = [limit for limit in (most, self.most) if limit is not None]
        photos = photo_set.some(min(wanted, default=None))
        is_part = len(photos) < len(photo_set.photos)
        words = f"{len(photos)} of {len(photo_set.photos)} pictures of {photo_set.name}, evenly spread"
        return photos, words if is_part else ""


def spread(people: Sequence[Path], most: int) -> set[Path]:
    """At most so many, evenly over their names."""
    if most >= len(people):
        return set(people)
    return {people[index * len(people) // most] for index in range(most)}


Plan = Callable[[Bench], list[Part]]
"""Which parts a protocol can do with the pictures there are: none where none fit."""
