"""From faces to vectors that tell people apart."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mien.faces.identify import FACE_SIZE, cut_face, most_prominent
from mien.models.identity.network import IdentityNetwork, as_input
from mien.types import Detection, Image, Images

Embeddings = Float[Tensor, "batch features"]


class Identifier:
    """Faces of 112 px, as `faces.identify.cut_face` cuts them, to vectors of length 1.

    Each is seen as it is and in the mirror, and what it is like in both is added.
    """

    def __init__(
        self,
        network: nn.Module,
        device: torch.device,
        batch_size: int = 32,
        precision: torch.dtype = torch.bfloat16,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        self.device = device
        self.batch_size = batch_size
        self.precision = precision
        self.network = network.to(device).eval()
        self.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    @torch.inference_mode()
    def __call__(self, faces: Images) -> Embeddings:
        if faces.shape[1:] != (3, FACE_SIZE, FACE_SIZE):
            raise ValueError(f"faces must be 3 x {FACE_SIZE} x {FACE_SIZE}, not {tuple(faces.shape[1:])}")
        return torch.cat([self._embed(part.to(self.device)) for part in faces.split(self.batch_size)]).cpu()

    @torch.inference_mode()
    def maps(self, images: Images) -> list[Float[Tensor, "batch _ _ _"]]:
        """What is seen where, fine to coarse; of pictures of any size and alignment."""
        if not isinstance(self.network, IdentityNetwork):
            raise TypeError(f"a {type(self.network).__name__} does not say what it sees where")
        return [seen.cpu() for seen in self.network.maps(as_input(images.to(self.device)))]

    def _embed(self, faces: Images) -> Embeddings:
        both = as_input(torch.cat((faces, faces.flip(3))))
        mixed = self.precision != torch.float32
        with torch.autocast(self.device.type, dtype=self.precision, enabled=mixed):
            plain, mirrored = self.network(both).float().chunk(2)
        return F.normalize(plain + mirrored)


def cut_prominent(
    photo: Image, detections: list[Detection], size: int, margin: int
) -> Float[Tensor, "3 side side"]:
    """Whom a photo is of, in the alignment that the network takes, with a margin."""
    return cut_face(photo, most_prominent(photo, detections), size, margin).float()
