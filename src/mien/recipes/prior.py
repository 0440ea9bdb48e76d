"""Restoring through the prior: codec and generator learn together, the critic half frozen (MMRB-GAN, 3.3)."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from mien.data.portraits import PHOTOS, PackedPortraits, Portraits, damaged_portraits, pack_portraits
from mien.degrade.chain import PROFILES
from mien.image.io import write_image
from mien.losses.features import load_features
from mien.losses.identity import Embed, load_embedder
from mien.models.prior.codec import PRIOR_128, PRIOR_256, PRIOR_PAPER, PriorConfig, PriorNetwork
from mien.models.prior.critic import Critic, LocalCritics, local_config
from mien.models.prior.objective import (
    Describe,
    PriorObjective,
    PriorObjectiveConfig,
    Remembering,
    Steepness,
    judge_all_parts,
    judge_pictures,
)
from mien.recipes.generator import seen_at
from mien.recipes.prior_exam import Examination
from mien.recipes.sources import MissingSourceError, Sources
from mien.train.checkpoint import export_player
from mien.train.config import Run, TrainConfig
from mien.train.order import shuffled_indices
from mien.train.player import Player, trainable
from mien.train.schedule import halve_at
from mien.types import Images, Losses
from mien.zoo.load import pick_device
from mien.zoo.weights import fill, load_tensors


@dataclass(frozen=True)
class Rates:
    """Learning rates of the parts (section 4.2)."""

    codec: float = 2e-3
    generator: float = 2e-4
    """0 leaves it as it was pre-trained."""
    noise: float = 2e-3
    """Of the scalars that weigh what the codec gives the generator."""
    local_critics: float = 2e-3
    critic: float = 2e-5


@dataclass(frozen=True)
class PriorRecipe:
    """Everything that decides what comes out."""

    network: PriorConfig = PRIOR_128
    objective: PriorObjectiveConfig = field(default_factory=PriorObjectiveConfig)
    features: Literal["critic", "network"] = "critic"
    """Whose features are matched: the critic's, as in pix2pixHD, which the paper takes this loss from, or
    those of a network of the user's own, as the paper's VGG."""
    rates: Rates = field(default_factory=Rates)
    profile: str = "mmrb"
    batch_size: int = 4
    num_frozen: int = 5
    """Layers of the critic that learn no more, its stem first (FreezeD)."""
    local_channels: tuple[int, int, int] = (64, 128, 256)
    penalty_weight: float = 10.0
    penalty_every: int = 16
    halved_at: tuple[int, ...] = (500_000, 600_000)
    ema_decay: float = 0.999
    hold_out_every: int = 65
    embedder_size: int = 256
    """Side of the crops that the embedder takes."""
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            num_steps=700_000, precision="bf16-mixed", validate_every=1000, checkpoint_every_seconds=300.0
        )
    )

    def build(self, sources: Sources, folder: Path) -> Run[Portraits]:
        """The run over photos with one face, whose 68 landmarks a file of labels has."""
        if not (folder / PHOTOS).exists():
            labels = sources.need("labels", "aligned photos with landmarks, from tools/label_faces.py")
            pack_portraits(labels, self.network.generator.widths.image_size, folder)
        portraits = PackedPortraits.open(folder)
        training, held_out = portraits.split(self.hold_out_every)

        def batches(step: int, rank: int, num_ranks: int) -> Portraits:
            seed = self.training.seed
            order = shuffled_indices(len(training), self.batch_size, step, seed, rank, num_ranks)
            return portraits.batch([training[index] for index in order])

        device = pick_device(self.training.device)
        network, critic = PriorNetwork(self.network), Critic(self.network.generator.widths)
        start(network, critic, sources.pretrained, folder)
        embed = self.embed(sources, device)
        examination = Examination(portraits, held_out, self.profile, embed)
        return Run(
            folder=folder,
            players=self.players(network, critic, embed, self.describe(sources, critic, device)),
            batches=batches,
            training=self.training,
            config=self,
            prepare=lambda batch, generator: damaged_portraits(batch, PROFILES[self.profile], generator),
            validate=examination.figures,
            pictures=examination.sheet,
            write_picture=lambda path, images: write_image(path, images[0]),
        )

    def embed(self, sources: Sources, device: torch.device) -> Embed | None:
        """The recogniser of equation 15."""
        if not self.objective.face_weight:
            return None
        embedder = sources.need_file("embedder", "a face recogniser for its identity loss")
        return seen_at(load_embedder(embedder, device), self.embedder_size)

    def describe(self, sources: Sources, critic: Critic, device: torch.device) -> Describe:
        """What equation 14 compares."""
        if self.features == "critic":
            return lambda images: critic.describe(2 * images - 1)
        if sources.features is None:
            raise MissingSourceError(
                "this recipe needs --features: a network such as VGG-19, of torch.export"
            )
        described = load_features(sources.features, device)
        return lambda images: [described(images)]

    def players(
        self, network: PriorNetwork, critic: Critic, embed: Embed | None, describe: Describe
    ) -> tuple[Player[Portraits], ...]:
        """The restorer, the critic with its penalty, and the critics of the parts if they have a weight."""
        critic.freeze(min(self.num_frozen, len(critic.blocks)))
        config = local_config(self.network.generator.widths.image_size)
        parts = (
            LocalCritics(replace(config, channels=self.local_channels))
            if self.objective.local_weight
            else None
        )
        objective = PriorObjective(self.objective, critic, describe, parts, embed)
        restorer = Remembering(network)
        lessons = Lessons(self, restorer, objective)
        schedule = halve_at(*self.halved_at)
        judges = torch.optim.Adam(trainable(critic), lr=self.rates.critic, betas=(0.0, 0.99))
        players = [
            Player(
                "prior",
                restorer,
                self.optimizer(network),
                lessons.restore,
                ema_decay=self.ema_decay,
                schedule=schedule,
                product="network",
            ),
            Player("critic", critic, judges, lessons.judge, schedule=schedule),
        ]
        if self.penalty_weight:
            steep, every = Steepness(critic), self.penalty_every
            players.append(
                Player("penalty", steep, judges, lessons.penalise, every, schedule=schedule, product=None)
            )
        if parts is not None:
            local = torch.optim.Adam(parts.parameters(), lr=self.rates.local_critics, betas=(0.0, 0.99))
            players.append(Player("parts", parts, local, lessons.judge_parts, schedule=schedule))
        return tuple(players)

    def optimizer(self, network: PriorNetwork) -> torch.optim.Optimizer:
        """A rate for each part; a part without one keeps still."""
        named = dict(network.generator.named_parameters())
        noise = [parameter for name, parameter in named.items() if name.endswith("noise_weight")]
        rest = [parameter for name, parameter in named.items() if not name.endswith("noise_weight")]
        if not self.rates.generator:
            for parameter in rest:
                parameter.requires_grad_(False)
        groups = (
            (self.rates.codec, list(network.codec.parameters())),
            (self.rates.noise, noise),
            (self.rates.generator, rest),
        )
        wanted = [{"params": parameters, "lr": rate} for rate, parameters in groups if rate]
        return torch.optim.Adam(wanted, betas=(0.0, 0.99))


@dataclass(frozen=True)
class Lessons:
    """What the players learn from a batch."""

    recipe: PriorRecipe
    restorer: Remembering
    """Remembers how many batches it has seen."""
    objective: PriorObjective

    def restore(self, network: nn.Module, portraits: Portraits, generator: torch.Generator) -> Losses:
        made, pyramid = network(2 * portraits.damaged - 1)
        seen = int(self.restorer.value)
        self.restorer.value.add_(1)
        return self.objective(made, pyramid, 2 * portraits.truth - 1, portraits.boxes, seen)

    def judge(self, network: nn.Module, portraits: Portraits, generator: torch.Generator) -> Losses:
        losses, _ = judge_pictures(network, self.made(portraits), 2 * portraits.truth - 1)
        return losses

    def penalise(self, network: nn.Module, portraits: Portraits, generator: torch.Generator) -> Losses:
        loss = network(2 * portraits.truth - 1)
        total = self.recipe.penalty_weight / 2 * self.recipe.penalty_every * loss
        return Losses(total=total, terms={"steepness": loss.detach()})

    def judge_parts(self, network: nn.Module, portraits: Portraits, generator: torch.Generator) -> Losses:
        return judge_all_parts(network, self.made(portraits), 2 * portraits.truth - 1, portraits.boxes)

    @torch.no_grad()
    def made(self, portraits: Portraits) -> Images:
        """By the restorer as it is now."""
        return self.restorer.network(2 * portraits.damaged - 1)[0].float()


def start(network: PriorNetwork, critic: Critic, pretrained: Path | None, folder: Path) -> None:
    """From a run of `prior-pretraining`, or a folder with generator.safetensors and critic.safetensors."""
    if pretrained is None:
        raise MissingSourceError("this recipe needs --pretrained: the folder of a run of prior-pretraining")
    for name, part in (("generator", network.generator), ("critic", critic)):
        path = pretrained / f"{name}.safetensors"
        if not path.exists():
            path = folder / f"{name}.safetensors"
            export_player(pretrained, name, path, part="network")
        fill(part, load_tensors(path), path)


def prior() -> PriorRecipe:
    """128 px: what a few cores can do."""
    return PriorRecipe()


def prior_256() -> PriorRecipe:
    """256 px, for a GPU."""
    return PriorRecipe(network=PRIOR_256)


def prior_paper() -> PriorRecipe:
    """As published: 512 px, features of a VGG."""
    return PriorRecipe(network=PRIOR_PAPER, features="network")


def prior_without_mmrb() -> PriorRecipe:
    """Table 5 a)."""
    return PriorRecipe(network=replace(PRIOR_128, mmrb="none"))


def prior_without_freezed() -> PriorRecipe:
    """Table 5 b)."""
    return PriorRecipe(num_frozen=0)


def prior_without_local_critics() -> PriorRecipe:
    """Table 5 c)."""
    return PriorRecipe(objective=PriorObjectiveConfig(local_weight=0.0))


def prior_without_tuning() -> PriorRecipe:
    """Table 5 d): the generator stays as it was, and all of the critic learns."""
    return PriorRecipe(rates=Rates(generator=0.0), num_frozen=0)


def prior_without_face_loss() -> PriorRecipe:
    """Table 5 e)."""
    return PriorRecipe(objective=PriorObjectiveConfig(face_weight=0.0))
