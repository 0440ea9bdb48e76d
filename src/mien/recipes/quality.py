"""The measure of face quality, trained as IFQA's is: a judge beside a maker that learns to restore.

What is wanted is the judge. The maker starts from nothing, so that the judge sees every stage of a
restoration getting better; its weights stay in the checkpoints.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mien.data.pairs import Pairs, damaged_pairs, stored_pairs
from mien.data.photos import PackedPhotos, pack_photos
from mien.data.variety import Variety
from mien.degrade.chain import PROFILES
from mien.metrics.verification import Comparisons, roc_curve
from mien.models.quality.measure import FaceQuality
from mien.models.quality.network import SMALL, QualityConfig, QualityNetwork
from mien.models.quality.objective import QualityObjective
from mien.models.restore.network import SMALL as RESTORE_SMALL
from mien.models.restore.network import RestoreConfig, RestoreNetwork
from mien.models.restore.objective import RestoreObjective, RestoreObjectiveConfig
from mien.recipes.sources import Sources
from mien.train.config import Networks, Run, TrainConfig
from mien.train.order import generator_at, shuffled_indices
from mien.train.player import Player
from mien.train.schedule import warmup_cosine
from mien.types import Images, Losses

VALIDATION_SEED = 2026


@dataclass(frozen=True)
class QualityRecipe:
    """Everything that decides what comes out."""

    network: QualityConfig = SMALL
    objective: QualityObjective = field(default_factory=QualityObjective)
    maker: RestoreConfig = RESTORE_SMALL
    maker_objective: RestoreObjectiveConfig = field(
        default_factory=lambda: RestoreObjectiveConfig(
            pixel="charbonnier", pixel_weight=10.0, adversarial_weight=0.05
        )
    )
    profile: str = "gfrnet"
    variety: Variety = field(default_factory=lambda: Variety(largest_shift=6))
    """Shifted little: the regions that are swapped lie where FFHQ's template has them."""
    batch_size: int = 8
    learning_rate: float = 2e-4
    maker_learning_rate: float = 5e-4
    num_warmup: int = 200
    ema_decay: float = 0.999
    clip_norm: float = 1.0
    num_validation: int = 64
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            num_steps=20_000, precision="bf16-mixed", validate_every=500, checkpoint_every_seconds=240.0
        )
    )

    def build(self, sources: Sources, folder: Path) -> Run[Pairs]:
        """The run over all pictures below the folders of photos, which must be aligned as FFHQ is."""
        packed, size = folder / "photos.npy", self.network.image_size
        if not packed.exists():
            pack_photos(sources.need("photos", "folders of aligned faces"), size, packed, smallest=size)
        everything = PackedPhotos.open(packed)
        training, held_out = everything.split(every=max(2, len(everything) // self.num_validation))
        damage = PROFILES[self.profile]
        seed = self.training.seed

        def batches(step: int, rank: int, num_ranks: int) -> Pairs:
            indices = shuffled_indices(len(training), self.batch_size, step, seed, rank, num_ranks)
            return stored_pairs(training, indices)

        judge, maker = QualityNetwork(self.network), RestoreNetwork(self.maker)
        examination = Examination(held_out, self.profile)
        return Run(
            folder=folder,
            players=(self.judge(judge, maker), self.make(maker, judge)),
            batches=batches,
            training=self.training,
            config=self,
            prepare=lambda pairs, generator: damaged_pairs(pairs, self.variety, (damage,), generator),
            validate=examination.figures,
        )

    def judge(self, network: QualityNetwork, maker: RestoreNetwork) -> Player[Pairs]:
        """Whose weights are wanted."""

        def learn(judge: nn.Module, pairs: Pairs, generator: torch.Generator) -> Losses:
            with torch.no_grad():
                restored = restore(maker, pairs.damaged).clamp(0, 1)
            return self.objective(judge, pairs.truth, pairs.damaged, restored, generator)

        return Player(
            name="quality",
            network=network,
            optimizer=torch.optim.AdamW(network.parameters(), lr=self.learning_rate, betas=(0.5, 0.99)),
            objective=learn,
            ema_decay=self.ema_decay,
            schedule=warmup_cosine(self.num_warmup, self.training.num_steps, floor=0.01),
            clip_norm=self.clip_norm,
        )

    def make(self, network: RestoreNetwork, judge: QualityNetwork) -> Player[Pairs]:
        """Restores as well as it can, and is told where it does not look real."""
        objective = RestoreObjective(self.maker_objective, judge=lambda damaged, images: judge(images))

        def learn(maker: nn.Module, pairs: Pairs, generator: torch.Generator) -> Losses:
            return objective(pairs.damaged, restore(maker, pairs.damaged), pairs.truth)

        optimizer = torch.optim.AdamW(network.parameters(), lr=self.maker_learning_rate)
        return Player(
            name="maker",
            network=network,
            optimizer=optimizer,
            objective=learn,
            schedule=warmup_cosine(self.num_warmup, self.training.num_steps, floor=0.01),
            clip_norm=self.clip_norm,
        )


def restore(maker: nn.Module, damaged: Images) -> Images:
    """Pictures in [0, 1]."""
    return (maker(2 * damaged - 1).float() + 1) / 2


@dataclass(frozen=True)
class Examination:
    """Held-out faces: as they are, damaged the same way each time, and restored by the maker of the day."""

    photos: PackedPhotos
    profile: str

    def figures(self, networks: Networks, device: torch.device) -> Mapping[str, float]:
        """Mean scores, and how surely the judge tells faces as they are from the others."""
        truth = stored_pairs(self.photos, list(range(len(self.photos)))).truth
        damaged = PROFILES[self.profile](truth, generator_at(torch.device("cpu"), VALIDATION_SEED))
        restored = [restore(networks["maker"], some.to(device)).cpu() for some in damaged.split(8)]
        judge = networks["quality"]
        assert isinstance(judge, QualityNetwork)
        quality = FaceQuality(judge, device)
        real, bad, made = (quality(faces) for faces in (truth, damaged, torch.cat(restored).clamp(0, 1)))
        return {
            "truth": float(real.mean()),
            "damaged": float(bad.mean()),
            "restored": float(made.mean()),
            "damaged_told": told_apart(real, bad),
            "restored_told": told_apart(real, made),
        }


def told_apart(real: Float[Tensor, " reals"], made: Float[Tensor, " others"]) -> float:
    """How often a real face scores above another one (AUC)."""
    scores = torch.cat((real, made))
    is_real = torch.arange(len(scores)) < len(real)
    return roc_curve(Comparisons(scores, is_real, torch.zeros(len(scores), dtype=torch.int64))).area


def quality() -> QualityRecipe:
    """Our measure of face quality: 256 px, GFRNet's damage."""
    return QualityRecipe()
