"""Being taken for a real picture: the logistic loss (Goodfellow et al., 2014) and its non-saturating half."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Logits = Float[Tensor, "batch 1 height width"]


def critic_loss(real: Logits, made: Logits, real_label: float = 1.0) -> Float[Tensor, ""]:
    """What a critic minimises: -log D(real) - log(1 - D(made)), mean over patches.

    With a label below 1 it is kept from being sure (one-sided smoothing, Salimans et al., 2016).
    """
    is_real = real_label * F.softplus(-real) + (1 - real_label) * F.softplus(real)
    return is_real.mean() + F.softplus(made).mean()


def adversarial_loss(made: Logits) -> Float[Tensor, ""]:
    """What the maker minimises: -log D(made), which does not fade while the critic is still sure."""
    return F.softplus(-made).mean()
