"""What guided restoration is worth on people held out: with their photo, with a stranger's, and its warp."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import nn

from mien.data.albums import PackedAlbums, Pairs
from mien.degrade.chain import PROFILES, Profile
from mien.geometry.flow import flow_error
from mien.image.blend import contact_sheet
from mien.metrics.psnr import psnr
from mien.models.guided.network import Guided
from mien.train.config import Networks
from mien.train.order import generator_at
from mien.types import Images

VALIDATION_SEED = 2018
CONDITIONS: dict[str, float | None] = {"mixed": None, "8x": 8.0}


@dataclass(frozen=True)
class Examination:
    """Held-out people, damaged the same way each time."""

    pool: PackedAlbums
    held_out: list[int]
    profile: str
    own: bool
    """Whether the guides are the person's."""
    batch_size: int = 16
    num_shown: int = 6
    """Rows of the sheet."""

    def pairs(self, photos: list[int], factor: float | None, own: bool) -> Pairs:
        chance = generator_at(torch.device("cpu"), VALIDATION_SEED, photos[0])
        pairs = self.pool.batch(photos, chance, own)
        damage = at_scale(PROFILES[self.profile], factor)
        return replace(pairs, damaged=damage(pairs.truths, generator_at(torch.device("cpu"), photos[0])))

    def batches(self) -> list[list[int]]:
        size = self.batch_size
        return [self.held_out[start : start + size] for start in range(0, len(self.held_out), size)]

    @torch.no_grad()
    def figures(self, networks: Networks, device: torch.device) -> Mapping[str, float]:
        """Decibels, over the input and of another person's guide; pixels that landmarks are off."""
        found: dict[str, list[torch.Tensor]] = {}

        def note(name: str, values: torch.Tensor) -> None:
            found.setdefault(name, []).append(values.cpu())

        for photos in self.batches():
            for condition, factor in CONDITIONS.items():
                pairs = moved(self.pairs(photos, factor, self.own), device)
                made = restored(networks["guided"], pairs)
                after = psnr(as_picture(made.image), pairs.truths)
                note(f"psnr_{condition}", after)
                note(f"gain_{condition}", after - psnr(pairs.damaged, pairs.truths))
                note("reconstruction", (as_picture(made.image) - pairs.truths).square().mean((1, 2, 3)))
                note("warped_px", flow_error(made.flow, pairs.truth_points, pairs.guide_points))
                note("unwarped_px", (pairs.truth_points - pairs.guide_points).norm(dim=-1).mean(1))
            strange = moved(self.pairs(photos, 8.0, not self.own), device)
            made = restored(networks["guided"], strange)
            other = "random" if self.own else "own"
            note(f"psnr_8x_{other}_guide", psnr(as_picture(made.image), strange.truths))
        return {name: float(torch.cat(values).mean()) for name, values in found.items()}

    @torch.no_grad()
    def sheet(self, networks: Networks, device: torch.device) -> Images:
        """Rows of damaged picture, guide, warped guide, result, truth."""
        every = max(1, len(self.held_out) // self.num_shown)
        pairs = moved(self.pairs(self.held_out[::every][: self.num_shown], 8.0, self.own), device)
        made = restored(networks["guided"], pairs)
        columns = (pairs.damaged, pairs.guides, as_picture(made.warped), as_picture(made.image), pairs.truths)
        tiles = [picture.cpu() for row in zip(*columns, strict=True) for picture in row]
        return contact_sheet(tiles, columns=5)[None]


def at_scale(profile: Profile, factor: float | None) -> Profile:
    """The profile with its shrinking factor fixed."""
    return profile if factor is None else replace(profile, scales=(factor,))


def restored(network: nn.Module, pairs: Pairs) -> Guided:
    with torch.autocast(pairs.truths.device.type, dtype=torch.bfloat16):
        return network(2 * pairs.damaged - 1, 2 * pairs.guides - 1)


def as_picture(image: Images) -> Images:
    return ((image.float() + 1) / 2).clamp(0, 1)


def moved(pairs: Pairs, device: torch.device) -> Pairs:
    """The same on another device."""
    return Pairs(**{name: getattr(pairs, name).to(device) for name in Pairs.__dataclass_fields__})
