"""FRN-S: the separate training of the restoration net (MDFR, section 3.4)."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from mien.data.pairs import Pairs, damaged_pairs, stored_pairs
from mien.data.photos import PackedPhotos, pack_photos
from mien.data.variety import Variety
from mien.degrade.chain import PROFILES
from mien.losses.identity import Embed, load_embedder
from mien.metrics.psnr import psnr
from mien.models.restore.network import PAPER, SMALL, PatchCritic, RestoreConfig, RestoreNetwork
from mien.models.restore.objective import (
    PAPER_LITERAL,
    RestoreObjective,
    RestoreObjectiveConfig,
    judge_pictures,
)
from mien.recipes.sources import Sources
from mien.train.config import Networks, Run, TrainConfig
from mien.train.muon import OptimizerName, make_optimizer
from mien.train.order import generator_at, shuffled_indices
from mien.train.player import Player
from mien.train.schedule import warmup_cosine
from mien.types import Images, Losses
from mien.zoo.cards import RESTORE
from mien.zoo.files import checked
from mien.zoo.load import pick_device
from mien.zoo.weights import fill, load_tensors

VALIDATION_SEED = 2026


@dataclass(frozen=True)
class RestoreRecipe:
    """Everything that decides what comes out."""

    network: RestoreConfig = SMALL
    objective: RestoreObjectiveConfig = field(default_factory=RestoreObjectiveConfig)
    profiles: tuple[str, ...] = ("gfrnet",)
    """Each damages an equal part of every batch; the first is what is judged by."""
    variety: Variety = field(default_factory=Variety)
    batch_size: int = 8
    optimizer: OptimizerName = "adam"
    learning_rate: float = 5e-4
    weight_decay: float = 1e-4
    num_warmup: int = 200
    ema_decay: float = 0.999
    clip_norm: float = 1.0
    num_validation: int = 64
    critic_learning_rate: float = 1e-4
    start_from_package: bool = False
    """Go on from the weights of `--pretrained`, or else in the package, instead of from nothing."""
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            num_steps=200_000, precision="bf16-mixed", validate_every=500, checkpoint_every_seconds=240.0
        )
    )

    def __post_init__(self) -> None:
        if self.batch_size % len(self.profiles):
            raise ValueError(
                f"batch_size {self.batch_size} is not a multiple of the {len(self.profiles)} profiles"
            )

    def build(self, sources: Sources, folder: Path) -> Run[Pairs]:
        """The run over all pictures below the folders of photos."""
        packed = folder / "photos.npy"
        size = self.network.image_size
        if not packed.exists():
            pack_photos(sources.need("photos", "folders of aligned faces"), size, packed, smallest=size)
        everything = PackedPhotos.open(packed)
        training, held_out = everything.split(every=max(2, len(everything) // self.num_validation))
        profiles = tuple(PROFILES[name] for name in self.profiles)
        network = RestoreNetwork(self.network)
        if self.start_from_package:
            start = sources.pretrained or checked(RESTORE.weights, RESTORE.sha256)
            fill(network, load_tensors(start), start)
        embed = self.embed(sources)

        def batches(step: int, rank: int, num_ranks: int) -> Pairs:
            seed = self.training.seed
            return stored_pairs(
                training, shuffled_indices(len(training), self.batch_size, step, seed, rank, num_ranks)
            )

        examination = Examination(held_out, self.profiles[0])
        return Run(
            folder=folder,
            players=self.players(network, embed),
            batches=batches,
            training=self.training,
            config=self,
            prepare=lambda pairs, generator: damaged_pairs(pairs, self.variety, profiles, generator),
            validate=examination.figures,
        )

    def embed(self, sources: Sources) -> Embed | None:
        """The recogniser, where it has a weight."""
        if not self.objective.identity_weight:
            return None
        embedder = sources.need_file("embedder", "a face recogniser for its identity loss")
        return load_embedder(embedder, pick_device(self.training.device))

    def players(self, network: RestoreNetwork, embed: Embed | None) -> tuple[Player[Pairs], ...]:
        """The restorer, and a critic where it has a say."""
        if not self.objective.adversarial_weight:
            return (self.restorer(network, RestoreObjective(self.objective, embed)),)
        critic = PatchCritic()
        return (
            self.restorer(network, RestoreObjective(self.objective, embed, critic)),
            self.critic(critic, network),
        )

    def critic(self, critic: PatchCritic, restorer: RestoreNetwork) -> Player[Pairs]:
        """Learns what the restorer gets wrong, as it is now."""

        def learn(judge: nn.Module, pairs: Pairs, generator: torch.Generator) -> Losses:
            with torch.no_grad():
                restored = (restorer(2 * pairs.damaged - 1).float() + 1) / 2
            return judge_pictures(judge, pairs.damaged, restored, pairs.truth)

        optimizer = torch.optim.AdamW(critic.parameters(), lr=self.critic_learning_rate, betas=(0.5, 0.99))
        return Player(name="critic", network=critic, optimizer=optimizer, objective=learn)

    def restorer(self, network: RestoreNetwork, objective: RestoreObjective) -> Player[Pairs]:
        """Whose weights are wanted."""

        def learn(restorer: nn.Module, pairs: Pairs, generator: torch.Generator) -> Losses:
            restored = (restorer(2 * pairs.damaged - 1) + 1) / 2
            return objective(pairs.damaged, restored, pairs.truth)

        return Player(
            name="restore",
            network=network,
            optimizer=make_optimizer(self.optimizer, network, self.learning_rate, self.weight_decay),
            objective=learn,
            ema_decay=self.ema_decay,
            schedule=warmup_cosine(self.num_warmup, self.training.num_steps, floor=0.01),
            clip_norm=self.clip_norm,
        )


@dataclass(frozen=True)
class Examination:
    """PSNR over the damaged input, on held-out pictures with the same damage each time."""

    photos: PackedPhotos
    profile: str

    def pairs(self) -> tuple[Images, Images]:
        truth = stored_pairs(self.photos, list(range(len(self.photos)))).truth
        generator = generator_at(torch.device("cpu"), VALIDATION_SEED)
        return PROFILES[self.profile](truth, generator), truth

    def figures(self, networks: Networks, device: torch.device) -> dict[str, float]:
        """Decibels: of the result, and gained over the input."""
        damaged, truth = self.pairs()
        results = []
        with torch.autocast(device.type, dtype=torch.bfloat16):
            for batch in damaged.split(16):
                inputs = (2 * batch - 1).to(device, memory_format=torch.channels_last)
                results.append(networks["restore"](inputs).float().cpu())
        restored = ((torch.cat(results) + 1) / 2).clamp(0, 1)
        after, before = psnr(restored, truth).mean(), psnr(damaged, truth).mean()
        return {"psnr": float(after), "psnr_gain": float(after - before)}


def restore() -> RestoreRecipe:
    """256 px, GFRNet's damage: what the weights in the package began as, before `restore_wide`."""
    return RestoreRecipe()


