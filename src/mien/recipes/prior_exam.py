"""What is watched while faces learn to be restored through the prior."""

from dataclasses import dataclass, replace
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.data.portraits import PackedPortraits, Portraits
from mien.degrade.chain import PROFILES
from mien.image.blend import contact_sheet
from mien.losses.identity import Embed
from mien.metrics.psnr import psnr
from mien.models.prior.codec import Pyramid
from mien.models.prior.objective import Remembering
from mien.train.config import Networks
from mien.train.order import generator_at
from mien.types import Images

VALIDATION_SEED = 2030


@dataclass(frozen=True)
class Examination:
    """Held-out faces with the same damage each time."""

    portraits: PackedPortraits
    held_out: list[int]
    profile: str
    embed: Embed | None
    num_shown: int = 8
    batch_size: int = 8

    def damaged(self, indices: list[int]) -> Portraits:
        generator = generator_at(torch.device("cpu"), VALIDATION_SEED, *indices)
        stored = self.portraits.batch(indices)
        return replace(stored, damaged=PROFILES[self.profile](stored.truth, generator))

    @torch.no_grad()
    def figures(self, networks: Networks, device: torch.device) -> dict[str, float]:
        """Decibels of the prior's and of the codec's picture, gained over the input, and identity."""
        rows: list[Float[Tensor, "figures batch"]] = []
        for start in range(0, len(self.held_out), self.batch_size):
            batch = self.damaged(self.held_out[start : start + self.batch_size])
            made, pyramid = self.made(networks, batch, device)
            before = psnr(batch.damaged, batch.truth)
            codec = psnr(pyramid[-1], batch.truth) if pyramid else before
            alike = torch.zeros_like(before)
            if self.embed is not None:
                one, other = (self.embed(images.to(device)).cpu() for images in (made, batch.truth))
                alike = F.cosine_similarity(one, other)
            rows.append(torch.stack((psnr(made, batch.truth), before, codec, alike)))
        after, before, codec, alike = torch.cat(rows, dim=1).mean(1).tolist()
        figures = {"psnr": after, "psnr_gain": after - before, "codec_gain": codec - before}
        return figures if self.embed is None else {**figures, "cosine": alike}

    @torch.no_grad()
    def sheet(self, networks: Networks, device: torch.device) -> Images:
        """Rows of input, codec's picture, result, truth."""
        every = max(1, len(self.held_out) // self.num_shown)
        batch = self.damaged(self.held_out[::every][: self.num_shown])
        made, pyramid = self.made(networks, batch, device)
        columns = (batch.damaged, *pyramid[-1:], made, batch.truth)
        tiles = [picture for row in zip(*columns, strict=True) for picture in row]
        return contact_sheet(tiles, columns=2 * len(columns), gap=2)[None]

    def made(self, networks: Networks, batch: Portraits, device: torch.device) -> tuple[Images, Pyramid]:
        """Pictures in [0, 1]."""
        network = cast(Remembering, networks["prior"]).network
        with torch.autocast(device.type, dtype=torch.bfloat16):
            made, pyramid = network((2 * batch.damaged - 1).to(device))
        units = [((picture.float() + 1) / 2).clamp(0, 1).cpu() for picture in (made, *pyramid)]
        return units[0], units[1:]
