"""The parser: 19 classes on aligned faces, covered, damaged and moved."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mien.data.cover import Cover
from mien.data.parsing import (
    PIXELS,
    POINTS,
    PackedParsed,
    Parsed,
    ParsingVariety,
    dressed,
    halved,
    pack_parsed,
)
from mien.data.photos import PackedPhotos
from mien.data.worn import Wardrobe
from mien.degrade.chain import PROFILES
from mien.metrics.overlap import Overlaps
from mien.models.parser.network import CLASSES, MIRRORED, SMALL, ParserConfig, ParserNetwork
from mien.models.parser.objective import ParserObjective
from mien.recipes.sources import Sources
from mien.recipes.views import read_landmarks
from mien.recipes.wardrobe import open_wardrobe
from mien.train.config import Networks, Run, TrainConfig
from mien.train.order import generator_at
from mien.train.player import Player
from mien.train.schedule import warmup_cosine
from mien.types import Losses
from mien.zoo.load import load_reader

VALIDATION_SEED = 2029
Change = Callable[[Parsed, torch.Generator], Parsed]
"""What is done to faces before they are parsed."""


@dataclass(frozen=True)
class ParserRecipe:
    """Everything that decides what comes out."""

    network: ParserConfig = SMALL
    objective: ParserObjective = field(default_factory=ParserObjective)
    variety: ParsingVariety = field(default_factory=ParsingVariety)
    cover: Cover = field(default_factory=lambda: Cover(shares=(0.35, 0.65, 0.0, 0.0)))
    dressed_share: float = 0.45
    """Of the faces, behind hands, and behind masks where there are some to wear."""
    profile: str = "gfrnet"
    most_often: float = 5.0
    """How many times as often a face with a rare class, such as glasses, is seen at most."""
    batch_size: int = 8
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    num_warmup: int = 100
    ema_decay: float = 0.998
    clip_norm: float = 5.0
    hold_out_every: int = 12
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            num_steps=8_000, precision="bf16-mixed", validate_every=500, checkpoint_every_seconds=240.0
        )
    )

    def build(self, sources: Sources, folder: Path) -> Run[Parsed]:
        """The run over all photos that have a map of classes of their own name."""
        packed = folder / "parsed"
        if not (packed / PIXELS).exists():
            photos = sources.need("photos", "folders of aligned faces")
            maps = sources.need("maps", "folders of their maps of classes")
            pack_parsed(photos, maps, self.network.image_size, packed)
        wardrobe = open_masks(sources)
        if not (packed / POINTS).exists():
            landmarks = read_landmarks(PackedPhotos.open(packed / PIXELS), load_reader("cpu"))
            np.save(packed / POINTS, landmarks.numpy())
        faces = PackedParsed.open(packed)
        held_out = list(range(self.hold_out_every - 1, len(faces), self.hold_out_every))
        chosen = sorted(set(range(len(faces))) - set(held_out))
        weights = rarity(faces.classes(chosen, len(CLASSES)), self.most_often)

        def batches(step: int, rank: int, num_ranks: int) -> Parsed:
            chance = generator_at(torch.device("cpu"), self.training.seed, step, rank)
            drawn = torch.multinomial(weights, self.batch_size, replacement=True, generator=chance)
            return faces.batch([chosen[index] for index in drawn.tolist()])

        return Run(
            folder=folder,
            players=(self.player(ParserNetwork(self.network)),),
            batches=batches,
            training=self.training,
            config=self,
            prepare=lambda parsed, generator: self.vary(parsed, wardrobe, generator),
            validate=Examination(faces, held_out, self, wardrobe).figures,
        )

    def vary(self, parsed: Parsed, wardrobe: Wardrobe | None, generator: torch.Generator) -> Parsed:
        """Other faces of the same people; their labels at half the side."""
        parsed = dressed(parsed, self.cover, self.dressed_share, wardrobe, generator)
        varied = self.variety(parsed, MIRRORED, PROFILES[self.profile], generator)
        return Parsed(varied.images, halved(varied.labels))

    def player(self, network: ParserNetwork) -> Player[Parsed]:
        """The one player."""

        def learn(parser: nn.Module, parsed: Parsed, generator: torch.Generator) -> Losses:
            return self.objective(parser, parsed.images, parsed.labels)

        return Player(
            name="parser",
            network=network,
            optimizer=torch.optim.AdamW(
                network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay
            ),
            objective=learn,
            ema_decay=self.ema_decay,
            schedule=warmup_cosine(self.num_warmup, self.training.num_steps, floor=0.01),
            clip_norm=self.clip_norm,
        )


@dataclass(frozen=True)
class Examination:
    """Held-out faces, as they are, and damaged and covered the same way each time."""

    faces: PackedParsed
    held_out: list[int]
    recipe: ParserRecipe
    wardrobe: Wardrobe | None

    @torch.no_grad()
    def figures(self, networks: Networks, device: torch.device) -> Mapping[str, float]:
        """Intersection over union: the mean of the classes, the common ones, and of covered faces.

        Of those only the faces count whose landmarks are known, for no others can be covered.
        """
        profile, judge = PROFILES[self.recipe.profile], partial(self.overlaps, networks["parser"], device)
        clean = judge(self.held_out, lambda batch, generator: batch)
        damaged = judge(
            self.held_out,
            lambda batch, generator: replace(batch, images=profile(batch.images, generator)),
        )
        named = {name: float(clean.per_class[CLASSES.index(name)]) for name in ("skin", "hair", "nose")}
        figures = {"mean": clean.mean, "damaged_mean": damaged.mean} | named
        known = self.faces.known(self.held_out)
        if known:
            covered = judge(
                known,
                lambda batch, generator: dressed(batch, self.recipe.cover, 1.0, self.wardrobe, generator),
            )
            figures["covered_mean"] = covered.mean
        return figures

    def overlaps(
        self, network: nn.Module, device: torch.device, faces: list[int], change: Change
    ) -> Overlaps:
        """Over faces changed in one way, by a chance of its own: what the others draw does not matter."""
        generator, parts = generator_at(torch.device("cpu"), VALIDATION_SEED), []
        for start in range(0, len(faces), 8):
            batch = change(self.faces.batch(faces[start : start + 8]), generator)
            with torch.autocast(device.type, dtype=torch.bfloat16):
                found = network(batch.images.to(device)).argmax(dim=1).cpu()
            parts.append(Overlaps.of(found, halved(batch.labels), len(CLASSES)))
        return total(parts)


def open_masks(sources: Sources) -> Wardrobe | None:
    """Masks alone: what glasses are, faces that wear them tell."""
    wardrobe = open_wardrobe(sources)
    return None if wardrobe is None else replace(wardrobe, mask_share=1.0, glasses_share=0.0)


def rarity(shown: Bool[Tensor, "faces classes"], most: float) -> Float[Tensor, " faces"]:
    """How often each face is to be seen: by the root of how rare its rarest class is."""
    share = shown.float().mean(0).clamp(min=1e-6)
    times = torch.where(shown, share.rsqrt(), 0.0).amax(1)
    return times.clamp(1.0, most)


def total(parts: list[Overlaps]) -> Overlaps:
    """All counts together."""
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole


def parser() -> ParserRecipe:
    """The weights in the package."""
    return ParserRecipe()
