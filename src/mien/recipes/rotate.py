"""CFR-GAN: turns heads and takes off what is in front of faces, learned by Swap-R&R from single photos."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from mien.data.spoiling import Spoiling
from mien.data.synthesis import PackedTriples, SynthesisSettings, Triples
from mien.data.variety import drop_color, relight
from mien.data.worn import Wardrobe
from mien.geometry.rasterize_numba import rasterize_compiled
from mien.image.blend import contact_sheet
from mien.image.io import write_image
from mien.losses.identity import Embed, load_embedder
from mien.losses.perceptual import Layers, load_layers
from mien.models.rotate.network import (
    CRITIC_CHANNELS,
    NARROW_CHANNELS,
    PAPER,
    SMALL,
    RotateConfig,
    RotateCritic,
    RotateNetwork,
    without_parsing,
)
from mien.models.rotate.objective import PAPER as PAPER_OBJECTIVE
from mien.models.rotate.objective import SMALL as SMALL_OBJECTIVE
from mien.models.rotate.objective import RotateObjective, RotateObjectiveConfig, judge_faces
from mien.recipes.sources import MissingSourceError, Sources
from mien.recipes.triples import open_triples
from mien.recipes.wardrobe import open_wardrobe
from mien.train.config import Networks, Run, TrainConfig
from mien.train.order import generator_at, shuffled_indices
from mien.train.player import Player
from mien.train.schedule import warmup_cosine
from mien.types import Images, Losses, Masks
from mien.zoo.load import pick_device

VALIDATION_SEED = 2031


@dataclass(frozen=True)
class RotateRecipe:
    """Everything that decides what comes out."""

    network: RotateConfig = SMALL
    objective: RotateObjectiveConfig = SMALL_OBJECTIVE
    synthesis: SynthesisSettings = field(default_factory=lambda: SynthesisSettings(draw=rasterize_compiled))
    most_photos: int | None = None
    """Of all below the folders; None is all of them."""
    spoiling: Spoiling = field(default_factory=lambda: Spoiling(covered_share=0.4))
    brightness: float = 0.12
    contrast: float = 0.15
    gray_share: float = 0.03
    critic_channels: tuple[int, ...] = NARROW_CHANNELS
    critic_every: int = 2
    batch_size: int = 8
    learning_rate: float = 6e-4
    critic_learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.9, 0.99)
    num_warmup: int = 200
    ema_decay: float | None = 0.998
    clip_norm: float | None = 1.0
    hold_out_every: int = 40
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            num_steps=60_000, precision="bf16-mixed", validate_every=500, checkpoint_every_seconds=240.0
        )
    )

    def build(self, sources: Sources, folder: Path) -> Run[Triples]:
        """The run over all faces below the folders of photos, covered ones too."""
        if self.synthesis.mask_by == "parser" and sources.parser is None:
            raise MissingSourceError("this recipe needs --parser: weights of a face parser")
        objective = self.make_objective(sources)
        wardrobe = open_wardrobe(sources)
        pool = open_triples(sources, folder, self.synthesis, self.network.image_size, self.most_photos)
        learned, held_out = pool.split(self.hold_out_every)
        examination = Examination(pool, held_out, self)

        def batches(step: int, rank: int, num_ranks: int) -> Triples:
            order = shuffled_indices(len(learned), self.batch_size, step, self.training.seed, rank, num_ranks)
            return pool.batch([learned[index] for index in order])

        return Run(
            folder=folder,
            players=self.players(RotateNetwork(self.network), objective),
            batches=batches,
            training=self.training,
            config=self,
            prepare=lambda triples, generator: self.vary(triples, wardrobe, generator),
            validate=examination.figures,
            pictures=examination.sheet,
            write_picture=lambda path, images: write_image(path, images[0]),
        )

    def make_objective(self, sources: Sources) -> RotateObjective:
        """With the networks that its weights ask for."""
        weights, device = self.objective, pick_device(self.training.device)
        embed: Embed | None = None
        layers: Layers | None = None
        if weights.identity_weight:
            embedder = sources.need_file("embedder", "a face recogniser for its identity loss")
            embed = load_embedder(embedder, device)
        if weights.perceptual_weight:
            features = sources.need_file("features", "layers of a VGG-19 that are compared")
            layers = load_layers(features, device)
        judge = RotateCritic(self.critic_channels) if weights.adversarial_weight else None
        return RotateObjective(weights, judge, embed, layers)

    def vary(self, triples: Triples, wardrobe: Wardrobe | None, generator: torch.Generator) -> Triples:
        """Light and colour of all pictures of a triple alike, then damage of what is to be mended."""
        pictures = (triples.damaged, triples.guide, triples.estimate, triples.truth)
        row = relight(torch.cat(pictures, dim=3), self.brightness, self.contrast, generator)
        damaged, guide, estimate, truth = drop_color(row, self.gray_share, generator).chunk(4, dim=3)
        relit = replace(triples, damaged=damaged, guide=guide, estimate=estimate, truth=truth)
        return self.spoiling(relit, wardrobe, generator)

    def players(self, network: RotateNetwork, objective: RotateObjective) -> tuple[Player[Triples], ...]:
        """The generator, and its critic if it has a weight."""
        players = [self.generator(network, objective)]
        if isinstance(objective.judge, RotateCritic):
            players.append(self.critic(objective.judge, network))
        return tuple(players)

    def generator(self, network: RotateNetwork, objective: RotateObjective) -> Player[Triples]:
        """Whose weights are wanted."""

        def learn(maker: nn.Module, triples: Triples, generator: torch.Generator) -> Losses:
            made, logits = make_faces(maker, triples)
            return objective(made, logits, triples.truth, triples.mask)

        return Player(
            name="rotate",
            network=network,
            optimizer=torch.optim.AdamW(network.parameters(), lr=self.learning_rate, betas=self.betas),
            objective=learn,
            ema_decay=self.ema_decay,
            schedule=warmup_cosine(self.num_warmup, self.training.num_steps, floor=0.01),
            clip_norm=self.clip_norm,
        )

    def critic(self, critic: RotateCritic, maker: RotateNetwork) -> Player[Triples]:
        """Learns what the generator gets wrong, as it is now; in float32, for it is differentiated twice."""

        def learn(judge: nn.Module, triples: Triples, generator: torch.Generator) -> Losses:
            with torch.no_grad():
                made, _ = make_faces(maker, triples)
            with torch.autocast(triples.truth.device.type, enabled=False):
                parts = (judge, critic, made.float(), triples.truth)
                return judge_faces(*parts, self.objective.penalty, generator)

        optimizer = torch.optim.AdamW(critic.parameters(), lr=self.critic_learning_rate, betas=(0.5, 0.99))
        return Player(
            name="critic", network=critic, optimizer=optimizer, objective=learn, every=self.critic_every
        )


def make_faces(network: nn.Module, triples: Triples) -> tuple[Images, Masks]:
    """What the generator makes of damaged pictures and guides, in [0, 1], and the mask's logits."""
    made, logits = network(2 * triples.damaged - 1, 2 * triples.guide - 1)
    return (made + 1) / 2, logits


