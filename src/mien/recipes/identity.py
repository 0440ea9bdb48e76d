"""The identity network: from a teacher on faces old and new, clean and damaged, and from people's names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mien.data.newfaces import NewFaces, stored_faces
from mien.data.people import LABELS, PackedPeople, StoredFaces, pack_people, same_and_different
from mien.degrade.chain import PROFILES, Profile, steps
from mien.metrics.verification import Comparisons, fold_accuracy, roc_curve
from mien.models.identity.embed import Identifier, cut_prominent
from mien.models.identity.network import PAPER, SMALL, IdentityConfig, IdentityNetwork
from mien.models.identity.objective import (
    IdentityObjective,
    IdentityObjectiveConfig,
    Lesson,
    Student,
    Teach,
    load_teacher,
)
from mien.recipes.sources import Sources
from mien.train.config import Networks, Run, TrainConfig
from mien.train.muon import Muon
from mien.train.order import generator_at, shuffled_indices
from mien.train.player import Player
from mien.train.schedule import warmup_cosine
from mien.types import Image, Images, Losses
from mien.zoo.load import load_detector, pick_device

VALIDATION_SEED = 2026
TAUGHT_TOGETHER = 64
STORED_SIZE, STORED_MARGIN = 168, 12
"""Of faces to learn from: as much larger as `data.newfaces` wants them, with a margin for what moves them."""
PARTNERS = 1
"""Number of the second order in which faces are drawn."""
CANVAS_PER_FACE = 62 / 35.24
"""Eye distances: of an aligned face of 256 px, for which the papers tell their damage, over one of 112."""


def seen_at_112(profile: Profile) -> Profile:
    """The same damage, done to the smaller picture that the network sees."""

    def smaller(values: tuple[float, ...], least: float) -> tuple[float, ...]:
        return tuple(max(least, value / CANVAS_PER_FACE) for value in values)

    return replace(
        profile,
        gaussian_sigmas=smaller(profile.gaussian_sigmas, 0.0),
        box_sides=smaller(profile.box_sides, 1.0),
        motion_lengths=smaller(profile.motion_lengths, 1.0),
        scales=smaller(profile.scales, 1.0),
    )


EXAMINED = seen_at_112(replace(PROFILES["gfrnet"], gaussian_sigmas=steps(1.0, 3.0, 0.1), scales=(6.0,)))
"""GFRNet's equation 4 at 6x: where the teachers fail."""


@dataclass(frozen=True)
class IdentityRecipe:
    """Everything that decides what comes out."""

    network: IdentityConfig = SMALL
    objective: IdentityObjectiveConfig = field(
        default_factory=lambda: IdentityObjectiveConfig(
            margin_weight=0.01,
            scale=32.0,
            margin=0.3,
            teacher_weight=1.0,
            relation_weight=10.0,
            map_weight=2.0,
        )
    )
    """Names weigh little: most people here have two pictures."""
    newfaces: NewFaces = field(default_factory=NewFaces)
    profiles: tuple[str, ...] = ("gfrnet", "gfrnet", "gfrnet", "mmrb", "mdfr")
    """Each damages an equal part of the faces; every face is seen clean too."""
    batch_size: int = 24
    learning_rate: float = 1.6e-2
    weight_decay: float = 0.02
    num_warmup: int = 100
    ema_decay: float = 0.999
    clip_norm: float = 5.0
    hold_out_every: int = 8
    """People."""
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            num_steps=12_000, precision="bf16-mixed", validate_every=500, checkpoint_every_seconds=240.0
        )
    )

    def build(self, sources: Sources, folder: Path) -> Run[StoredFaces]:
        """The run over the most prominent face of every photo, as the detector in the package finds it."""
        device = pick_device(self.training.device)
        teacher = sources.need_file("embedder", "its teacher, of export_embedder.py --teacher")
        faces = folder / "faces"
        if not (faces / LABELS).exists():
            pack_people(sources.need("photos", "folders of people, a folder each"), face_cutter(), faces)
        training, held_out = PackedPeople.open(faces).split(self.hold_out_every)
        teach = load_teacher(teacher, device)
        student = self.student(training, teach, device)

        def batches(step: int, rank: int, num_ranks: int) -> StoredFaces:
            def draw(order: int) -> list[int]:
                seed = self.training.seed + order
                return shuffled_indices(len(training), self.batch_size, step, seed, rank, num_ranks)

            return training.batch(draw(0), draw(PARTNERS))

        return Run(
            folder=folder,
            players=(self.player(student, teach),),
            batches=batches,
            training=self.training,
            config=self,
            validate=Examination(held_out, teach).figures,
        )

    def student(self, faces: PackedPeople, teach: Teach, device: torch.device) -> Student:
        """A fresh one, that takes the people's directions over from the teacher where their sizes agree."""
        embeddings, maps = taught(teach, stored_faces(faces.faces([0, 0])), device)
        channels = tuple(part.shape[1] for part in maps)
        student = Student(IdentityNetwork(self.network), faces.num_people, channels)
        size, own_size = embeddings.shape[1], self.network.embedding_size
        if self.objective.teacher_weight and size != own_size:
            raise ValueError(
                f"the teacher gives {size} numbers, the network {own_size}: teacher_weight must be 0"
            )
        if size == own_size:
            student.people.data.copy_(mean_directions(faces, teach, device))
        return student

    def player(self, student: Student, teach: Teach) -> Player[StoredFaces]:
        """The one player."""
        objective = IdentityObjective(self.objective)

        def learn(network: nn.Module, batch: StoredFaces, generator: torch.Generator) -> Losses:
            with torch.no_grad():
                lesson = self.lesson(batch, teach, generator)
            return objective(network, lesson)

        return Player(
            name="identity",
            network=student,
            optimizer=Muon(student, self.learning_rate, self.weight_decay, spared=("people",)),
            objective=learn,
            ema_decay=self.ema_decay,
            schedule=warmup_cosine(self.num_warmup, self.training.num_steps, floor=0.01),
            clip_norm=self.clip_norm,
            product="network",
        )

    def lesson(self, batch: StoredFaces, teach: Teach, generator: torch.Generator) -> Lesson:
        """Each face clean and damaged; the teacher sees the clean one only."""
        faces, themselves = self.newfaces(batch.pixels, batch.partners, generator)
        embeddings, maps = teach(faces)
        people = torch.where(themselves, batch.people, -1)
        return Lesson(
            torch.cat((faces, self.damaged(faces, generator))),
            torch.cat((people, people)),
            torch.cat((embeddings, embeddings)),
            tuple(torch.cat((part, part)) for part in maps),
        )

    def damaged(self, faces: Images, generator: torch.Generator) -> Images:
        parts = faces.tensor_split(len(self.profiles))
        chosen = zip(parts, self.profiles, strict=True)
        return torch.cat([seen_at_112(PROFILES[name])(part, generator) for part, name in chosen if len(part)])


