"""FRN-TI: task-integrated training, FFN's knowledge put into FRN (MDFR, Algorithm 1 and equations 12-13)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mien.data.turned import PackedTurned, Turned, TurningPlan, mirrored, shrunk_points
from mien.data.variety import drop_color, per_picture, relight
from mien.degrade.chain import PROFILES, Profile
from mien.image.blend import contact_sheet
from mien.image.io import write_image
from mien.losses.identity import Embed, load_embedder
from mien.models.frontal.network import PAPER, SMALL, FrontalConfig, FrontalNetwork, Pupil
from mien.models.frontal.objective import (
    INTEGRATED_LITERAL,
    IntegratedObjective,
    IntegratedObjectiveConfig,
)
from mien.models.restore.network import RestoreNetwork
from mien.recipes.sources import Sources
from mien.recipes.views import by_yaw, need_multiple, open_turned, pose_maps
from mien.train.config import Networks, Run, TrainConfig
from mien.train.order import generator_at, shuffled_indices
from mien.train.player import Player
from mien.train.schedule import warmup_cosine
from mien.types import Images, Losses
from mien.zoo.load import pick_device
from mien.zoo.weights import fill, load_tensors

VALIDATION_SEED = 2028


@dataclass(frozen=True)
class Lesson:
    """A batch: what FRN is given, what FFN is given in its place, and the poses it turns from and to."""

    damaged: Images
    clean: Images
    given: Float[Tensor, "batch 18 2"]
    frontal: Float[Tensor, "batch 18 2"]


@dataclass(frozen=True)
class IntegratedRecipe:
    """Everything that decides what comes out."""

    teacher: FrontalConfig = SMALL
    """FFN's; FRN-TI is as large as the part of it that an FRN has."""
    objective: IntegratedObjectiveConfig = field(default_factory=IntegratedObjectiveConfig)
    profile: str = "gfrnet"
    clean_share: float = 0.15
    """Of the pictures, not damaged: a clean face must not lose by being recovered."""
    unturned_share: float = 0.3
    """Of the pictures, photos instead of views of them."""
    plan: TurningPlan = field(default_factory=TurningPlan)
    sigma: float = 2.0
    """Of the heatmaps' spots, in pixels of a picture of 128."""
    brightness: float = 0.15
    contrast: float = 0.15
    gray_share: float = 0.05
    batch_size: int = 8
    learning_rate: float = 3e-4
    num_warmup: int = 200
    ema_decay: float = 0.999
    clip_norm: float = 1.0
    hold_out_every: int = 50
    packed_size: int = 256
    """Side that views are made and damaged at, a multiple of the network's, to which they are then shrunk."""
    begins_as_teacher: bool = True
    """Whether FRN begins with the encoder and decoder of FFN, whose features it is to have, or at random.
    The paper's begins as a trained FRN-S, which is neither."""
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            num_steps=100_000, precision="bf16-mixed", validate_every=500, checkpoint_every_seconds=240.0
        )
    )

    def __post_init__(self) -> None:
        need_multiple(self.packed_size, self.teacher.shared.image_size)

    def build(self, sources: Sources, folder: Path) -> Run[Lesson]:
        """The run over views of all near-frontal faces below the folders of photos."""
        pool = open_turned(sources, folder, self.plan, self.packed_size)
        chosen, held_out = pool.split(self.hold_out_every)
        embedder = sources.need_file("embedder", "a face recogniser for its identity loss")
        embed = load_embedder(embedder, pick_device(self.training.device))
        taught = sources.need_file("teacher", "the weights of FFN, from the recipe frontal")
        teacher = FrontalNetwork(self.teacher)
        fill(teacher, load_tensors(taught), taught)
        network = RestoreNetwork(self.teacher.shared)
        if self.begins_as_teacher:
            begin_as(teacher, network)

        def batches(step: int, rank: int, num_ranks: int) -> Lesson:
            order = shuffled_indices(len(chosen), self.batch_size, step, self.training.seed, rank, num_ranks)
            chance = generator_at(torch.device("cpu"), self.training.seed, step, rank)
            turned = mirrored(pool.batch([chosen[index] for index in order]), chance)
            return first_lesson(turned, self.unturned_share, chance)

        side = self.teacher.shared.image_size
        examination = Examination(pool, held_out, PROFILES[self.profile], embed, side)
        return Run(
            folder=folder,
            players=(self.player(Pupil(network), teacher, IntegratedObjective(self.objective, embed)),),
            batches=batches,
            training=self.training,
            config=self,
            teachers=(teacher,),
            prepare=self.damage,
            validate=examination.figures,
            pictures=examination.sheet,
            write_picture=lambda path, images: write_image(path, images[0]),
        )

    def heatmaps(self, points: Float[Tensor, "batch 18 2"]) -> Float[Tensor, "batch 18 _ _"]:
        """L of key points, as FFN takes it."""
        return pose_maps(points, self.teacher.shared.image_size, self.teacher.map_size, self.sigma)

    def damage(self, lesson: Lesson, generator: torch.Generator) -> Lesson:
        """Relight the clean pictures, damage most of them for FRN, and shrink all."""
        clean = relight(lesson.clean, self.brightness, self.contrast, generator)
        clean = drop_color(clean, self.gray_share, generator)
        damaged = PROFILES[self.profile](clean, generator)
        stays = per_picture(clean, generator) < self.clean_share
        return self.shrunk(replace(lesson, clean=clean, damaged=torch.where(stays, clean, damaged)))

    def shrunk(self, lesson: Lesson) -> Lesson:
        """Of the networks' size."""
        factor = self.packed_size // self.teacher.shared.image_size
        return Lesson(
            F.avg_pool2d(lesson.damaged, factor),
            F.avg_pool2d(lesson.clean, factor),
            shrunk_points(lesson.given, factor),
            shrunk_points(lesson.frontal, factor),
        )

    def player(self, pupil: Pupil, teacher: FrontalNetwork, objective: IntegratedObjective) -> Player[Lesson]:
        """FRN alone learns; FFN stays as it is."""

        def learn(pupil: nn.Module, lesson: Lesson, generator: torch.Generator) -> Losses:
            features, made = pupil(2 * lesson.damaged - 1)
            image = made.detach() if objective.config.teacher_sees == "restored" else 2 * lesson.clean - 1
            with torch.no_grad():
                taught_features, taught = teacher.features_and_image(
                    image, self.heatmaps(lesson.given), self.heatmaps(lesson.frontal)
                )
            answer = ((taught.float() + 1) / 2).clamp(0, 1)
            return objective((made + 1) / 2, features, answer, taught_features)

        return Player(
            name="frontal",
            network=pupil,
            optimizer=torch.optim.AdamW(pupil.parameters(), lr=self.learning_rate, weight_decay=1e-4),
            objective=learn,
            ema_decay=self.ema_decay,
            schedule=warmup_cosine(self.num_warmup, self.training.num_steps, floor=0.01),
            clip_norm=self.clip_norm,
            product="network",
        )


