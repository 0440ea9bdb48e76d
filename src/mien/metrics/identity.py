"""How alike two faces are to an embedder: cosine, and the angle in degrees ("Deg")."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.metrics.mean import Mean


def identity_cosine(
    embeddings: Float[Tensor, "batch features"], truths: Float[Tensor, "batch features"]
) -> Float[Tensor, " batch"]:
    """1 for the same direction; the lengths of the embeddings do not matter."""
    return F.cosine_similarity(embeddings.double(), truths.double(), dim=1)


def identity_degrees(
    embeddings: Float[Tensor, "batch features"], truths: Float[Tensor, "batch features"]
) -> Float[Tensor, " batch"]:
    """0 for the same direction, 180 for the opposite one."""
    a = F.normalize(embeddings.double(), dim=1)
    b = F.normalize(truths.double(), dim=1)
    # half-angle form: the arc cosine loses its digits just where two faces are alike
    return torch.rad2deg(2 * torch.atan2((a - b).norm(dim=1), (a + b).norm(dim=1)))


def mean_degrees(degrees: Float[Tensor, " batch"], skip_below: float = 0.0) -> Mean:
    """Published "Deg" figures skip pairs under 1 degree (VQFR's script), which the count then shows."""
    return Mean.of(degrees[degrees >= skip_below])
