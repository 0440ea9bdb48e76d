"""A slow copy of a network: the exponential moving average of its weights."""

import copy

import torch
from torch import Tensor, nn


class Average:
    """The network whose weights are averaged over the steps.

    The decay starts low, at (1 + n) / (10 + n) for update n, so that the random first weights are
    soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self.decay = decay
        self.num_updates = 0
        pairs = list(zip(_tensors(self.network), _tensors(network), strict=True))
        self._slow = [slow for slow, _ in pairs if slow.is_floating_point()]
        self._fast = [fast for _, fast in pairs if fast.is_floating_point()]
        self._counts = [(slow, fast) for slow, fast in pairs if not slow.is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Move a little towards the network as it is now."""
        decay = min(self.decay, (1 + self.num_updates) / (10 + self.num_updates))
        if self._slow:
            torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]
                self._slow, self._fast, 1 - decay
            )
        for slow, fast in self._counts:
            slow.copy_(fast)
        self.num_updates += 1


def _tensors(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]
