"""The face detector, trained on canvases of photos whose faces `tools/label_faces.py` has labelled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

from mien.data.facepool import FacePool, pack_faces
from mien.data.mosaics import MosaicConfig, draw
from mien.data.photos import pack_photos
from mien.data.scenes import Scenes, compose_scenes
from mien.data.wear import Wear
from mien.models.detector.network import SMALL, Cells, DetectorConfig, DetectorNetwork
from mien.models.detector.objective import FACE, DetectorObjective, Lesson, pairwise_iou
from mien.recipes.sources import Sources
from mien.recipes.wardrobe import open_wardrobe
from mien.train.config import Networks, Run, TrainConfig
from mien.train.order import generator_at
from mien.train.player import Player
from mien.train.schedule import warmup_cosine
from mien.types import Losses

BACKGROUND_SIZE = 256
VALIDATION_SEED = 2026


@dataclass(frozen=True)
class DetectorRecipe:
    """Everything that decides what comes out."""

    network: DetectorConfig = SMALL
    objective: DetectorObjective = field(default_factory=DetectorObjective)
    mosaics: MosaicConfig = field(default_factory=MosaicConfig)
    wear: Wear = field(default_factory=Wear)
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    num_warmup: int = 300
    ema_decay: float = 0.999
    clip_norm: float = 5.0
    hold_out_every: int = 40
    num_validation: int = 4
    """Batches."""
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            num_steps=12_000, precision="bf16-mixed", validate_every=500, checkpoint_every_seconds=240.0
        )
    )

    def build(self, sources: Sources, folder: Path) -> Run[Scenes]:
        """The run over the photos named in label files, and over pictures without faces."""
        pool, backgrounds = open_pool(sources, folder), open_backgrounds(sources, folder)
        chosen, held_out = pool.split(self.hold_out_every)

        def compose(photos: Int[Tensor, " photos"], chance: torch.Generator) -> Scenes:
            draft = draw(pool, photos, backgrounds, self.mosaics, chance)
            return compose_scenes(draft, self.mosaics.covered_share, chance)

        def batches(step: int, rank: int, num_ranks: int) -> Scenes:
            return compose(chosen, generator_at(torch.device("cpu"), self.training.seed, step, rank))

        def validate(networks: Networks, device: torch.device) -> Mapping[str, float]:
            chance = generator_at(torch.device("cpu"), VALIDATION_SEED)
            scenes = [self.wear(compose(held_out, chance), chance) for _ in range(self.num_validation)]
            return examine(networks["detector"], scenes, device)

        return Run(
            folder=folder,
            players=(self.player(DetectorNetwork(self.network)),),
            batches=batches,
            training=self.training,
            config=self,
            prepare=self.wear,
            validate=validate,
        )

    def player(self, network: DetectorNetwork) -> Player[Scenes]:
        """The one player."""

        def learn(detector: nn.Module, scenes: Scenes, generator: torch.Generator) -> Losses:
            return self.objective(detector, lesson_of(scenes), generator)

        return Player(
            name="detector",
            network=network,
            optimizer=torch.optim.AdamW(
                network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay
            ),
            objective=learn,
            ema_decay=self.ema_decay,
            schedule=warmup_cosine(self.num_warmup, self.training.num_steps, floor=0.01),
            clip_norm=self.clip_norm,
        )


def open_pool(sources: Sources, folder: Path) -> FacePool:
    """The packed photos of a run folder, packed first if they are not there."""
    pool = folder / "pool"
    if not (pool / "labels.npz").exists():
        labels = sources.need("labels", "files of tools/label_faces.py")
        pack_faces(labels, pool, open_wardrobe(sources))
    return FacePool.open(pool)


def open_backgrounds(sources: Sources, folder: Path) -> np.ndarray:
    """The same of pictures without faces."""
    packed = folder / "backgrounds.npy"
    if not packed.exists():
        faceless = sources.need("backgrounds", "folders of pictures without faces")
        pack_photos(faceless, BACKGROUND_SIZE, packed, smallest=BACKGROUND_SIZE // 2)
    return np.load(packed, mmap_mode="r")


def lesson_of(scenes: Scenes) -> Lesson:
    return Lesson(scenes.pictures, scenes.boxes, scenes.points, scenes.kinds)


def examine(network: nn.Module, batches: list[Scenes], device: torch.device) -> dict[str, float]:
    """How well the network does cell by cell, before anything is merged."""
    found, num_faces, false, away, num_pictures = 0.0, 0, 0.0, 0.0, 0
    for scenes in batches:
        pictures = scenes.pictures.to(device, memory_format=torch.channels_last)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            cells = Cells(*(part.float().cpu() for part in network(pictures)))
        faces = scenes.kinds == FACE
        overlap = pairwise_iou(cells.boxes, scenes.boxes)  # (B, cells, faces)
        sure = cells.scores.sigmoid() > 0.5
        hit = (sure[..., None] & (overlap > 0.5)).any(1)
        found += float((hit & faces).sum())
        num_faces += int(faces.sum())
        known = (overlap * (scenes.kinds > 0)[:, None] > 0.3).any(-1)
        ignored = DetectorObjective().ignored(cells, lesson_of(scenes))
        false += float((sure & ~known & ~ignored).any(1).sum())
        num_pictures += len(faces)
        nearest = (overlap * cells.scores.sigmoid()[..., None]).argmax(1)  # (B, faces)
        rows = torch.arange(len(faces))[:, None]
        side = (scenes.boxes[..., 2:] - scenes.boxes[..., :2]).prod(-1).clamp(min=1).sqrt()
        distance = (cells.points[rows, nearest] - scenes.points).norm(dim=-1).mean(-1) / side
        away += float(distance[hit & faces].sum())
    return {
        "found": found / max(1, num_faces),
        "pictures_with_false_cells": false / num_pictures,
        "points": away / max(1.0, found),
    }


def detector() -> DetectorRecipe:
    """The weights in the package."""
    return DetectorRecipe()
