"""How another project's restorer is used: one that keeps the size of an aligned face."""

import torch

from mien.image.structure import structure_agreement
from mien.types import Crop, Images, Recovery

CROP_SIZE = 512
"""GFPGAN's and RestoreFormer's."""


class ForeignRestorer:
    """A Recoverer around a network that takes and gives aligned faces in [0, 1]."""

    template = "ffhq"
    crop_size = CROP_SIZE

    def __init__(self, network: torch.nn.Module, fidelity: float = 0.0, batch_size: int = 1) -> None:
        if not 0 <= fidelity <= 1:
            raise ValueError(f"fidelity must lie between 0 and 1, got {fidelity}")
        self.network = network.eval()
        self.fidelity = fidelity
        self.batch_size = batch_size

    def with_fidelity(self, fidelity: float) -> "ForeignRestorer":
        """The same network, with another share of the input in its results."""
        return ForeignRestorer(self.network, fidelity, self.batch_size)

    def with_batch_size(self, batch_size: int) -> "ForeignRestorer":
        """The same network, fed so many faces at a time."""
        return ForeignRestorer(self.network, self.fidelity, batch_size)

    def __call__(self, crops: list[Crop]) -> list[Recovery]:
        recoveries = []
        for start in range(0, len(crops), self.batch_size):
            damaged = torch.stack([crop.pixels for crop in crops[start : start + self.batch_size]])
            mixed = torch.lerp(self.restore(damaged), damaged, self.fidelity)
            seen = structure_agreement(damaged, mixed)
            recoveries += [Recovery(*pair) for pair in zip(mixed, seen, strict=True)]
        return recoveries

    @torch.no_grad()
    def restore(self, damaged: Images) -> Images:
        """Pictures in [0, 1], in and out, on the processor whatever the network runs on."""
        device = next(self.network.parameters()).device
        return self.network(damaged.to(device)).float().clamp(0, 1).cpu()