@dataclass(frozen=True)
class Examination:
    """Held-out faces: as they were made, with something in front of them, and that in their own pose."""

    pool: PackedTriples
    held_out: list[int]
    recipe: RotateRecipe
    num_shown: int = 6

    @torch.no_grad()
    def figures(self, networks: Networks, device: torch.device) -> Mapping[str, float]:
        """Decibels inside the mask, and how much of true and predicted mask agree."""
        plain = replace(self.recipe.spoiling, shrunk_share=0.0, erased_share=0.0, misaligned_share=0.0)
        kinds = {
            "": replace(plain, covered_share=0.0, plain_share=0.0),
            "covered_": replace(plain, covered_share=1.0, plain_share=0.0),
            "in_place_": replace(plain, covered_share=1.0, plain_share=1.0),
        }
        figures: dict[str, float] = {}
        for name, spoiling in kinds.items():
            errors, shared, either = [], 0.0, 0.0
            for triples in self.batches(spoiling):
                made, logits = self.make(networks["rotate"], triples, device)
                mask, found = triples.mask > 0.5, logits > 0
                squared = ((made - triples.truth).square() * mask).sum((1, 2, 3))
                errors.append(squared / (3 * mask.sum((1, 2, 3))).clamp(min=1))
                shared += float((mask & found).sum())
                either += float((mask | found).sum())
            mean_error = torch.cat(errors).clamp(min=1e-10)
            figures[f"{name}psnr_mask"] = float((-10 * mean_error.log10()).mean())
            figures[f"{name}iou"] = shared / max(either, 1.0)
        return figures

    def batches(self, spoiling: Spoiling) -> list[Triples]:
        generator = generator_at(torch.device("cpu"), VALIDATION_SEED)
        parts = [self.held_out[start : start + 8] for start in range(0, len(self.held_out), 8)]
        return [spoiling(self.pool.batch(part), None, generator) for part in parts]

    @torch.no_grad()
    def sheet(self, networks: Networks, device: torch.device) -> Images:
        """In each row: damaged, guide, made, mask found, truth."""
        spoiling = replace(self.recipe.spoiling, covered_share=0.5)
        generator = generator_at(torch.device("cpu"), VALIDATION_SEED)
        triples = spoiling(self.pool.batch(self.held_out[: self.num_shown]), None, generator)
        made, logits = self.make(networks["rotate"], triples, device)
        masks = torch.sigmoid(logits).expand(-1, 3, -1, -1)
        columns = (triples.damaged, triples.guide, made, masks, triples.truth)
        tiles = [picture for row in zip(*columns, strict=True) for picture in row]
        return contact_sheet(tiles, columns=len(columns))[None]

    def make(self, network: nn.Module, triples: Triples, device: torch.device) -> tuple[Images, Masks]:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            made, logits = network((2 * triples.damaged - 1).to(device), (2 * triples.guide - 1).to(device))
        return ((made.float().cpu() + 1) / 2).clamp(0, 1), logits.float().cpu()


