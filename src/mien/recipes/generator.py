"""The face prior before anything is restored with it: StyleGAN2, learned from few photos as in ADA."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from mien.data.augment import Augmentation
from mien.data.photos import PackedPhotos, pack_photos, to_unit_range
from mien.data.variety import mirror
from mien.image.blend import contact_sheet
from mien.image.io import write_image
from mien.losses.adversarial import adversarial_loss
from mien.losses.identity import Embed, load_embedder
from mien.metrics.frechet import Moments, frechet_distance
from mien.metrics.kernel import kernel_distance
from mien.metrics.samples import Embedder, Samples
from mien.models.prior.critic import Critic
from mien.models.prior.network import (
    PAPER,
    SMALL_128,
    SMALL_256,
    Generator,
    GeneratorConfig,
    Noises,
    draw_codes,
    draw_noises,
)
from mien.models.prior.objective import (
    PathLengths,
    Remembering,
    Steepness,
    adapt_strength,
    judge_pictures,
    path_loss,
)
from mien.recipes.sources import Sources
from mien.train.config import Networks, Run, TrainConfig
from mien.train.order import generator_at, shuffled_indices
from mien.train.player import Player
from mien.types import Images, Losses
from mien.zoo.load import pick_device

VALIDATION_SEED = 2029
SHOWN = 16
TRUNCATION = 0.7
"""Of the pictures that are shown; those that are measured are not truncated."""

Given = tuple[Float[Tensor, "batch 2 style"], Int[Tensor, " batch"], Noises]
"""What a generator is given: pairs of codes, where the second takes over, and noises."""


@dataclass(frozen=True)
class GeneratorRecipe:
    """Everything that decides what comes out."""

    network: GeneratorConfig = SMALL_128
    augmentation: Augmentation = field(default_factory=Augmentation)
    batch_size: int = 8
    learning_rate: float = 2e-3
    penalty_weight: float = 1.0
    """gamma of R1; 10 for 512 pixels, less for smaller pictures (ADA, appendix C); 0 is none."""
    penalty_every: int = 16
    path_weight: float = 2.0
    path_every: int = 4
    path_shrink: int = 2
    """The length of paths is learned from so many times fewer pictures."""
    mixed_share: float = 0.9
    """Of the pictures, those made of two codes."""
    sureness: float = 0.6
    """Mean sign of the critic's logits of true pictures above which they are varied more."""
    pictures_to_vary: float = 500_000.0
    """How many it takes from no variation to constant variation; 0 never varies."""
    pictures_to_average: float = 10_000.0
    """Half life of the averaged weights."""
    num_judged: int = 500
    embedder_size: int = 256
    """Side of the crops that the embedder takes."""
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            num_steps=1_000_000, precision="bf16-mixed", validate_every=2000, checkpoint_every_seconds=300.0
        )
    )

    def build(self, sources: Sources, folder: Path) -> Run[Images]:
        """The run over all pictures below the folders of photos."""
        packed, size = folder / "photos.npy", self.network.widths.image_size
        if not packed.exists():
            pack_photos(sources.need("photos", "folders of aligned faces"), size, packed, smallest=size)
        everything = PackedPhotos.open(packed)
        training, held_out = everything.split(every=max(2, len(everything) // self.num_judged))
        embedder = None
        if sources.embedder is not None:
            recognise = load_embedder(sources.embedder, pick_device(self.training.device))
            embedder = Embedder(f"{sources.embedder.name}, {size} px", seen_at(recognise, self.embedder_size))
        examination = Examination(self.network, held_out, embedder)

        def batches(step: int, rank: int, num_ranks: int) -> Images:
            seed = self.training.seed
            chosen = shuffled_indices(len(training), self.batch_size, step, seed, rank, num_ranks)
            return to_unit_range(training.batch(chosen))

        return Run(
            folder=folder,
            players=self.players(Generator(self.network), Critic(self.network.widths)),
            batches=batches,
            training=self.training,
            config=self,
            prepare=mirror,
            validate=examination.figures,
            pictures=examination.sheet,
            write_picture=lambda path, images: write_image(path, images[0]),
        )

    def players(self, generator: Generator, critic: Critic) -> tuple[Player[Images], ...]:
        """Generator and critic, each with the regularisation that it needs only now and then."""
        maker, judge = Remembering(generator), Remembering(critic)
        lessons = Lessons(self, maker, judge)
        makes = self.lazily(maker, self.path_every if self.path_weight else 0)
        judges = self.lazily(judge, self.penalty_every if self.penalty_weight else 0)
        decay = 0.5 ** (self.batch_size / self.pictures_to_average)
        players = [Player("generator", maker, makes, lessons.make, ema_decay=decay, product="network")]
        if self.path_weight:
            paths = PathLengths(maker)
            players.append(
                Player("paths", paths, makes, lessons.even_paths, every=self.path_every, product=None)
            )
        players.append(Player("critic", judge, judges, lessons.judge, product="network"))
        if self.penalty_weight:
            steep = Steepness(judge)
            players.append(
                Player("penalty", steep, judges, lessons.penalise, every=self.penalty_every, product=None)
            )
        return tuple(players)

    def lazily(self, network: nn.Module, every: int) -> torch.optim.Optimizer:
        """Adam, which also takes the steps of a regularisation (StyleGAN2, appendix B); 0 for none."""
        share = every / (every + 1) if every else 1.0
        betas = (0.0, 0.99**share)
        return torch.optim.Adam(network.parameters(), lr=self.learning_rate * share, betas=betas)


@dataclass(frozen=True)
class Lessons:
    """What the players learn from a batch of true pictures; each looks at the other as it is now."""

    recipe: GeneratorRecipe
    maker: Remembering
    """Remembers the usual length of paths."""
    critic: Remembering
    """Remembers how strongly pictures are varied."""

    def make(self, network: nn.Module, images: Images, generator: torch.Generator) -> Losses:
        made, _ = network(*given(self.recipe, len(images), generator, images.device))
        loss = adversarial_loss(self.critic.network(self.vary(made.float(), generator)))
        return Losses(total=loss, terms={"adversarial": loss.detach()})

    def even_paths(self, network: nn.Module, images: Images, generator: torch.Generator) -> Losses:
        some = images[: max(1, len(images) // self.recipe.path_shrink)]
        direction = torch.randn(some.shape, generator=generator, device=images.device)
        lengths = network(given(self.recipe, len(some), generator, images.device), direction)
        loss = path_loss(lengths, self.maker.value)
        total = self.recipe.path_weight * self.recipe.path_every * loss
        return Losses(total=total, terms={"unevenness": loss.detach(), "length": lengths.mean().detach()})

    def judge(self, network: nn.Module, images: Images, generator: torch.Generator) -> Losses:
        with torch.no_grad():
            made, _ = self.maker.network(*given(self.recipe, len(images), generator, images.device))
        losses, real = judge_pictures(
            lambda pictures: network(self.vary(pictures.float(), generator)), made, 2 * images - 1
        )
        if self.recipe.pictures_to_vary:
            adapt_strength(self.critic.value, real, self.recipe.sureness, self.recipe.pictures_to_vary)
        return replace(losses, terms={**losses.terms, "variation": self.critic.value.clone()})

    def penalise(self, network: nn.Module, images: Images, generator: torch.Generator) -> Losses:
        # its gradient at varied pictures: through the variation itself there is no second derivative
        loss = network(self.vary(2 * images - 1, generator))
        total = self.recipe.penalty_weight / 2 * self.recipe.penalty_every * loss
        return Losses(total=total, terms={"steepness": loss.detach()})

    def vary(self, pictures: Images, generator: torch.Generator) -> Images:
        return self.recipe.augmentation(pictures, self.critic.value, generator)


def given(recipe: GeneratorRecipe, num: int, generator: torch.Generator, device: torch.device) -> Given:
    """Chance for so many pictures."""
    config = recipe.network
    codes = draw_codes(config, 2 * num, generator, device).reshape(num, 2, -1)
    place = torch.randint(1, config.num_layers, (num,), generator=generator, device=generator.device)
    is_mixed = torch.rand(num, generator=generator, device=generator.device) < recipe.mixed_share
    crossover = torch.where(is_mixed, place, config.num_layers).to(device)
    return codes, crossover, draw_noises(config, num, generator, device)


@dataclass(frozen=True)
class Examination:
    """Pictures that are always made from the same codes, against held-out photos."""

    config: GeneratorConfig
    held_out: PackedPhotos
    embedder: Embedder | None
    batch_size: int = 16

    def figures(self, networks: Networks, device: torch.device) -> dict[str, float]:
        """Fréchet and kernel distance, as many pictures as photos; nothing without an embedder."""
        if self.embedder is None:
            return {}
        made, true = [], []
        for start in range(0, len(self.held_out), self.batch_size):
            indices = list(range(start, min(start + self.batch_size, len(self.held_out))))
            true.append(self.embedder(to_unit_range(self.held_out.batch(indices)).to(device)))
            made.append(self.embedder(self.made(networks, len(indices), start, 1.0, device)))
        first, second = joined(made), joined(true)
        distance = frechet_distance(Moments.of(first).gaussian, Moments.of(second).gaussian)
        return {"frechet": distance, "kernel": kernel_distance(first, second)}

    def sheet(self, networks: Networks, device: torch.device) -> Images:
        """Sixteen faces."""
        made = self.made(networks, SHOWN, 0, TRUNCATION, device).cpu()
        return contact_sheet(list(made), columns=4, gap=2)[None]

    @torch.no_grad()
    def made(
        self, networks: Networks, num: int, place: int, truncation: float, device: torch.device
    ) -> Images:
        """In [0, 1]."""
        network = cast(Remembering, networks["generator"]).network
        assert isinstance(network, Generator)
        chance = generator_at(torch.device("cpu"), VALIDATION_SEED, place)
        styles = network.styles_of(draw_codes(self.config, num, chance, device))
        if truncation != 1:
            styles = torch.lerp(network.mean_style(), styles, truncation)
        return ((network.synthesize(styles, draw_noises(self.config, num, chance, device)) + 1) / 2).clamp(
            0, 1
        )


def seen_at(embed: Embed, side: int) -> Embed:
    """The same for pictures of any size."""

    def embed_resized(images: Images) -> Float[Tensor, "batch features"]:
        return embed(F.interpolate(images.float(), size=(side, side), mode="bilinear", antialias=True))

    return embed_resized


def joined(parts: list[Samples]) -> Samples:
    return sum(parts[1:], start=parts[0])


def prior_pretraining() -> GeneratorRecipe:
    """128 px: what a few cores can do."""
    return GeneratorRecipe()


def prior_pretraining_256() -> GeneratorRecipe:
    """256 px, for a GPU."""
    return GeneratorRecipe(network=SMALL_256, batch_size=16, penalty_weight=2.0)


def prior_pretraining_paper() -> GeneratorRecipe:
    """512 px, StyleGAN2's settings."""
    return GeneratorRecipe(network=PAPER, batch_size=32, penalty_weight=10.0)


def prior_pretraining_without_penalty() -> GeneratorRecipe:
    """Without R1, to see what it does."""
    return replace(prior_pretraining(), penalty_weight=0.0)
