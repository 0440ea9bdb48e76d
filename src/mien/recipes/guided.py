"""GFRNet's training (section 4.2): WarpNet alone on the flow loss, then both on all of it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from mien.data.albums import (
    AlbumPlan,
    PackedAlbums,
    Pairs,
    labelled_photos,
    mirrored,
    pack_albums,
    shifted,
)
from mien.data.variety import drop_color, per_picture, relight
from mien.degrade.chain import PROFILES
from mien.image.io import write_image
from mien.losses.features import load_features
from mien.models.guided.network import (
    PAPER,
    SMALL,
    FoldedRecNet,
    GuidedConfig,
    GuidedNetwork,
    start_from_restore,
    twice_as_wide,
    without_guide,
    without_warp,
)
from mien.models.guided.objective import (
    GuidedObjective,
    GuidedObjectiveConfig,
    judge_results,
)
from mien.models.guided.recover import place_crop
from mien.models.restore.network import PatchCritic
from mien.recipes.guided_exam import Examination
from mien.recipes.sources import MissingSourceError, Sources
from mien.train.config import Run, TrainConfig
from mien.train.muon import OptimizerName, make_optimizer
from mien.train.order import generator_at, shuffled_indices
from mien.train.plateau import drop_on_plateau
from mien.train.player import Player
from mien.train.schedule import warmup_cosine
from mien.types import Images, Losses
from mien.zoo.cards import RESTORE
from mien.zoo.files import checked
from mien.zoo.load import load_morphable, pick_device
from mien.zoo.weights import load_tensors

PACKING_SEED = 5
PIXELS_AND_FLOW = GuidedObjectiveConfig(
    pixel="log_squared", pixel_weight=1.0, feature_weight=0.0, global_weight=0.0, local_weight=0.0
)
SHARP = replace(
    PIXELS_AND_FLOW, pixel="charbonnier", pixel_weight=10.0, global_weight=0.05, local_weight=0.025
)


@dataclass(frozen=True)
class Lesson:
    """A batch of either phase."""

    pairs: Pairs
    is_flow_alone: bool
    """The first phase: WarpNet learns, RecNet waits."""


@dataclass(frozen=True)
class GuidedRecipe:
    """Everything that decides what comes out."""

    network: GuidedConfig = SMALL
    objective: GuidedObjectiveConfig = PIXELS_AND_FLOW
    guides: Literal["own", "random"] = "own"
    """Of the person, or of anybody else (R)."""
    critic_channels: tuple[int, ...] = (48, 96, 192, 384)
    profile: str = "gfrnet"
    clean_share: float = 0.1
    """Of the pictures, not damaged: a clean face must not lose by being recovered."""
    plan: AlbumPlan = field(default_factory=AlbumPlan)
    largest_shift: int = 8
    brightness: float = 0.12
    contrast: float = 0.15
    """Of guide and truth, each by itself: they were taken at another time."""
    gray_share: float = 0.04
    batch_size: int = 8
    flow_batch_size: int = 12
    """WarpNet alone is quick."""
    num_flow_steps: int = 2000
    """Of the first phase; 0 leaves it out."""
    learning_rate: float = 6e-4
    flow_learning_rate: float = 3e-3
    """Of the first phase."""
    weight_decay: float = 1e-4
    optimizer: OptimizerName = "muon"
    betas: tuple[float, float] = (0.9, 0.999)
    """Of Adam."""
    critic_learning_rate: float = 1e-4
    num_warmup: int = 100
    rate: Literal["cosine", "plateau"] = "cosine"
    """`plateau`: a tenth, twice, when the validation's reconstruction no longer falls."""
    patience: int = 3
    """Validations without a better one, for `plateau`."""
    ema_decay: float | None = 0.998
    clip_norm: float | None = 50.0
    """The flow's gradient is far larger than that of pixels: this holds back mishaps alone."""
    hold_out_every: int = 40
    start_from_package: bool = True
    """RecNet begins as the restoration net of the package."""
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            num_steps=60_000, precision="bf16-mixed", validate_every=500, checkpoint_every_seconds=240.0
        )
    )

    def build(self, sources: Sources, folder: Path) -> Run[Lesson]:
        """The run over all people below the folders of photos, with labels for them."""
        pool = open_albums(sources, folder, self.plan, self.network.image_size)
        learned, held_out = pool.split(self.hold_out_every)
        network = GuidedNetwork(self.network)
        if self.start_from_package:
            self.take_up_restore(network)
        examination = Examination(pool, held_out, self.profile, self.guides == "own")
        return Run(
            folder=folder,
            players=self.players(network, self.make_objective(sources), folder),
            batches=lambda step, rank, num_ranks: self.lesson(pool, learned, step, rank, num_ranks),
            training=self.training,
            config=self,
            prepare=self.damage,
            validate=examination.figures,
            pictures=examination.sheet,
            write_picture=lambda path, images: write_image(path, images[0]),
        )

    def take_up_restore(self, network: GuidedNetwork) -> None:
        if not isinstance(network.rec_net, FoldedRecNet):
            raise ValueError("only a RecNet of the restoration net's kind can begin as it does")
        start_from_restore(network.rec_net, load_tensors(checked(RESTORE.weights, RESTORE.sha256)))

    def lesson(self, pool: PackedAlbums, learned: list[int], step: int, rank: int, num_ranks: int) -> Lesson:
        """Photos to learn from, each with another one of the same person."""
        is_flow_alone = step < self.num_flow_steps
        size = self.flow_batch_size if is_flow_alone else self.batch_size
        order = shuffled_indices(len(learned), size, step, self.training.seed, rank, num_ranks)
        chance = generator_at(torch.device("cpu"), self.training.seed, step, rank)
        pairs = pool.batch([learned[index] for index in order], chance, self.guides == "own")
        return Lesson(shifted(mirrored(pairs, chance), self.largest_shift, chance), is_flow_alone)

    def damage(self, lesson: Lesson, generator: torch.Generator) -> Lesson:
        """Light guide and truth anew, each by itself, and damage what is to be restored."""
        truths, guides = (
            drop_color(relight(images, self.brightness, self.contrast, generator), self.gray_share, generator)
            for images in (lesson.pairs.truths, lesson.pairs.guides)
        )
        damaged = PROFILES[self.profile](truths, generator)
        stays = per_picture(truths, generator) < self.clean_share
        damaged = torch.where(stays, truths, damaged)
        return replace(lesson, pairs=replace(lesson.pairs, damaged=damaged, truths=truths, guides=guides))

    def make_objective(self, sources: Sources) -> GuidedObjective:
        """With the networks that its weights ask for."""
        weights, describe = self.objective, None
        if weights.feature_weight:
            if sources.features is None:
                raise MissingSourceError("this recipe needs --features: a network whose layer is compared")
            describe = load_features(sources.features, pick_device(self.training.device))
        critics = [
            PatchCritic(self.critic_channels, num_given=2) if weight else None
            for weight in (weights.global_weight, weights.local_weight)
        ]
        return GuidedObjective(weights, describe, *critics)

    def players(
        self, network: GuidedNetwork, objective: GuidedObjective, folder: Path
    ) -> tuple[Player[Lesson], ...]:
        """GFRNet, and those of its critics that have a weight."""
        judges = {"global_critic": objective.global_judge, "local_critic": objective.local_judge}
        critics = [
            self.critic(name, judge, network, objective)
            for name, judge in judges.items()
            if isinstance(judge, nn.Module)
        ]
        return (self.restorer(network, objective, folder), *critics)

    def restorer(self, network: GuidedNetwork, objective: GuidedObjective, folder: Path) -> Player[Lesson]:
        """Whose weights are wanted."""

        def learn(gfrnet: nn.Module, lesson: Lesson, generator: torch.Generator) -> Losses:
            pairs = lesson.pairs
            if lesson.is_flow_alone:
                flow = gfrnet.find_flow(  # pyright: ignore[reportCallIssue]
                    2 * pairs.damaged - 1, 2 * pairs.guides - 1
                )
                return objective.flow_loss(flow, pairs.truth_points, pairs.guide_points)
            made = gfrnet(2 * pairs.damaged - 1, 2 * pairs.guides - 1)
            image = (made.image + 1) / 2
            result = objective(image, pairs.damaged, pairs.guides, pairs.truths, pairs.truth_points)
            if network.warp_net is None:
                return result
            flow = objective.flow_loss(made.flow, pairs.truth_points, pairs.guide_points)
            return Losses(result.total + flow.total, {**result.terms, **flow.terms})

        return Player(
            name="guided",
            network=network,
            optimizer=make_optimizer(
                self.optimizer, network, self.learning_rate, self.weight_decay, self.betas
            ),
            objective=learn,
            ema_decay=self.ema_decay,
            schedule=self.schedule(folder),
            clip_norm=self.clip_norm,
        )

    def schedule(self, folder: Path) -> Callable[[int], float]:
        """Of each phase by itself, or by the validation."""
        if self.rate == "plateau":
            return drop_on_plateau(folder / "log.jsonl", "reconstruction", 0.1, 2, self.patience)
        first_steps = self.num_flow_steps
        second_steps = max(self.training.num_steps - first_steps, self.num_warmup + 1)
        second = warmup_cosine(self.num_warmup, second_steps, floor=0.01)
        if not first_steps:
            return second
        first = warmup_cosine(min(self.num_warmup, first_steps - 1), first_steps, floor=0.1)
        share = self.flow_learning_rate / self.learning_rate
        return lambda step: share * first(step) if step < first_steps else second(step - first_steps)

    def critic(
        self, name: str, judge: nn.Module, gfrnet: GuidedNetwork, objective: GuidedObjective
    ) -> Player[Lesson]:
        """Learns what GFRNet gets wrong, as it is now; it waits while WarpNet is alone."""
        is_local = name == "local_critic"

        def learn(critic: nn.Module, lesson: Lesson, generator: torch.Generator) -> Losses:
            pairs = lesson.pairs
            if lesson.is_flow_alone:
                nothing = sum((parameter.sum() * 0 for parameter in critic.parameters()), torch.zeros(()))
                return Losses(nothing, {"critic": nothing.detach()})
            with torch.no_grad():
                made = (gfrnet(2 * pairs.damaged - 1, 2 * pairs.guides - 1).image.float() + 1) / 2
            seen: list[Images] = [pairs.damaged, pairs.guides, made, pairs.truths]
            if is_local:
                seen = [objective.face_of(pictures, pairs.truth_points) for pictures in seen]
            return judge_results(critic, *seen)

        optimizer = torch.optim.Adam(judge.parameters(), lr=self.critic_learning_rate, betas=(0.5, 0.99))
        return Player(name=name, network=judge, optimizer=optimizer, objective=learn)


