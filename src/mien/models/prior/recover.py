"""How the prior is used: crops in, rich faces out, and other answers where the input leaves room."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from mien.faces.batches import in_batches, stacked
from mien.image.structure import structure_agreement
from mien.models.prior.codec import PriorNetwork, as_noises
from mien.models.prior.network import draw_codes
from mien.types import Crop, Images, Recovery, RunNetwork


@dataclass(frozen=True)
class PriorSettings:
    """What a user may choose."""

    fidelity: float = 0.0
    """0 the prior's picture, which is rich in detail, 1 the codec's, which shows what was to be seen."""
    batch_size: int = 4
    """Faces that go through the network together."""
    precision: torch.dtype = torch.bfloat16
    variant: int = 0
    """0 is the answer; any other number is another one that the input allows as well."""
    freedom: float = 0.6
    """How far from the answer others may be, where nothing of the input was to be seen."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.fidelity <= 1:
            raise ValueError(f"fidelity must lie between 0 and 1, got {self.fidelity}")
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {self.batch_size}")
        if self.variant < 0:
            raise ValueError(f"variants count from 0, got {self.variant}")


class PriorRestorer:
    """A Recoverer that keeps pose and place. The network given is moved, not copied."""

    template = "ffhq"

    def __init__(
        self,
        network: PriorNetwork,
        device: torch.device | None = None,
        settings: PriorSettings | None = None,
        run: RunNetwork | None = None,
    ) -> None:
        """`run` takes the place of torch for the usual answer: as `Answering` has it, damaged faces in."""
        self.settings = settings or PriorSettings()
        self.device = device or torch.device("cpu")
        self.run = run
        self.network = network.eval().to(self.device)
        self.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.crop_size = network.config.generator.widths.image_size
        if self.settings.fidelity > 0 and not network.config.decodes:
            raise ValueError("this prior has no decoder, whose picture --fidelity would blend in")

    def with_fidelity(self, fidelity: float) -> "PriorRestorer":
        """The same network, with so much of the codec's picture in its results."""
        return self.with_settings(replace(self.settings, fidelity=fidelity))

    def with_batch_size(self, batch_size: int) -> "PriorRestorer":
        """The same network, fed so many faces at a time."""
        return self.with_settings(replace(self.settings, batch_size=batch_size))

    def with_variant(self, number: int, seed: int = 0) -> "PriorRestorer":
        """The same network with another answer; 0 is the usual one."""
        return self.with_settings(replace(self.settings, variant=number, seed=seed))

    def with_settings(self, settings: PriorSettings) -> "PriorRestorer":
        """The same network under other settings; both go on to work."""
        return PriorRestorer(self.network, self.device, settings, self.run)

    def with_run(self, run: RunNetwork) -> "PriorRestorer":
        """The same, its network run by somebody else."""
        return PriorRestorer(self.network, self.device, self.settings, run)

    def __call__(self, crops: list[Crop]) -> list[Recovery]:
        return in_batches(crops, self.settings.batch_size, self.recover_batch)

    def recover_batch(self, crops: list[Crop]) -> Iterator[Recovery]:
        """All crops at once; every crop has side `crop_size`."""
        damaged = stacked(crops, self.crop_size, "prior")  # (B, 3, S, S)
        restored = self.restore(damaged)
        for pixels, seen in zip(restored, structure_agreement(damaged, restored), strict=True):
            yield Recovery(pixels=pixels, evidence=seen, keeps_pose=True)

    @torch.no_grad()
    def restore(self, damaged: Images) -> Images:
        """Pictures in [0, 1], in and out, on the processor whatever the network runs on."""
        if self.run is not None and self.settings.variant == 0:
            restored, *shown = map(as_pictures, self.run(2 * damaged - 1))
            return torch.lerp(restored, shown[0], self.settings.fidelity) if shown else restored
        inputs = (2 * damaged - 1).to(device=self.device, memory_format=torch.channels_last)
        generator = self.network.generator
        with self.precision():
            code, features, pictures = self.network.codec(inputs)
            styles, noises = generator.styles_of(code), as_noises(features)
            restored = as_pictures(generator.synthesize(styles, noises))  # (B, 3, S, S)
        if self.settings.variant:
            room = 1 - structure_agreement(damaged, restored).mean((1, 2, 3))  # (B,)
            with self.precision():
                restored = as_pictures(generator.synthesize(self.another(styles, room), noises))
        if not pictures:
            return restored
        return torch.lerp(restored, as_pictures(pictures[-1]), self.settings.fidelity)

    def precision(self) -> torch.autocast:
        """What the network computes in; its weights stay float32."""
        precision = self.settings.precision
        return torch.autocast(self.device.type, dtype=precision, enabled=precision != torch.float32)

    def another(
        self, styles: Float[Tensor, "batch layers style"], room: Float[Tensor, " batch"]
    ) -> Float[Tensor, "batch layers style"]:
        """Styles on the way to those of somebody else, the further the less was seen.

        Chance depends on seed and variant alone, so that the frames of a film go the same way.
        """
        chance = torch.Generator().manual_seed(1000 * self.settings.seed + self.settings.variant)
        code = draw_codes(self.network.generator.config, 1, chance, styles.device)
        amount = (self.settings.freedom * room).to(styles.device)[:, None, None]
        return torch.lerp(styles, self.network.generator.styles_of(code).expand_as(styles), amount)


def as_pictures(made: Images) -> Images:
    """From [-1, 1] to [0, 1], on the processor."""
    return ((made.float() + 1) / 2).clamp(0, 1).cpu()
