"""FFN-S: the separate training of the frontalization net with its two critics (MDFR, section 3.4)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mien.data.turned import PackedTurned, Turned, TurningPlan, mirrored, shrunk
from mien.data.variety import drop_color, relight
from mien.image.blend import contact_sheet
from mien.image.io import write_image
from mien.losses.identity import Embed, load_embedder
from mien.metrics.psnr import psnr
from mien.models.frontal.network import (
    NARROW,
    PAPER,
    SMALL,
    VGG11,
    Critic,
    FrontalConfig,
    FrontalNetwork,
    identity_critic,
    pose_critic,
)
from mien.models.frontal.objective import (
    PAPER_LITERAL,
    FrontalObjective,
    FrontalObjectiveConfig,
    judge_views,
)
from mien.recipes.sources import Sources
from mien.recipes.vgg import read_vgg11, start_from_vgg11
from mien.recipes.views import by_yaw, need_multiple, open_turned, pose_maps
from mien.train.config import Networks, Run, TrainConfig
from mien.train.muon import OptimizerName, make_optimizer
from mien.train.order import shuffled_indices
from mien.train.player import Player
from mien.train.schedule import warmup_cosine
from mien.types import Images, Losses
from mien.zoo.load import pick_device

Condition = Callable[[Turned], Tensor]
"""What a critic is told of a batch: the heatmaps wanted, or who it shows."""

NUM_EMBEDDED = 128
"""Length of the embedder's vectors, which the ICD is conditioned on."""


