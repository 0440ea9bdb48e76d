"""How identity is learned: from labels with a margin (ArcFace), and from a teacher who saw the clean face."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from mien.models.identity.network import IdentityNetwork, as_input
from mien.types import Images, Losses

Embeddings = Float[Tensor, "batch features"]
Maps = tuple[Float[Tensor, "batch _ _ _"], ...]
"""Features by place, fine to coarse."""
Teach = Callable[[Images], tuple[Embeddings, Maps]]
"""Faces in [0, 1] to embeddings and the maps on the way to them."""


@dataclass(frozen=True)
class IdentityObjectiveConfig:
    """Weights of what is wanted; 0 leaves it out."""

    margin_weight: float = 1.0
    scale: float = 64.0
    """ArcFace's s and m, with its own defaults."""
    margin: float = 0.5
    teacher_weight: float = 0.0
    """One minus the cosine of student and teacher."""
    relation_weight: float = 0.0
    """Squared differences between the cosines of a batch's faces to the student and to the teacher."""
    map_weight: float = 0.0
    """Share of the variance of the teacher's features that the student's leave open, mean over the maps."""


@dataclass(frozen=True)
class Lesson:
    """Faces to look at, and what is known of them."""

    faces: Images
    people: Int[Tensor, " batch"]
    """Negative where nobody knows."""
    embeddings: Embeddings
    """The teacher's, of the clean face."""
    maps: Maps


class Student(nn.Module):
    """The network, and what it needs only while it learns."""

    def __init__(self, network: IdentityNetwork, num_people: int, num_map_channels: tuple[int, ...]) -> None:
        super().__init__()
        self.network = network
        self.people = nn.Parameter(torch.randn(num_people, network.config.embedding_size))
        """A direction for each person."""
        own = network.config.channels[-len(num_map_channels) :]
        pairs = zip(own, num_map_channels, strict=True)
        self.projections = nn.ModuleList(nn.Conv2d(before, after, 1) for before, after in pairs)
        """From what the network sees at a place to what the teacher does."""

    def forward(self, faces: Images) -> tuple[Tensor, tuple[Tensor, ...], Tensor]:
        """Embeddings, the teacher's maps as the student guesses them, and people's directions."""
        maps = self.network.maps(as_input(faces))
        last = maps[-len(self.projections) :]
        guesses = tuple(project(own) for project, own in zip(self.projections, last, strict=True))
        return self.network.embed(maps[-1]), guesses, self.people


@dataclass(frozen=True)
class IdentityObjective:
    """Everything that the student should do, as one number."""

    config: IdentityObjectiveConfig

    def __call__(self, student: nn.Module, lesson: Lesson) -> Losses:
        embeddings, maps, people = student(lesson.faces)
        with torch.autocast(embeddings.device.type, enabled=False):
            return self.judge(embeddings.float(), maps, people.float(), lesson)

    def judge(self, embeddings: Tensor, maps: tuple[Tensor, ...], people: Tensor, lesson: Lesson) -> Losses:
        """By what the student answered."""
        config, wanted = self.config, lesson.embeddings.float()
        weighted = {
            "margin": (config.margin_weight, lambda: self.margin_loss(embeddings, people, lesson.people)),
            "teacher": (config.teacher_weight, lambda: distance(embeddings, wanted)),
            "relation": (config.relation_weight, lambda: relation_distance(embeddings, wanted)),
            "map": (config.map_weight, lambda: map_distance(maps, lesson.maps)),
        }
        terms = {name: term() for name, (weight, term) in weighted.items() if weight}
        total = torch.stack([weighted[name][0] * term for name, term in terms.items()]).sum()
        return Losses(total, {name: term.detach() for name, term in terms.items()})

    def margin_loss(
        self,
        embeddings: Embeddings,
        people: Float[Tensor, "people embedding"],
        labels: Int[Tensor, " batch"],
    ) -> Float[Tensor, ""]:
        """ArcFace, equation 3, over the faces whose person is known."""
        known = labels >= 0
        if not bool(known.any()):
            return embeddings.sum() * 0
        cosines = F.normalize(embeddings[known]) @ F.normalize(people).mT  # (known, people)
        logits = self.config.scale * with_margin(cosines, labels[known], self.config.margin)
        return F.cross_entropy(logits, labels[known])


