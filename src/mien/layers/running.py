"""How torch runs a network for use: on a device, in a precision, channels last."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class OnTorch:
    """Tensors on the processor in, float32 on the processor out, whatever lies between.

    The network given is moved and converted when it is first used, not copied: who wants it run by somebody
    else finds it untouched until then.
    """

    def __init__(self, network: nn.Module, device: torch.device, precision: torch.dtype) -> None:
        self.network, self.device, self.precision = network, device, precision
        self.is_ready = False

    @torch.no_grad()
    def __call__(self, *inputs: Float[Tensor, "batch _ _ _"]) -> tuple[Float[Tensor, "batch ..."], ...]:
        if not self.is_ready:
            network = self.network.eval().to(self.device, self.precision)
            network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
            self.is_ready = True
        made = self.network(
            *(
                one.to(device=self.device, dtype=self.precision, memory_format=torch.channels_last)
                for one in inputs
            )
        )
        return tuple(one.float().cpu() for one in (made if isinstance(made, tuple) else (made,)))
