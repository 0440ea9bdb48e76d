"""Being taken for a real picture: the logistic loss (Goodfellow et al., 2014) and its non-saturating half."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Logits = Float[Tensor, "batch 1 height width"]


def critic_loss(real: Logits, made: Logits) -> Float[Tensor, ""]:
    """What a critic minimises: -log D(real) - log(1 - D(made)), mean over patches."""
    return F.softplus(-real).mean() + F.softplus(made).mean()


def adversarial_loss(made: Logits) -> Float[Tensor, ""]:
    """What the maker minimises: -log D(made), which does not fade while the critic is still sure."""
    return F.softplus(-made).mean()
