"""Networks made ready for use: norms folded, and on the processor weights laid out once, not at every call.

A plain convolution brings its weights into the order that its kernel wants each time. For the few small
pictures that a face is looked at in, this is a tenth of all time.
"""

from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mien.layers.norm import ConvNorm, fold_norms

Network = TypeVar("Network", bound=nn.Module)
MOST_LAYOUTS = 4
"""Kept of a convolution, one for each shape of its input that was met; more would be memory for little."""


class PackedConv(nn.Module):
    """What a folded ConvNorm does, in one kernel of oneDNN."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv
        padding, stride, dilation = (
            list(map(int, pair)) for pair in (conv.padding, conv.stride, conv.dilation)
        )
        self.geometry = (padding, stride, dilation, conv.groups)
        self.layouts: dict[torch.Size, Tensor] = {}

    def forward(
        self, features: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch new_channels new_height new_width"]:
        weight = self.layouts.get(features.shape)
        if weight is None:
            weight = self.lay_out(features.shape)
        return torch.ops.mkldnn._convolution_pointwise(
            features, weight, self.conv.bias, *self.geometry, "relu", [], ""
        )

    def lay_out(self, shape: torch.Size) -> Tensor:
        """The weights as the kernel for inputs of that shape takes them."""
        if len(self.layouts) >= MOST_LAYOUTS:
            self.layouts.clear()
        plain = self.conv.weight.detach().to_mkldnn()
        weight = torch.ops.aten.mkldnn_reorder_conv2d_weight(plain, *self.geometry, list(shape))
        self.layouts[shape] = weight
        return weight


def made_ready(
    network: nn.Module,
    device: torch.device,
    precision: torch.dtype,
    precise: tuple[type[nn.Module], ...] = (),
) -> nn.Module:
    """A copy for inference, in channels_last; modules of the types `precise` stay in float32."""
    ready: nn.Module = fold_norms(network).to(device)
    for module in ready.modules():
        if not list(module.children()) and not isinstance(module, precise):
            module.to(precision)
    ready = ready.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return packed(ready) if can_pack(device, precision) else ready


def can_pack(device: torch.device, precision: torch.dtype) -> bool:
    """Whether oneDNN is there, and computes in that precision on this processor."""
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    if precision == torch.bfloat16:
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return precision == torch.float32


def packed(network: Network) -> Network:
    """Every ConvNorm of a folded network in the place where it is."""
    for name, module in list(network.named_modules()):
        if isinstance(module, ConvNorm):
            parent, _, own = name.rpartition(".")
            setattr(network.get_submodule(parent), own, PackedConv(module.conv))
    return network
