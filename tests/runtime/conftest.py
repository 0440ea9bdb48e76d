import pytest
import torch
from torch import nn

from mien.runtime.portable import Inlet, Outlet, Portable


class Tiny(nn.Module):
    """Two pictures in, a picture and a number for each out."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(6, 3, 3, padding=1)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.normal_(std=0.1, generator=torch.Generator().manual_seed(0))

    def forward(self, one: torch.Tensor, other: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        made = self.conv(torch.cat((one, other), dim=1)).tanh()
        return made, made.mean(dim=(1, 2, 3))


@pytest.fixture(scope="session")
def tiny() -> Portable:
    inputs = (Inlet("one", (8, 16), low=-1.0), Inlet("other", (8, 16), low=-1.0))
    outputs = (Outlet("image", "grey levels", 127.5, 1.0), Outlet("mean", "plain numbers", 1.0, 0.05))
    return Portable("tiny", Tiny().eval(), inputs, outputs)
