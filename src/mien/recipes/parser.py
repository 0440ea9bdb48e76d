"""The parser: 19 classes on aligned faces, covered, damaged and moved."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
from mien.train.config import Networks, Run, TrainConfig
from mien.train.order import generator_at
from mien.train.player import Player
from mien.train.schedule import warmup_cosine
from mien.types import Losses
from mien.zoo.load import load_reader

VALIDATION_SEED = 2029


@dataclass(frozen=True)
class ParserRecipe:
    """Everything that decides what comes out."""

    network: ParserConfig = SMALL
    objective: ParserObjective = field(default_factory=ParserObjective)
    variety: ParsingVariety = field(default_factory=ParsingVariety)
    cover: Cover = field(default_factory=lambda: Cover(shares=(0.35, 0.65, 0.0, 0.0)))
    dressed_share: float = 0.45
    """Of the faces, behind masks and hands; needs what is worn."""
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
        if wardrobe is not None and not (packed / POINTS).exists():
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
        """Intersection over union: the mean of the classes, the common ones, and what covers faces."""
        generator = generator_at(torch.device("cpu"), VALIDATION_SEED)
        clean, damaged, covered = [], [], []
        for start in range(0, len(self.held_out), 8):
            batch = self.faces.batch(self.held_out[start : start + 8])
            spoiled = PROFILES[self.recipe.profile](batch.images, generator)
            behind = dressed(batch, self.recipe.cover, 1.0, self.wardrobe, generator)
            conditions = ((batch, clean), (replace(batch, images=spoiled), damaged), (behind, covered))
            for one, counts in conditions:
                with torch.autocast(device.type, dtype=torch.bfloat16):
                    found = networks["parser"](one.images.to(device)).argmax(dim=1).cpu()
                counts.append(Overlaps.of(found, halved(one.labels), len(CLASSES)))
        seen, spoiled_seen, behind_seen = total(clean), total(damaged), total(covered)
        named = {name: float(seen.per_class[CLASSES.index(name)]) for name in ("skin", "hair", "nose")}
        means = {"mean": seen.mean, "damaged_mean": spoiled_seen.mean, "covered_mean": behind_seen.mean}
        return means | named


def open_masks(sources: Sources) -> Wardrobe | None:
    """Masks alone: what glasses are, faces that wear them tell."""
    if sources.masks is None or sources.glasses is None:
        return None
    return replace(Wardrobe.open(sources.masks, sources.glasses), mask_share=1.0, glasses_share=0.0)


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
