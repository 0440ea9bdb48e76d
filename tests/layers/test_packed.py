import pytest
import torch
from torch import nn

from mien.layers.norm import ConvNorm, NormBlock
from mien.layers.packed import MOST_LAYOUTS, PackedConv, can_pack, made_ready

CPU = torch.device("cpu")
needs_kernels = pytest.mark.skipif(
    not can_pack(CPU, torch.float32), reason="torch was built without the kernels"
)


def trained() -> nn.Module:
    torch.manual_seed(0)
    network = nn.Sequential(
        ConvNorm(3, 8, stride=2), NormBlock(8), nn.Conv2d(8, 8, 1), ConvNorm(8, 4, size=1)
    )
    for _ in range(3):
        network(torch.rand(4, 3, 16, 16))  # gives the norms statistics of their own
    return network.eval()


@torch.inference_mode()
def test_a_network_made_ready_answers_as_before() -> None:
    network = trained()
    ready = made_ready(network, CPU, torch.float32)
    for shape in ((1, 3, 16, 16), (5, 3, 32, 24), (1, 3, 16, 16)):
        picture = torch.rand(shape)
        torch.testing.assert_close(ready(picture), network(picture), atol=1e-5, rtol=1e-4)
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@needs_kernels
@torch.inference_mode()
def test_layouts_are_kept_but_not_all_of_them() -> None:
    ready = made_ready(trained(), CPU, torch.float32)
    first = next(module for module in ready.modules() if isinstance(module, PackedConv))
    ready(torch.rand(1, 3, 8, 8))
    (kept,) = first.layouts.values()
    ready(torch.rand(1, 3, 8, 8))
    assert next(iter(first.layouts.values())) is kept
    for batch in range(2, 2 * MOST_LAYOUTS):
        ready(torch.rand(batch, 3, 8, 8))
    assert len(first.layouts) <= MOST_LAYOUTS


def test_what_must_stay_precise_does() -> None:
    class Head(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.last = ConvNorm(3, 4), nn.Linear(4, 2)

    ready = made_ready(Head(), CPU, torch.bfloat16, precise=(nn.Linear,))
    kinds = {name.split(".")[0]: weight.dtype for name, weight in ready.named_parameters()}
    assert kinds == {"conv": torch.bfloat16, "last": torch.float32}


def test_kernels_of_one_precision_are_none_of_another() -> None:
    assert not can_pack(CPU, torch.float16)
    assert not can_pack(torch.device("meta"), torch.float32)