def mean_directions(
    faces: PackedPeople, teach: Teach, device: torch.device
) -> Float[Tensor, "people features"]:
    """What each person's pictures are to the teacher, on average."""
    known = [row for row in range(len(faces)) if faces.people[row] >= 0]
    summed: dict[int, Tensor] = {}
    for start in range(0, len(known), TAUGHT_TOGETHER):
        rows = known[start : start + TAUGHT_TOGETHER]
        embeddings, _ = taught(teach, stored_faces(faces.faces(rows)), device)
        for row, direction in zip(rows, F.normalize(embeddings), strict=True):
            person = int(faces.people[row])
            summed[person] = summed.get(person, torch.zeros_like(direction)) + direction
    return torch.stack([summed[person] for person in range(faces.num_people)])


def taught(teach: Teach, faces: Images, device: torch.device) -> tuple[Tensor, tuple[Tensor, ...]]:
    with torch.no_grad(), torch.autocast(device.type, dtype=torch.bfloat16):
        embeddings, maps = teach(faces.to(device))
    return embeddings.float().cpu(), maps


def face_cutter() -> Callable[[Image], Image | None]:
    """Finds whom a photo is of and cuts the face with a margin; none where nobody is found."""
    find = load_detector()

    def cut(photo: Image) -> Image | None:
        found = find(photo)
        return cut_prominent(photo, found, STORED_SIZE, STORED_MARGIN) if found else None

    return cut


@dataclass(frozen=True)
class Examination:
    """Verification of people nobody learned from, clean and damaged, and likeness to the teacher."""

    faces: PackedPeople
    teach: Teach
    most_pairs_per_person: int = 6
    num_folds: int = 10

    def figures(self, networks: Networks, device: torch.device) -> dict[str, float]:
        """Of the network as it is used, but for the teacher's cosine: without the mirror."""
        student = networks["identity"]
        assert isinstance(student, Student)
        clean = stored_faces(self.faces.faces(list(range(len(self.faces)))))
        chance = generator_at(torch.device("cpu"), VALIDATION_SEED)
        damaged = torch.cat([EXAMINED(part, chance) for part in clean.split(64)])
        identify = Identifier(student.network, device)
        seen = identify(clean)
        truth = torch.cat([taught(self.teach, part, device)[0] for part in clean.split(64)])
        mirrored = torch.cat([taught(self.teach, part.flip(3), device)[0] for part in clean.split(64)])
        figures = {"teacher_cosine": float(F.cosine_similarity(seen, truth + mirrored).mean())}
        for name, embeddings in (("clean", seen), ("damaged", identify(damaged))):
            figures.update(self.verification(name, embeddings))
        return figures

    def verification(self, name: str, embeddings: Float[Tensor, "faces features"]) -> Mapping[str, float]:
        """Ten-fold accuracy, and the area under the ROC curve, in percent."""
        chance = generator_at(torch.device("cpu"), VALIDATION_SEED)
        people = torch.from_numpy(self.faces.people)
        same, different = same_and_different(people, self.most_pairs_per_person, chance)
        pairs = torch.cat((same, different))
        is_same = torch.arange(len(pairs)) < len(same)
        folds = torch.arange(len(pairs)) % self.num_folds
        compared = Comparisons.of(embeddings[pairs[:, 0]], embeddings[pairs[:, 1]], is_same, folds)
        return {
            f"{name}_accuracy": 100 * fold_accuracy(compared).mean,
            f"{name}_area": 100 * roc_curve(compared).area,
        }


def identity() -> IdentityRecipe:
    """The weights in the package."""
    return IdentityRecipe()


def identity_paper() -> IdentityRecipe:
    """IR-50 with ArcFace's own margin; longer vectors than the teacher's, whose relations it learns."""
    return IdentityRecipe(
        network=PAPER,
        objective=IdentityObjectiveConfig(relation_weight=10.0, map_weight=2.0),
    )