def rotate() -> RotateRecipe:
    """CFR-GAN at 256 px; the weights in the package are of `rotate_by_parser`."""
    return RotateRecipe()


def rotate_paper() -> RotateRecipe:
    """CFR-GAN as published: 224 px, on black, with a VGG-19; what the paper leaves open as in its code."""
    return RotateRecipe(
        network=PAPER,
        objective=PAPER_OBJECTIVE,
        synthesis=SynthesisSettings(around="black", draw=rasterize_compiled),
        spoiling=Spoiling(),
        brightness=0.0,
        contrast=0.0,
        gray_share=0.0,
        critic_channels=CRITIC_CHANNELS,
        critic_every=1,
        batch_size=32,
        learning_rate=2e-4,
        betas=(0.5, 0.99),
        ema_decay=None,
        clip_norm=None,
    )


def rotate_without_swap() -> RotateRecipe:
    """w/o swap (Fig. 9): what is in front of a face stays in the damaged picture."""
    recipe = rotate()
    return replace(recipe, synthesis=replace(recipe.synthesis, swaps=False))


def rotate_without_parsing() -> RotateRecipe:
    """w/o O path (Fig. 9): no mask, so that reconstruction is asked of the whole picture."""
    recipe = rotate()
    weights = recipe.objective
    everywhere = replace(
        weights,
        mask_weight=0.0,
        reconstruction_weight=0.0,
        whole_weight=weights.whole_weight + weights.reconstruction_weight,
    )
    return replace(recipe, network=without_parsing(recipe.network), objective=everywhere)


def rotate_without_identity() -> RotateRecipe:
    """w/o L_id (Table 2)."""
    recipe = rotate()
    return replace(recipe, objective=replace(recipe.objective, identity_weight=0.0))


def rotate_by_parser() -> RotateRecipe:
    """w/o diff (Fig. 9): the mask is what a parser knows."""
    recipe = rotate()
    return replace(recipe, synthesis=replace(recipe.synthesis, mask_by="parser"))


def rotate_in_place() -> RotateRecipe:
    """Goes on in the folder of `rotate_by_parser`, whose steps count as its own, for another third of them:
    half of the faces are in their own pose."""
    recipe = rotate_by_parser()
    training = replace(recipe.training, num_steps=recipe.training.num_steps * 4 // 3)
    spoiling = replace(recipe.spoiling, covered_share=0.6, plain_share=0.5)
    return replace(recipe, spoiling=spoiling, training=training)


def rotate_and_render() -> RotateRecipe:
    """The parent method: without swap and O path, and without covers put on."""
    recipe = rotate_without_parsing()
    plain = replace(recipe.spoiling, covered_share=0.0)
    return replace(recipe, synthesis=replace(recipe.synthesis, swaps=False), spoiling=plain)
