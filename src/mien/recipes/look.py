"""The second look, trained on what the detector in the package finds in canvases of labelled photos."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from mien.data.facepool import FACE
from mien.data.looks import Cuts, GuessErrors, Guesses, cut_guesses, guesses_from_truth, join_guesses, turns
from mien.data.mosaics import MosaicConfig, draw
from mien.data.scenes import Scenes, compose_scenes
from mien.data.wear import Wear
from mien.models.detector.network import SMALL as DETECTOR_SMALL
from mien.models.detector.network import Cells, DetectorConfig, DetectorNetwork
from mien.models.detector.objective import pairwise_iou
from mien.models.look.network import SMALL, LookConfig, LookNetwork
from mien.models.look.objective import LookObjective, Looks
from mien.recipes.detector import open_backgrounds, open_pool
from mien.recipes.sources import Sources
from mien.train.config import Networks, Run, TrainConfig
from mien.train.order import generator_at
from mien.train.player import Player
from mien.train.schedule import warmup_cosine
from mien.types import Losses
from mien.zoo.cards import DETECTOR
from mien.zoo.weights import load_packaged

VALIDATION_SEED = 2027


@dataclass(frozen=True)
class LookRecipe:
    """Everything that decides what comes out."""

    network: LookConfig = SMALL
    objective: LookObjective = field(default_factory=LookObjective)
    detector: DetectorConfig = DETECTOR_SMALL
    mosaics: MosaicConfig = field(default_factory=lambda: MosaicConfig(num_whole=16, num_split=12))
    wear: Wear = field(default_factory=Wear)
    errors: GuessErrors = field(default_factory=GuessErrors)
    num_cuts: int = 192
    """Of the guesses about a batch, those that are learned from."""
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    num_warmup: int = 200
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
        first_look = DetectorNetwork(self.detector).eval()
        if self.detector == DETECTOR_SMALL:
            load_packaged(first_look, DETECTOR.weights, DETECTOR.sha256)

        def compose(photos: torch.Tensor, chance: torch.Generator) -> Scenes:
            draft = draw(pool, photos, backgrounds, self.mosaics, chance)
            return compose_scenes(draft, self.mosaics.covered_share, chance)

        def batches(step: int, rank: int, num_ranks: int) -> Scenes:
            return compose(chosen, generator_at(torch.device("cpu"), self.training.seed, step, rank))

        def validate(networks: Networks, device: torch.device) -> Mapping[str, float]:
            chance = generator_at(torch.device("cpu"), VALIDATION_SEED)
            cuts = [
                self.cuts_of(first_look, self.wear(compose(held_out, chance), chance), chance)
                for _ in range(self.num_validation)
            ]
            return examine(networks["look"], cuts, device, self.network.face_size)

        return Run(
            folder=folder,
            players=(self.player(LookNetwork(self.network), first_look),),
            batches=batches,
            training=self.training,
            config=self,
            prepare=self.wear,
            validate=validate,
        )

    def player(self, network: LookNetwork, first_look: DetectorNetwork) -> Player[Scenes]:
        """The one player; the detector only makes guesses."""

        def learn(look: nn.Module, scenes: Scenes, generator: torch.Generator) -> Losses:
            cuts = self.cuts_of(first_look.to(scenes.pictures.device), scenes, generator)
            return self.objective(look, looks_of(cuts), generator)

        return Player(
            name="look",
            network=network,
            optimizer=torch.optim.AdamW(
                network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay
            ),
            objective=learn,
            ema_decay=self.ema_decay,
            schedule=warmup_cosine(self.num_warmup, self.training.num_steps, floor=0.01),
            clip_norm=self.clip_norm,
        )

    @torch.no_grad()
    def cuts_of(self, first_look: nn.Module, scenes: Scenes, generator: torch.Generator) -> Cuts:
        """What a second look would be asked about these scenes."""
        device = scenes.pictures.device
        with torch.autocast(device.type, dtype=torch.bfloat16):
            cells = Cells(*(part.float() for part in first_look(scenes.pictures)))
        guesses = join_guesses(
            guesses_from_truth(scenes, self.errors, generator),
            answers(cells, scenes),
            mistakes(cells, scenes),
        )
        order = torch.randperm(len(guesses.pictures), generator=generator, device=device)[: self.num_cuts]
        picked = Guesses(guesses.pictures[order], guesses.boxes[order], guesses.degrees[order])
        return cut_guesses(scenes, picked, self.network.cut_size, self.network.face_size)


def answers(cells: Cells, scenes: Scenes) -> Guesses:
    """Of every face what the detector says of it."""
    fit = pairwise_iou(cells.boxes, scenes.boxes) * cells.scores.sigmoid()[..., None]  # (B, cells, faces)
    rows, faces = (scenes.kinds == FACE).nonzero().unbind(1)
    best = fit.argmax(1)[rows, faces]
    return Guesses(rows, cells.boxes[rows, best], turns(cells.points[rows, best]))


def mistakes(cells: Cells, scenes: Scenes) -> Guesses:
    """Of every picture and grid what the detector takes most for a face without its being one."""
    known = pairwise_iou(cells.boxes, scenes.boxes) * (scenes.kinds > 0)[:, None]
    doubtful = cells.scores.masked_fill(known.amax(-1) > 0.25, -torch.inf)
    picks = []
    for stride in cells.strides.unique().tolist():
        own = (cells.strides == stride).nonzero()[:, 0]
        picks.append(own[doubtful[:, own].argmax(1)])
    best = torch.stack(picks, 1)  # (B, grids)
    rows = torch.arange(len(best), device=best.device)[:, None].expand_as(best)
    return Guesses(
        rows.flatten(), cells.boxes[rows, best].flatten(0, 1), turns(cells.points[rows, best]).flatten()
    )


def looks_of(cuts: Cuts) -> Looks:
    return Looks(cuts.pixels, cuts.faces, cuts.known.float(), cuts.boxes, cuts.points)


def examine(
    network: nn.Module, batches: list[Cuts], device: torch.device, face_size: float
) -> dict[str, float]:
    """How sure it is, and how far its points are off, in sides of the face."""
    scores, faces, away = [], [], []
    for cuts in batches:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            sight = network(cuts.pixels.to(device, memory_format=torch.channels_last))
        sure = cuts.faces & cuts.known
        scores.append(sight.scores.float().cpu()[cuts.known].sigmoid())
        faces.append(cuts.faces[cuts.known])
        away.append((sight.points.cpu()[sure] - cuts.points[sure]).norm(dim=-1).mean(-1) / face_size)
    score, face = torch.cat(scores), torch.cat(faces)
    return {
        "faces_known": float((score[face] > 0.5).float().mean()),
        "others_taken": float((score[~face] > 0.5).float().mean()),
        "points": float(torch.cat(away).mean()),
    }


def look() -> LookRecipe:
    """The weights in the package."""
    return LookRecipe()