def restore_wide() -> RestoreRecipe:
    """From trained weights on, where a part of the damage is grain, heavy noise and motion.

    The weights in the package are its result, from those of `restore`: to repeat it, name these.
    """
    profiles = ("gfrnet",) * 5 + ("mmrb", "grain", "grain")
    return replace(
        restore(), profiles=profiles, optimizer="muon", learning_rate=4e-4, start_from_package=True
    )


def restore_identity() -> RestoreRecipe:
    """`restore` with the identity term of equation 8; needs an embedder."""
    return replace(restore(), objective=RestoreObjectiveConfig(identity_weight=0.1))


def restore_mmrb() -> RestoreRecipe:
    """`restore` with MMRB-GAN's blocks in its encoder."""
    return replace(restore(), network=replace(SMALL, mmrb=True))


def restore_sharp() -> RestoreRecipe:
    """The later phase: from trained weights on, with a critic that asks for detail."""
    objective = RestoreObjectiveConfig(pixel="charbonnier", pixel_weight=10.0, adversarial_weight=0.05)
    return replace(restore(), objective=objective, learning_rate=1e-4, start_from_package=True)


def restore_paper() -> RestoreRecipe:
    """FRN as published: 128 px, MDFR's damage, equation 8 with its literal weights."""
    return RestoreRecipe(
        network=PAPER,
        objective=PAPER_LITERAL,
        profiles=("mdfr",),
        learning_rate=1e-4,
        weight_decay=0.0,
    )