def with_margin(
    cosines: Float[Tensor, "batch people"], labels: Int[Tensor, " batch"], margin: float
) -> Float[Tensor, "batch people"]:
    """The angle to the right person made larger by the margin.

    Where that would pass half a turn, the cosine falls on as a straight line, so that it never rises again.
    """
    right = cosines.gather(1, labels[:, None]).clamp(-1 + 1e-6, 1 - 1e-6)
    angle = torch.acos(right)
    turned = torch.where(
        angle + margin <= torch.pi,
        torch.cos(angle + margin),
        right - margin * torch.sin(right.new_tensor(margin)),
    )
    return cosines.scatter(1, labels[:, None], turned)


def distance(answer: Embeddings, wanted: Embeddings) -> Float[Tensor, ""]:
    """One minus the cosine, mean over the batch."""
    return 1 - F.cosine_similarity(answer, wanted, dim=1).mean()


def map_distance(answers: Maps, wanted: Maps) -> Float[Tensor, ""]:
    """1 for who knows no more of the teacher's features than their mean, 0 for who knows them all.

    Each channel is brought to deviation 1 over the batch, so that the quiet ones count as much.
    """
    pairs = zip(answers, wanted, strict=True)
    return torch.stack([F.mse_loss(answer.float(), standardized(target)) for answer, target in pairs]).mean()


def standardized(
    maps: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch channels height width"]:
    """Each channel with mean 0 and deviation 1."""
    return F.batch_norm(maps.float(), None, None, training=True, eps=1e-3)


def relation_distance(answer: Embeddings, wanted: Float[Tensor, "batch features"]) -> Float[Tensor, ""]:
    """Whom the student takes for how alike, against whom the teacher does."""
    difference = cosines_within(answer) - cosines_within(wanted)
    return difference.square().sum() / (len(answer) * (len(answer) - 1))


def cosines_within(embeddings: Embeddings) -> Float[Tensor, "batch batch"]:
    directions = F.normalize(embeddings)
    return directions @ directions.mT


def whitening_within(
    embeddings: Embeddings, people: Int[Tensor, " batch"], shrinkage: float
) -> tuple[Float[Tensor, "features features"], Float[Tensor, " features"]]:
    """The map under which one person's faces differ in all directions alike, and the origin to map from.

    Within-class covariance normalisation (Hatch and others, 2006), on directions seen from the mean of all.
    `shrinkage` is the share of the identity matrix in the covariance.
    """
    origin = embeddings.double().mean(dim=0)
    directions = F.normalize(embeddings.double() - origin)
    known, which = people.unique(return_inverse=True)
    sums = directions.new_zeros(len(known), directions.shape[1]).index_add_(0, which, directions)
    away = directions - (sums / which.bincount()[:, None])[which]
    covariance = away.mT @ away  # its scale does not matter: embeddings are compared by angle
    even = torch.eye(len(origin), dtype=torch.float64) * covariance.trace() / len(origin)
    values, axes = torch.linalg.eigh(torch.lerp(covariance, even, shrinkage) / even[0, 0])
    return axes @ torch.diag(values.rsqrt()) @ axes.mT, origin


def load_teacher(path: Path, device: torch.device) -> Teach:
    """What `tools/export_embedder.py --teacher` wrote; it computes in the precision of the training."""
    graph = torch.export.load(path).module().to(device)
    recognise = graph.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def teach(faces: Images) -> tuple[Embeddings, Maps]:
        answer = recognise(faces.contiguous(memory_format=torch.channels_last))
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise ValueError(f"{path} gives no maps: write it with export_embedder.py --teacher")
        return answer

    return teach