def open_albums(sources: Sources, folder: Path, plan: AlbumPlan, size: int) -> PackedAlbums:
    """The photos, cut once for a run's folder."""
    packed = folder / "albums"
    if not (packed / "done").exists():
        photos = sources.need("photos", "folders of people, and of single faces that others are made of")
        labels = sources.need("labels", "where the faces are in them")
        pack_albums(
            labelled_photos(labels, photos),
            load_morphable("cpu"),
            lambda found: place_crop(found, size),
            size,
            plan,
            packed,
            generator_at(torch.device("cpu"), PACKING_SEED),
        )
        (packed / "done").touch()
    return PackedAlbums.open(packed)


def guided() -> GuidedRecipe:
    """GFRNet, Full: the weights in the package, 256 px."""
    return GuidedRecipe()


def guided_sharp() -> GuidedRecipe:
    """The later phase, with critics that ask for detail."""
    return replace(guided(), objective=SHARP, learning_rate=1.5e-4, num_flow_steps=0)


def guided_paper() -> GuidedRecipe:
    """GFRNet as published: plain nets of eight and eight levels, the weights and rates of section 4.2."""
    return GuidedRecipe(
        network=PAPER,
        objective=GuidedObjectiveConfig(),
        critic_channels=(64, 128, 256, 512),
        clean_share=0.0,
        largest_shift=0,
        brightness=0.0,
        contrast=0.0,
        gray_share=0.0,
        batch_size=1,
        flow_batch_size=1,
        num_flow_steps=100_000,
        learning_rate=2e-4,
        flow_learning_rate=2e-4,
        critic_learning_rate=2e-4,
        weight_decay=0.0,
        optimizer="adam",
        betas=(0.5, 0.999),
        rate="plateau",
        ema_decay=None,
        clip_norm=None,
        start_from_package=False,
        training=TrainConfig(num_steps=2_000_000, validate_every=20_000),
    )


