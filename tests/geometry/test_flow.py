import torch

from mien.geometry.flow import flow_at, flow_error, to_unit


def identity(height: int, width: int) -> torch.Tensor:
    x, y = torch.linspace(-1, 1, width), torch.linspace(-1, 1, height)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))[None]


def test_corner_pixels_are_at_one() -> None:
    points = torch.tensor([[[0.0, 0.0], [8.0, 4.0], [4.0, 2.0]]])
    assert torch.equal(to_unit(points, 5, 9), torch.tensor([[[-1.0, -1.0], [1.0, 1.0], [0.0, 0.0]]]))


def test_the_identity_leads_nowhere() -> None:
    points = 8 * torch.rand(2, 7, 2, generator=torch.Generator().manual_seed(0))
    flow = identity(9, 9).expand(2, -1, -1, -1)
    torch.testing.assert_close(flow_at(flow, points), points)
    torch.testing.assert_close(flow_error(flow, points, points), torch.zeros(2), atol=1e-5, rtol=0)


def test_a_shift_leads_that_far() -> None:
    flow = identity(9, 17) + torch.tensor([2 * 3 / 16, 2 * -2 / 8]).reshape(1, 2, 1, 1)
    points = torch.tensor([[[5.0, 4.0], [1.5, 2.25]]])
    torch.testing.assert_close(flow_at(flow, points), points + torch.tensor([3.0, -2.0]))
    torch.testing.assert_close(flow_error(flow, points, points), torch.tensor([13.0**0.5]))
