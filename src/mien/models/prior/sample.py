"""Faces of nobody: what the prior knows, to look at."""

import torch
from torch import Tensor

from mien.models.prior.network import Generator, Styles, draw_codes, draw_noises
from mien.types import Images

BATCH = 8


class Sampler:
    """Draws faces by number: the same seed and number is the same face on every machine of a kind."""

    def __init__(self, generator: Generator, device: torch.device, truncation: float = 0.7) -> None:
        """`truncation`: 1 draws all that was learned, less stays nearer to the average face."""
        if not 0 <= truncation <= 1:
            raise ValueError(f"truncation must lie between 0 and 1, got {truncation}")
        self.generator = generator.eval().to(device)
        self.device = device
        self.truncation = truncation

    @torch.no_grad()
    def faces(self, num: int, seed: int) -> Images:
        """So many, in [0, 1]."""
        return self.draw(self.styles(num, seed), seed)

    @torch.no_grad()
    def between(self, num: int, num_steps: int, seed: int) -> Images:
        """So many faces, and `num_steps` from each to the next; one that follows the last is the first."""
        styles = self.styles(num, seed)
        shares = torch.arange(num_steps, device=self.device) / num_steps
        ways = [
            torch.lerp(one[None], other[None], shares[:, None, None])
            for one, other in zip(styles, styles.roll(-1, 0), strict=True)
        ]
        return self.draw(torch.cat(ways), seed)

    def styles(self, num: int, seed: int) -> Styles:
        """Brought nearer to the average by the truncation."""
        codes = [self.code(seed, number) for number in range(num)]
        return torch.lerp(
            self.generator.mean_style(), self.generator.styles_of(torch.cat(codes)), self.truncation
        )

    def code(self, seed: int, number: int) -> Tensor:
        """Of one face."""
        chance = torch.Generator().manual_seed(100_003 * seed + number)
        return draw_codes(self.generator.config, 1, chance, self.device)

    def draw(self, styles: Styles, seed: int) -> Images:
        """All with the same noise, which must not flicker on the way from one to another."""
        chance = torch.Generator().manual_seed(seed)
        noises = draw_noises(self.generator.config, 1, chance, self.device)
        made = []
        for some in styles.split(BATCH):
            shared = [noise.expand(len(some), -1, -1, -1) for noise in noises]
            made.append(self.generator.synthesize(some, shared))
        return ((torch.cat(made).float() + 1) / 2).clamp(0, 1).cpu()
