"""How the judge is used: aligned faces in, a map of quality and its mean out.

The mean over all pixels is IFQA's score; ours is measured by weights of our own and never to be
compared with published figures.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from mien.models.quality.network import QualityNetwork
from mien.types import Images, Masks

NAME = "mien face quality"


class FaceQuality:
    """Higher is better, from 0 to 1. The network given is moved, not copied."""

    template = "ffhq"

    def __init__(
        self, network: QualityNetwork, device: torch.device | None = None, batch_size: int = 8
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        self.device = device or torch.device("cpu")
        self.batch_size = batch_size
        self.network = network.eval().to(self.device)
        self.crop_size = network.config.image_size

    def __call__(self, faces: Images) -> Float[Tensor, " batch"]:
        """One score per face."""
        return self.maps(faces).mean(dim=(1, 2, 3))

    @torch.inference_mode()
    def maps(self, faces: Images) -> Masks:
        """Where a face looks real and undamaged, and where not."""
        if faces.shape[2:] != (self.crop_size, self.crop_size):
            raise ValueError(
                f"face quality takes crops of {self.crop_size} x {self.crop_size} pixels, "
                f"got {faces.shape[3]} x {faces.shape[2]}"
            )
        judged = [
            self.network(2 * some.to(self.device) - 1).sigmoid().cpu()
            for some in faces.split(self.batch_size)
        ]
        return torch.cat(judged)


def at_least(quality: Callable[[Images], Float[Tensor, " batch"]], faces: Images, score: float) -> list[int]:
    """Numbers of the faces that are good enough, where papers choose pictures by a learned quality."""
    return (quality(faces) >= score).nonzero()[:, 0].tolist()
