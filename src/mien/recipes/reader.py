"""The reader of faces: first from uncovered faces, then from itself with something in front of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from mien.data.cover import Cover, hidden_share
from mien.data.readcolors import color_reads
from mien.data.readpool import FITS, POINTS, ReadPool, ReadVariety, StoredReads, fit_reads, pack_reads
from mien.data.variety import drop_color, relight
from mien.data.worn import Wardrobe
from mien.degrade.chain import PROFILES, Profile
from mien.degrade.hands import HandProfile
from mien.geometry.rasterize_numba import rasterize_compiled
from mien.models.reader.network import SMALL, ReaderConfig, ReaderNetwork
from mien.models.reader.objective import Lesson, ReaderObjective, Truth, basis_of, mean_error
from mien.recipes.detector import open_backgrounds
from mien.recipes.identity import seen_at_112
from mien.recipes.sources import MissingSourceError, Sources
from mien.recipes.wardrobe import open_wardrobe
from mien.train.config import Networks, Run, TrainConfig
from mien.train.muon import Muon
from mien.train.order import generator_at
from mien.train.player import Player
from mien.train.schedule import warmup_cosine
from mien.types import Images, Losses
from mien.zoo.load import load_morphable
from mien.zoo.weights import fill, load_tensors

VALIDATION_SEED = 2028
VALIDATED_TOGETHER = 64


@dataclass(frozen=True)
class Batch:
    """Faces, and pictures without one."""

    faces: StoredReads
    empty: UInt8[Tensor, "empties 3 size size"]


@dataclass(frozen=True)
class ReaderRecipe:
    """Everything that decides what comes out."""

    network: ReaderConfig = SMALL
    objective: ReaderObjective = field(default_factory=ReaderObjective)
    variety: ReadVariety = field(default_factory=ReadVariety)
    cover: Cover = field(default_factory=Cover)
    covered_share: float = 0.0
    damaged_share: float = 0.4
    profiles: tuple[str, ...] = ("gfrnet", "gfrnet", "mmrb", "mdfr")
    """Each damages an equal part of what is damaged."""
    brightness: float = 0.2
    contrast: float = 0.35
    gray_share: float = 0.1
    batch_size: int = 64
    num_empty: int = 4
    """Pictures without a face in each batch."""
    learning_rate: float = 1.2e-2
    weight_decay: float = 0.02
    num_warmup: int = 100
    ema_decay: float = 0.998
    clip_norm: float = 20.0
    most_disagreement: float = 0.12
    """NME of the first stage's answer from which the second does not believe a label."""
    hold_out_every: int = 40
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            num_steps=8_000, precision="bf16-mixed", validate_every=500, checkpoint_every_seconds=240.0
        )
    )

    def build(self, sources: Sources, folder: Path) -> Run[Batch]:
        """The run over the faces of label files."""
        pool, backgrounds = open_reads(sources, folder, self.network), open_backgrounds(sources, folder)
        training, held_out = pool.split(self.hold_out_every)
        held_out = held_out[~pool.made[held_out]]
        wardrobe = open_wardrobe(sources)
        network, teacher = self.networks(sources)
        weights = pool.weights()[training]
        if teacher is not None:
            weights = weights * self.agrees(teacher, pool, training)

        def batches(step: int, rank: int, num_ranks: int) -> Batch:
            chance = generator_at(torch.device("cpu"), self.training.seed, step, rank)
            drawn = torch.multinomial(weights, self.batch_size, replacement=True, generator=chance)
            mirrored = torch.randint(2, (self.batch_size,), generator=chance)
            empty = pieces(backgrounds, self.num_empty, self.network.crop_size, chance)
            return Batch(pool.batch(training[drawn], mirrored), empty)

        return Run(
            folder=folder,
            players=(self.player(network, teacher, wardrobe),),
            batches=batches,
            training=self.training,
            config=self,
            teachers=() if teacher is None else (teacher,),
            validate=lambda networks, device: self.examine(networks, device, pool, held_out),
        )

    def networks(self, sources: Sources) -> tuple[ReaderNetwork, ReaderNetwork | None]:
        """Who learns, and who teaches it: for the second stage both are what the first one made."""
        network = ReaderNetwork(self.network)
        if not self.objective.taught:
            return network, None
        if sources.teacher is None:
            raise MissingSourceError("this recipe needs --teacher: weights of a reader of uncovered faces")
        teacher = ReaderNetwork(self.network)
        for one in (network, teacher):
            fill(one, load_tensors(sources.teacher), sources.teacher)
        return network, teacher

    def easy(self) -> "ReaderRecipe":
        """The same with faces cut out well, clean and uncovered."""
        variety = replace(self.variety, loose_share=0.0)
        return replace(self, variety=variety, damaged_share=0.0, covered_share=0.0)

    @torch.no_grad()
    def agrees(
        self, teacher: ReaderNetwork, pool: ReadPool, numbers: Int[Tensor, " faces"]
    ) -> Bool[Tensor, " faces"]:
        """Which labels a trained reader finds likely: the others are mostly wrong."""
        errors = self.easy().errors(teacher.eval(), torch.device("cpu"), pool, numbers)
        believed = errors < self.most_disagreement
        if not bool(believed.any()):
            raise ValueError("the reader of --teacher finds none of the labels likely")
        return believed

    def player(
        self, network: ReaderNetwork, teacher: ReaderNetwork | None, wardrobe: Wardrobe | None
    ) -> Player[Batch]:
        """The one player."""
        basis = basis_of(load_morphable("cpu"), self.network)

        def learn(reader: nn.Module, batch: Batch, generator: torch.Generator) -> Losses:
            with torch.no_grad():
                lesson = self.lesson(batch, teacher, wardrobe, generator)
            return self.objective(reader, lesson, basis)

        return Player(
            name="reader",
            network=network,
            optimizer=Muon(network, self.learning_rate, self.weight_decay),
            objective=learn,
            ema_decay=self.ema_decay,
            schedule=warmup_cosine(self.num_warmup, self.training.num_steps, floor=0.01),
            clip_norm=self.clip_norm,
        )

    def lesson(
        self,
        batch: Batch,
        teacher: ReaderNetwork | None,
        wardrobe: Wardrobe | None,
        generator: torch.Generator,
    ) -> Lesson:
        """Faces as they may be met, and what is in them."""
        cuts, known = self.variety(batch.faces, generator)
        clean = torch.cat((cuts, batch.empty.float() / 255))
        clean = drop_color(
            relight(clean, self.brightness, self.contrast, generator), self.gray_share, generator
        )
        pictures, hidden = clean.clone(), torch.zeros(len(clean))
        chosen = (torch.rand(len(cuts), generator=generator) < self.covered_share).nonzero()[:, 0]
        if len(chosen):
            covered = self.cover(clean[chosen], known.points[chosen], wardrobe, generator)
            pictures[chosen] = covered.images
            hidden[chosen] = hidden_share(covered.mask, known.points[chosen])
        pictures = self.damaged(pictures, generator)
        maps = () if teacher is None else teacher(clean.contiguous(memory_format=torch.channels_last)).maps
        return Lesson(
            pictures.contiguous(memory_format=torch.channels_last),
            truth_of(known, len(batch.empty)),
            torch.arange(len(clean)) < len(cuts),
            hidden,
            maps,
        )

    def damaged(self, pictures: Images, generator: torch.Generator) -> Images:
        """A part of them, each by one of the profiles."""
        chosen = (torch.rand(len(pictures), generator=generator) < self.damaged_share).nonzero()[:, 0]
        parts = zip(chosen.tensor_split(len(self.profiles)), self.profiles, strict=True)
        for part, name in parts:
            if len(part):
                pictures = pictures.index_copy(0, part, at_cut(name)(pictures[part], generator))
        return pictures

    def examine(
        self, networks: Networks, device: torch.device, pool: ReadPool, held_out: Int[Tensor, " held"]
    ) -> Mapping[str, float]:
        """NME on faces nobody learned from, in per cent: by yaw, and covered or damaged."""
        yaws, figures = pool.yaws[held_out], {}
        easy = self.easy()
        kinds = {
            "clean": easy,
            "covered": replace(
                easy, covered_share=1.0, cover=Cover(hands=HandProfile(), shares=(1.0, 0.0, 0.0, 0.0))
            ),
            "damaged": replace(easy, damaged_share=1.0, profiles=("gfrnet",)),
        }
        for name, recipe in kinds.items():
            errors = recipe.errors(networks["reader"], device, pool, held_out)
            bins = [errors[chosen] for chosen in (yaws <= 30, (yaws > 30) & (yaws <= 60), yaws > 60)]
            means = [100 * float(part.mean()) if len(part) else 0.0 for part in bins]
            figures |= {f"{name}_{place}": mean for place, mean in zip(("0", "30", "60"), means, strict=True)}
            figures[name] = sum(means) / len(means)
        return figures

    def errors(
        self, network: nn.Module, device: torch.device, pool: ReadPool, numbers: Int[Tensor, " faces"]
    ) -> Float[Tensor, " faces"]:
        """NME of each of these faces, always in the same cuts."""
        generator, parts = generator_at(torch.device("cpu"), VALIDATION_SEED), []
        for chosen in numbers.split(VALIDATED_TOGETHER):
            stored = pool.batch(chosen, torch.zeros_like(chosen))
            nothing = torch.zeros(0, 3, self.network.crop_size, self.network.crop_size, dtype=torch.uint8)
            lesson = self.lesson(Batch(stored, nothing), None, None, generator)
            with torch.autocast(device.type, dtype=torch.bfloat16):
                answer = network(lesson.pictures.to(device))
            parts.append(mean_error(answer.points.float().cpu(), lesson.truth))
        return torch.cat(parts)