def guided_without_guide() -> GuidedRecipe:
    """-WG: RecNet alone, on the damaged picture alone (Table 1)."""
    recipe = guided_without_warp()
    return replace(recipe, network=without_guide(recipe.network))


def guided_without_warp() -> GuidedRecipe:
    """-W: the guide goes into RecNet as it is (Table 1)."""
    return replace(guided(), network=without_warp(guided().network), num_flow_steps=0)


def guided_without_guide_wide() -> GuidedRecipe:
    """-WG2: -WG with twice the channels (Table 1)."""
    recipe = guided_without_guide()
    return replace(recipe, network=twice_as_wide(recipe.network), start_from_package=False)


def guided_without_warp_wide() -> GuidedRecipe:
    """-W2: -W with twice the channels (Table 1)."""
    recipe = guided_without_warp()
    return replace(recipe, network=twice_as_wide(recipe.network), start_from_package=False)


def guided_without_flow() -> GuidedRecipe:
    """-F: WarpNet without a flow loss of its own (Table 1)."""
    objective = replace(guided().objective, landmark_weight=0.0, smoothness_weight=0.0)
    return replace(guided(), objective=objective, num_flow_steps=0)


def guided_random() -> GuidedRecipe:
    """R: guides of anybody but the person (Table 1)."""
    return replace(guided(), guides="random")
