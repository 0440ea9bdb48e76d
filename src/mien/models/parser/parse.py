"""Using the parser: aligned faces in, a class for each pixel out."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from mien.layers.packed import made_ready
from mien.models.parser.network import CLASSES, ParserNetwork
from mien.types import Images, Masks


class Parser:
    """Faces aligned as FFHQ's are, of the network's size, to how likely each pixel is of each class."""

    def __init__(self, network: ParserNetwork, device: torch.device, batch_size: int = 8) -> None:
        self.image_size = network.config.image_size
        self.device = device
        self.batch_size = batch_size
        self.network = made_ready(network, device, torch.bfloat16)

    @torch.inference_mode()
    def __call__(self, faces: Images) -> Float[Tensor, "batch classes height width"]:
        if faces.shape[-2:] != (self.image_size, self.image_size):
            raise ValueError(
                f"the parser takes faces of {self.image_size} pixels, not {tuple(faces.shape[-2:])}"
            )
        return torch.cat([self._parse(part) for part in faces.split(self.batch_size)])

    def _parse(self, faces: Images) -> Float[Tensor, "batch classes height width"]:
        inputs = faces.to(self.device, torch.bfloat16, memory_format=torch.channels_last)
        logits = self.network(inputs).float()
        return F.interpolate(logits, faces.shape[-2:], mode="bilinear").softmax(dim=1).cpu()


def labels_of(
    chances: Float[Tensor, "batch classes height width"],
) -> Int[Tensor, "batch height width"]:
    """The likeliest class of each pixel."""
    return chances.argmax(dim=1)


def area_of(chances: Float[Tensor, "batch classes height width"], names: tuple[str, ...]) -> Masks:
    """How likely each pixel is one of these classes."""
    unknown = set(names) - set(CLASSES)
    if unknown:
        raise ValueError(f"no class is called {', '.join(sorted(unknown))}; there are {', '.join(CLASSES)}")
    return chances[:, [CLASSES.index(name) for name in names]].sum(dim=1, keepdim=True).clamp(0, 1)
