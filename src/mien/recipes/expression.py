"""The expression classifier of CFR-GAN's Table 3, on RAF-DB, which is handed out for research on request."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from mien.data.expressions import Expressions, LabelledFace, read_rafdb
from mien.data.photos import square, to_unit_range
from mien.data.variety import Variety
from mien.image.io import read_image
from mien.models.expression.network import PAPER, SMALL, ExpressionConfig, ExpressionNetwork
from mien.recipes.sources import Sources
from mien.train.config import Networks, Run, TrainConfig
from mien.train.order import shuffled_indices
from mien.train.player import Player
from mien.train.schedule import warmup_cosine
from mien.types import Images, Losses


@dataclass(frozen=True)
class Labelled:
    """A batch."""

    images: Images
    expressions: Int[Tensor, " batch"]


@dataclass(frozen=True)
class PackedFaces:
    """Faces in memory."""

    pixels: np.ndarray
    """(N, 3, size, size), uint8."""
    expressions: Int[Tensor, " faces"]

    @classmethod
    def of(cls, faces: tuple[LabelledFace, ...], size: int) -> "PackedFaces":
        pixels = [
            (square(read_image(face.path), size) * 255).round().to(torch.uint8).numpy() for face in faces
        ]
        return cls(np.stack(pixels), torch.tensor([face.expression for face in faces]))

    def batch(self, indices: list[int]) -> Labelled:
        return Labelled(to_unit_range(torch.from_numpy(self.pixels[indices])), self.expressions[indices])


@dataclass(frozen=True)
class ExpressionRecipe:
    """Everything that decides what comes out."""

    network: ExpressionConfig = SMALL
    variety: Variety = field(default_factory=lambda: Variety(largest_shift=6, gray_share=0.1))
    batch_size: int = 32
    learning_rate: float = 3e-4
    weight_decay: float = 1e-2
    num_warmup: int = 200
    training: TrainConfig = field(default_factory=lambda: TrainConfig(num_steps=12_000, validate_every=1000))

    def build(self, sources: Sources, folder: Path) -> Run[Labelled]:
        """The first folder of photos is RAF-DB's `basic`; others may hold copies of its training faces, under
        the names of `mien augment`."""
        roots = sources.need("photos", "RAF-DB's folder `basic`, then folders of further training faces")
        faces = read_rafdb(roots[0], sources.labels)
        learned = (*faces.train, *further(faces, roots[1:]))
        train, test = (PackedFaces.of(part, self.network.image_size) for part in (learned, faces.test))

        def batches(step: int, rank: int, num_ranks: int) -> Labelled:
            order = shuffled_indices(
                len(train.pixels), self.batch_size, step, self.training.seed, rank, num_ranks
            )
            return train.batch(list(order))

        return Run(
            folder=folder,
            players=(self.player(),),
            batches=batches,
            training=self.training,
            config=self,
            prepare=lambda batch, chance: replace(batch, images=self.variety(batch.images, chance)),
            validate=lambda networks, device: accuracies(networks, device, test, faces.subsets),
        )

    def player(self) -> Player[Labelled]:
        """The one player."""

        def learn(network: nn.Module, batch: Labelled, generator: torch.Generator) -> Losses:
            loss = F.cross_entropy(network(batch.images).float(), batch.expressions)
            return Losses(loss, {"entropy": loss.detach()})

        network = ExpressionNetwork(self.network)
        return Player(
            name="expression",
            network=network,
            optimizer=torch.optim.AdamW(
                network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay
            ),
            objective=learn,
            schedule=warmup_cosine(self.num_warmup, self.training.num_steps, floor=0.01),
        )


def further(faces: Expressions, folders: tuple[Path, ...]) -> tuple[LabelledFace, ...]:
    """Copies of training faces: their names begin as the originals' do."""
    by_name = {face.path.stem: face.expression for face in faces.train}
    found = []
    for path in sorted(path for folder in folders for path in folder.rglob("*.png")):
        original = path.stem if path.stem in by_name else path.stem.rpartition("_yaw")[0]
        if original in by_name:
            found.append(LabelledFace(path, by_name[original]))
    return tuple(found)


@torch.no_grad()
def accuracies(
    networks: Networks, device: torch.device, test: PackedFaces, subsets: Mapping[str, tuple[int, ...]]
) -> Mapping[str, float]:
    """Per cent of the test faces that are told right: all of them, and those of each list."""
    parts: list[Float[Tensor, " faces"]] = []
    for start in range(0, len(test.pixels), 64):
        batch = test.batch(list(range(start, min(start + 64, len(test.pixels)))))
        told = networks["expression"](batch.images.to(device)).argmax(dim=1).cpu()
        parts.append((told == batch.expressions).float())
    right = torch.cat(parts)
    figures = {"total": 100 * float(right.mean())}
    return figures | {name: 100 * float(right[list(numbers)].mean()) for name, numbers in subsets.items()}


def expression() -> ExpressionRecipe:
    """A narrow VGG, 96 px, for a CPU."""
    return ExpressionRecipe()


def expression_paper() -> ExpressionRecipe:
    """VGG-16 at 224 px (CFR-GAN, Table 3)."""
    return ExpressionRecipe(network=PAPER, learning_rate=1e-4)
