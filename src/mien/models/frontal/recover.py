"""How FRN-TI is used: a damaged face at any pose in, a clean one that looks ahead out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch

from mien.faces.align import fit, whole_crop
from mien.faces.batches import in_batches, stacked
from mien.geometry.rotate import View
from mien.image.structure import structure_agreement
from mien.layers.running import OnTorch
from mien.models.restore.network import RestoreNetwork
from mien.types import Affine, Crop, Detection, Image, Images, Masks, Recovery, RunNetwork

TEMPLATE = "ffhq"

SeeFromAhead = Callable[[Images], View]
"""The 3D face's way to a frontal view, which knows what of it the picture shows."""


@dataclass(frozen=True)
class FrontalSettings:
    """What a user may choose."""

    batch_size: int = 8
    """Faces that go through the network together."""
    precision: torch.dtype = torch.bfloat16

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {self.batch_size}")


class Frontalizer:
    """A Recoverer whose faces look ahead, so that they have no place in the photo they came from."""

    template = TEMPLATE

    def __init__(
        self,
        network: RestoreNetwork,
        see: SeeFromAhead,
        device: torch.device | None = None,
        settings: FrontalSettings | None = None,
        run: RunNetwork | None = None,
    ) -> None:
        """`see` is asked for the evidence alone: the picture is the network's, which needs no landmarks.

        `run` takes the place of torch, which runs the network otherwise.
        """
        self.settings = settings or FrontalSettings()
        self.device = device or torch.device("cpu")
        self.network = network.eval()
        self.run = run or OnTorch(network, self.device, self.settings.precision)
        self.see = see
        self.crop_size = network.config.image_size

    def with_fidelity(self, fidelity: float) -> "Frontalizer":
        """Nothing of the input can stay, since it shows another pose."""
        if fidelity != 0:
            raise ValueError(f"frontal turns the head: there is no input to keep {fidelity:.0%} of")
        return self

    def with_batch_size(self, batch_size: int) -> "Frontalizer":
        """The same network, fed so many faces at a time."""
        settings = replace(self.settings, batch_size=batch_size)
        return Frontalizer(self.network, self.see, self.device, settings, self.run)

    def with_run(self, run: RunNetwork) -> "Frontalizer":
        """The same, its network run by somebody else."""
        return Frontalizer(self.network, self.see, self.device, self.settings, run)

    def __call__(self, crops: list[Crop]) -> list[Recovery]:
        return in_batches(crops, self.settings.batch_size, self.recover_batch)

    def recover_batch(self, crops: list[Crop]) -> Iterator[Recovery]:
        """All crops at once; every crop has side `crop_size`."""
        damaged = stacked(crops, self.crop_size, "frontal")  # (B, 3, S, S)
        frontal = self.frontalize(damaged)
        for pixels, seen in zip(frontal, self.evidence(damaged, frontal), strict=True):
            yield Recovery(pixels=pixels, evidence=seen, keeps_pose=False)

    def frontalize(self, damaged: Images) -> Images:
        """Pictures in [0, 1], in and out, on the processor whatever the network runs on."""
        (frontal,) = self.run(2 * damaged - 1)  # (B, 3, S, S) in [-1, 1]
        return ((frontal + 1) / 2).clamp(0, 1)

    def evidence(self, damaged: Images, frontal: Images) -> Masks:
        """What of the result the picture showed, from wherever: visible, and alike once turned."""
        view = self.see(damaged)
        return view.seen * structure_agreement(view.pixels, frontal)


def place_crop(detection: Detection, size: int) -> Affine:
    """`photo_from_crop` as `align` would have it for a Frontalizer."""
    return fit(detection, TEMPLATE, size)


def aligned_crop(pixels: Image) -> Crop:
    """A square picture that is aligned as a Frontalizer's crops are."""
    return whole_crop(pixels, pixels.shape[-1], TEMPLATE)