def first_lesson(turned: Turned, unturned_share: float, generator: torch.Generator) -> Lesson:
    """Views, and some photos in their place; not damaged yet: damage is done where the network is."""
    is_photo = torch.rand(len(turned.views), generator=generator) < unturned_share
    pictures = torch.where(is_photo[:, None, None, None], turned.truths, turned.views)
    given = torch.where(is_photo[:, None, None], turned.wanted, turned.given)
    return Lesson(pictures, pictures, given, turned.frontal)


@dataclass(frozen=True)
class Examination:
    """Held-out faces, damaged the same way each time, against the photos that their views were made from."""

    pool: PackedTurned
    held_out: list[int]
    damage: Profile
    embed: Embed
    side: int
    """Of the network's pictures."""
    num_shown: int = 8
    """Faces on the sheet."""

    def pictures(self, some: list[int]) -> tuple[Images, Images]:
        """Damaged views, and photos."""
        turned = self.pool.batch(some)
        damaged = self.damage(turned.views, generator_at(torch.device("cpu"), VALIDATION_SEED))
        return self.small(damaged), self.small(turned.truths)

    def small(self, pictures: Images) -> Float[Tensor, "batch 3 {self.side} {self.side}"]:
        return F.avg_pool2d(pictures, pictures.shape[-1] // self.side)

    @torch.no_grad()
    def figures(self, networks: Networks, device: torch.device) -> Mapping[str, float]:
        """Identity cosine to the photo by yaw, of the damaged view and of what is made of it."""
        before, after = [], []
        for start in range(0, len(self.held_out), 16):
            damaged, truths = self.pictures(self.held_out[start : start + 16])
            who = self.embed(truths.to(device))
            made = recovered(networks["frontal"], damaged.to(device))
            after.append(F.cosine_similarity(self.embed(made), who).cpu())
            before.append(F.cosine_similarity(self.embed(damaged.to(device)), who).cpu())
        yaws = torch.from_numpy(self.pool.yaws[self.held_out])
        return by_yaw("damaged", yaws, torch.cat(before)) | by_yaw("frontal", yaws, torch.cat(after))

    @torch.no_grad()
    def sheet(self, networks: Networks, device: torch.device) -> Images:
        """Rows of damaged view, result, photo."""
        every = max(1, len(self.held_out) // self.num_shown)
        damaged, truths = self.pictures(self.held_out[::every][: self.num_shown])
        made = recovered(networks["frontal"], damaged.to(device)).cpu()
        tiles = [picture for row in zip(damaged, made, truths, strict=True) for picture in row]
        return contact_sheet(tiles, columns=6)[None]


@torch.no_grad()
def begin_as(teacher: FrontalNetwork, pupil: RestoreNetwork) -> None:
    """All of FFN but the way in for poses."""
    pupil.encoder.stem.load_state_dict(teacher.encoder.image_stem.state_dict())
    pupil.encoder.shrinks.load_state_dict(teacher.encoder.shrinks.state_dict())
    pupil.encoder.stages.load_state_dict(teacher.encoder.stages.state_dict())
    pupil.decoder.load_state_dict(teacher.decoder.state_dict())
    pupil.to_image.load_state_dict(teacher.to_image.state_dict())


def recovered(network: nn.Module, damaged: Images) -> Images:
    """Pictures in [0, 1]."""
    with torch.autocast(damaged.device.type, dtype=torch.bfloat16):
        _, made = network(2 * damaged - 1)
        return ((made.float() + 1) / 2).clamp(0, 1)


def integrated() -> IntegratedRecipe:
    """FRN-TI, 128 px: the network that `frontal:FILE` names, of which the package has no weights."""
    return IntegratedRecipe()


def integrated_paper() -> IntegratedRecipe:
    """FRN-TI as published: 128 px, MDFR's damage, equation 13 with its literal weights."""
    return IntegratedRecipe(
        teacher=PAPER,
        objective=INTEGRATED_LITERAL,
        profile="mdfr",
        learning_rate=1e-4,
        packed_size=128,
        begins_as_teacher=False,
    )


def integrated_without_alignment() -> IntegratedRecipe:
    """FRN-TI w/o L_FA (Table I)."""
    return replace(integrated(), objective=replace(integrated().objective, alignment_weight=0.0))