@dataclass(frozen=True)
class FrontalRecipe:
    """Everything that decides what comes out."""

    network: FrontalConfig = SMALL
    objective: FrontalObjectiveConfig = field(default_factory=FrontalObjectiveConfig)
    critic_channels: tuple[int, ...] = NARROW
    plan: TurningPlan = field(default_factory=TurningPlan)
    sigma: float = 2.0
    """Of the heatmaps' spots, in pixels of a picture of 128."""
    brightness: float = 0.15
    contrast: float = 0.15
    gray_share: float = 0.03
    batch_size: int = 16
    optimizer: OptimizerName = "muon"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    critic_learning_rate: float = 1e-4
    critic_size: int = 128
    """The critics see pictures of this side, whatever the network's is: the paper's."""
    critic_every: int = 2
    num_warmup: int = 200
    ema_decay: float = 0.999
    clip_norm: float = 1.0
    hold_out_every: int = 50
    packed_size: int = 256
    """Side that views are made at, a multiple of the network's, to which they are then shrunk."""
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            num_steps=200_000, precision="bf16-mixed", validate_every=500, checkpoint_every_seconds=240.0
        )
    )

    def __post_init__(self) -> None:
        need_multiple(self.packed_size, self.network.shared.image_size)

    def build(self, sources: Sources, folder: Path) -> Run[Turned]:
        """The run over views of all near-frontal faces below the folders of photos."""
        pool = open_turned(sources, folder, self.plan, self.packed_size)
        chosen, held_out = pool.split(self.hold_out_every)
        embedder = sources.need_file("embedder", "a face recogniser for its identity loss")
        embed = load_embedder(embedder, pick_device(self.training.device))

        def batches(step: int, rank: int, num_ranks: int) -> Turned:
            order = shuffled_indices(len(chosen), self.batch_size, step, self.training.seed, rank, num_ranks)
            return self.examples(pool, [chosen[index] for index in order])

        examination = Examination(
            lambda indices: self.examples(pool, indices), pool.yaws, held_out, self.turn, embed
        )
        return Run(
            folder=folder,
            players=self.players(FrontalNetwork(self.network), embed, sources.vgg11),
            batches=batches,
            training=self.training,
            config=self,
            prepare=self.vary,
            validate=examination.figures,
            pictures=examination.sheet,
            write_picture=lambda path, images: write_image(path, images[0]),
        )

    def examples(self, pool: PackedTurned, indices: list[int]) -> Turned:
        """Of the network's size."""
        return shrunk(pool.batch(indices), self.packed_size // self.network.shared.image_size)

    def heatmaps(
        self, points: Float[Tensor, "batch 18 2"], side: int
    ) -> Float[Tensor, "batch 18 {side} {side}"]:
        """L of key points, as pictures of that side."""
        return pose_maps(points, self.network.shared.image_size, side, self.sigma)

    def vary(self, turned: Turned, generator: torch.Generator) -> Turned:
        """Mirror half of the faces, and relight both pictures of each alike."""
        turned = mirrored(turned, generator)
        both = torch.cat((turned.views, turned.truths), dim=3)  # (B, 3, S, 2 S)
        both = relight(both, self.brightness, self.contrast, generator)
        views, truths = drop_color(both, self.gray_share, generator).chunk(2, dim=3)
        return replace(turned, views=views, truths=truths)

    def turn(self, network: nn.Module, turned: Turned) -> Images:
        """What FFN makes of the views, in [0, 1]."""
        side = self.network.map_size
        poses = self.heatmaps(turned.given, side), self.heatmaps(turned.wanted, side)
        made = network(2 * turned.views - 1, *poses)
        return (made + 1) / 2

    def players(
        self, network: FrontalNetwork, embed: Embed, vgg11: Path | None
    ) -> tuple[Player[Turned], ...]:
        """FFN, and those of its critics that have a weight."""
        weights, num_points = self.objective, self.network.num_points
        pose = pose_critic(self.critic_channels, num_points) if weights.pose_weight else None
        person = identity_critic(self.critic_channels, NUM_EMBEDDED) if weights.person_weight else None
        if vgg11 is not None:
            tensors = read_vgg11(vgg11)
            for critic in (pose, person):
                if critic is not None:
                    start_from_vgg11(critic, tensors)
        objective = FrontalObjective(self.objective, embed, pose, person, self.critic_size)
        players = [self.frontalizer(network, objective)]
        if pose is not None:
            players.append(
                self.critic(
                    "pose_critic",
                    pose,
                    network,
                    lambda turned: self.heatmaps(turned.wanted, self.critic_size),
                )
            )
        if person is not None:
            players.append(self.critic("person_critic", person, network, lambda turned: embed(turned.truths)))
        return tuple(players)

    def frontalizer(self, network: FrontalNetwork, objective: FrontalObjective) -> Player[Turned]:
        """Whose weights are wanted."""

        def learn(frontalizer: nn.Module, turned: Turned, generator: torch.Generator) -> Losses:
            made = self.turn(frontalizer, turned)
            return objective(made, turned.truths, self.heatmaps(turned.wanted, self.critic_size))

        return Player(
            name="ffn",
            network=network,
            optimizer=make_optimizer(self.optimizer, network, self.learning_rate, self.weight_decay),
            objective=learn,
            ema_decay=self.ema_decay,
            schedule=warmup_cosine(self.num_warmup, self.training.num_steps, floor=0.01),
            clip_norm=self.clip_norm,
        )

    def critic(
        self, name: str, critic: Critic, frontalizer: FrontalNetwork, condition: Condition
    ) -> Player[Turned]:
        """Learns what the frontalizer gets wrong, as it is now."""

        def learn(judge: nn.Module, turned: Turned, generator: torch.Generator) -> Losses:
            with torch.no_grad():
                made = self.turn(frontalizer, turned).float()
            return judge_views(judge, made, turned.truths, condition(turned), self.critic_size)

        optimizer = torch.optim.AdamW(critic.parameters(), lr=self.critic_learning_rate, betas=(0.5, 0.99))
        return Player(
            name=name, network=critic, optimizer=optimizer, objective=learn, every=self.critic_every
        )


@dataclass(frozen=True)
class Examination:
    """Held-out faces turned back, by how far they were turned."""

    examples: Callable[[list[int]], Turned]
    yaws: np.ndarray
    """Of all views, in degrees."""
    held_out: list[int]
    turn: Callable[[nn.Module, Turned], Images]
    embed: Embed
    num_shown: int = 8
    """Faces on the sheet."""

    def batches(self, size: int = 16) -> list[list[int]]:
        return [self.held_out[start : start + size] for start in range(0, len(self.held_out), size)]

    @torch.no_grad()
    def figures(self, networks: Networks, device: torch.device) -> Mapping[str, float]:
        """PSNR and identity cosine to the truth, for each bin of yaw."""
        rows = []
        for some in self.batches():
            turned = moved(self.examples(some), device)
            made = self.made(networks["ffn"], turned)
            alike = F.cosine_similarity(self.embed(made), self.embed(turned.truths))
            yaws = torch.from_numpy(self.yaws[some]).abs()
            rows.append(torch.stack((yaws, psnr(made, turned.truths).cpu(), alike.cpu()), 1))
        yaws, decibels, cosines = torch.cat(rows).unbind(1)
        return by_yaw("psnr", yaws, decibels) | by_yaw("cosine", yaws, cosines)

    @torch.no_grad()
    def sheet(self, networks: Networks, device: torch.device) -> Images:
        """Rows of view, result, truth."""
        every = max(1, len(self.held_out) // self.num_shown)
        turned = moved(self.examples(self.held_out[::every][: self.num_shown]), device)
        columns = (turned.views, self.made(networks["ffn"], turned), turned.truths)
        tiles = [picture.cpu() for row in zip(*columns, strict=True) for picture in row]
        return contact_sheet(tiles, columns=6)[None]

    def made(self, network: nn.Module, turned: Turned) -> Images:
        with torch.autocast(turned.views.device.type, dtype=torch.bfloat16):
            return self.turn(network, turned).float().clamp(0, 1)


def moved(turned: Turned, device: torch.device) -> Turned:
    """The same on another device."""
    parts = {part.name: getattr(turned, part.name).to(device) for part in fields(Turned)}
    return Turned(**parts)


def frontal() -> FrontalRecipe:
    """FFN-S: turns faces, 128 px."""
    return FrontalRecipe()


def frontal_paper() -> FrontalRecipe:
    """FFN-S as published: 128 px, equation 11 with its literal weights, critics as wide as VGG-11."""
    return FrontalRecipe(
        network=PAPER,
        objective=PAPER_LITERAL,
        critic_channels=VGG11,
        critic_every=1,
        batch_size=8,
        optimizer="adam",
        learning_rate=1e-4,
        critic_learning_rate=1e-3,
        packed_size=128,
    )


def frontal_without_pose() -> FrontalRecipe:
    """w/o PNM: no heatmaps in FFN's encoder nor in a critic (Table I)."""
    recipe = frontal()
    return replace(
        recipe,
        network=replace(recipe.network, pose="none"),
        objective=replace(recipe.objective, pose_weight=0.0),
    )


def frontal_without_pose_critic() -> FrontalRecipe:
    """w/o L_pcd (Table I)."""
    recipe = frontal()
    return replace(recipe, objective=replace(recipe.objective, pose_weight=0.0))


def frontal_without_person_critic() -> FrontalRecipe:
    """w/o L_icd (Table I)."""
    recipe = frontal()
    return replace(recipe, objective=replace(recipe.objective, person_weight=0.0))


def frontal_concatenated() -> FrontalRecipe:
    """FFN-S-PC: poses side by side instead of their difference (Fig. 4)."""
    recipe = frontal()
    return replace(recipe, network=replace(recipe.network, pose="concatenated"))
