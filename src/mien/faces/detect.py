"""What every face detector needs: one box per face, and the largest of them.

A detector itself is anything that is a `FindFaces` of types.py.
"""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from mien.types import Detection, FindFaces, Image, RefineFaces


def box_areas(boxes: Float[Tensor, "*boxes 4"]) -> Float[Tensor, "*boxes"]:
    """A box whose sides have changed places has none."""
    sides = (boxes[..., 2:] - boxes[..., :2]).clamp_min(0)
    return sides[..., 0] * sides[..., 1]


def shared_part(face: Detection, other: Detection) -> float:
    """How much of the smaller box lies in the other one."""
    low, high = torch.maximum(face.box[:2], other.box[:2]), torch.minimum(face.box[2:], other.box[2:])
    smaller = torch.minimum(box_areas(face.box), box_areas(other.box))
    return float(box_areas(torch.cat((low, high))) / smaller.clamp_min(1e-6))


def distinct(faces: list[Detection], inside: float, least: float = 0.0) -> list[Detection]:
    """Of faces, the surest first, those that lie in no surer one by more than the share `inside`.

    One of a score below `least` takes no other's place.
    """
    kept: list[Detection] = []
    for face in faces:
        surer = (other for other in kept if other.score >= least)
        if all(shared_part(face, other) <= inside for other in surer):
            kept.append(face)
    return kept


SIDES = ((0.0, 0.0), (-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0))
"""Where a doubtful face is looked at from: its own place first."""


@dataclass(frozen=True)
class Opinion:
    """Of both looks on what may be a face."""

    first: float
    """The score of the first look."""
    face: Detection
    """Where the second look saw it last, with the score that both agree on."""


@dataclass(frozen=True)
class FindTwice:
    """A detector that looks again at what it found: it is sure only of faces that both looks take for one."""

    first: FindFaces
    """Takes more for faces than there are."""
    second: RefineFaces
    threshold: float = 0.53
    """Of held-out training pictures without a face, one in 17 then has something taken for one."""
    first_share: float = 0.6
    """Of the first look in the final score."""
    inside: float = 0.75
    """Share of a face's box that may lie in that of a surer face."""
    hopeless: float = 0.25
    """What both looks doubt as much is not looked at once more, from where the second one put it."""
    doubtful: float = 0.85
    """What lies in a face of a lower score is looked at once more all the same; and around such a face it is
    looked whether there is more beside it: of a profile an ear or a cheek alone may have been found."""
    aside: float = 0.3
    """So far, in sides of the box."""
    gain: float = 0.1
    """By so much surer the second look has to be there."""

    def __call__(self, photo: Image) -> list[Detection]:
        """The faces of a photo, the surest first."""
        opinions = [Opinion(face.score, face) for face in self.first(photo)]
        # while both of two that may be one face are doubtful, either may turn out to be it
        opinions = self.looked_at(photo, opinions, self.hopeless, self.doubtful)
        opinions = self.looked_at(photo, opinions, self.threshold, 0.0)
        placed = self.placed(photo, [opinion.face for opinion in opinions])
        return distinct(placed, self.inside)

    def looked_at(
        self, photo: Image, opinions: list[Opinion], least: float, least_sure: float
    ) -> list[Opinion]:
        """After one more look, the surest first: without the unlikely, and what lies in a sure one."""
        seen = self.second(photo, [opinion.face for opinion in opinions])
        judged = [
            Opinion(opinion.first, replace(face, score=self.agreed(opinion.first, face.score)))
            for opinion, face in zip(opinions, seen, strict=True)
        ]
        judged.sort(key=lambda opinion: opinion.face.score, reverse=True)
        likely = [opinion.face for opinion in judged if opinion.face.score >= least]
        kept = {id(face) for face in distinct(likely, self.inside, least_sure)}
        return [opinion for opinion in judged if id(opinion.face) in kept]

    def placed(self, photo: Image, faces: list[Detection]) -> list[Detection]:
        """The doubtful ones where much more of a face is to be seen; nobody's score changes."""
        doubtful = [face for face in faces if face.score < self.doubtful]
        if not doubtful:
            return faces
        around = [moved(face, self.aside * x, self.aside * y) for face in doubtful for x, y in SIDES]
        seen = self.second(photo, around)
        groups = [seen[start : start + len(SIDES)] for start in range(0, len(seen), len(SIDES))]
        beside = self.second(photo, [max(group[1:], key=lambda one: one.score) for group in groups])
        better = {
            id(face): replace(best, score=face.score)
            for face, group, best in zip(doubtful, groups, beside, strict=True)
            if best.score > group[0].score + self.gain
        }
        return [better.get(id(face), face) for face in faces]

    def agreed(self, first: float, second: float) -> float:
        """The mean of two probabilities, taken in their odds, where evidence adds up."""
        odds = self.first_share * log_odds(first) + (1 - self.first_share) * log_odds(second)
        return 1 / (1 + math.exp(-odds))


def moved(face: Detection, x: float, y: float) -> Detection:
    """By parts of its box's sides."""
    shift = (face.box[2:] - face.box[:2]) * torch.tensor([x, y])
    return replace(face, box=face.box + shift.repeat(2), points=face.points + shift)


def log_odds(probability: float) -> float:
    bounded = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(bounded / (1 - bounded))


def largest(detections: list[Detection]) -> list[Detection]:
    """The face of the largest box alone; of equals, the first."""
    if not detections:
        return []
    areas = box_areas(torch.stack([detection.box for detection in detections]))
    return [detections[int(areas.argmax())]]