def at_cut(name: str) -> Profile:
    """The damage that does to a cut what the papers' does to an aligned face of 256 px."""
    return seen_at_112(PROFILES[name])


def truth_of(known: StoredReads, num_empty: int) -> Truth:
    """With something harmless for the pictures without a face, where it counts for nothing."""

    def padded(values: Tensor) -> Tensor:
        return torch.cat((values, values[:1].expand(num_empty, *values.shape[1:])))

    return Truth(
        points=padded(known.points),
        rotation=padded(known.rotation),
        scale=padded(known.scale),
        shift=padded(known.shift),
        identity=padded(known.identity),
        expression=padded(known.expression),
        albedo=padded(known.albedo),
        light=padded(known.light),
    )


def pieces(
    pictures: np.ndarray, num: int, size: int, generator: torch.Generator
) -> UInt8[Tensor, "pieces 3 {size} {size}"]:
    """Squares out of pictures."""
    numbers = torch.randint(len(pictures), (num,), generator=generator).tolist()
    room = pictures.shape[-1] - size
    places = torch.randint(room + 1, (num, 2), generator=generator).tolist()
    cut = [pictures[n][:, y : y + size, x : x + size] for n, (x, y) in zip(numbers, places, strict=True)]
    return torch.from_numpy(np.stack(cut)) if cut else torch.zeros(0, 3, size, size, dtype=torch.uint8)


def open_reads(sources: Sources, folder: Path, network: ReaderConfig) -> ReadPool:
    """The packed faces of a run folder, packed and fitted first if they are not there."""
    pool = folder / "pool"
    if not (pool / POINTS).exists():
        pack_reads(sources.need("labels", "files of tools/label_faces.py"), pool)
    if not (pool / FITS).exists():
        counts = (network.num_identity, network.num_expression, network.num_albedo)
        model = load_morphable("cpu")
        fit_reads(pool, model, counts)
        color_reads(pool, model, rasterize_compiled)
    return ReadPool.open(pool)


def reader() -> ReaderRecipe:
    """The first stage: uncovered faces, clean and damaged."""
    return ReaderRecipe()


def reader_covered() -> ReaderRecipe:
    """The second stage (CFR-GAN, section 3.1): the weights in the package."""
    return replace(
        ReaderRecipe(),
        objective=ReaderObjective(taught=0.2),
        covered_share=0.6,
        learning_rate=8e-3,
    )
