import pytest
import torch

from mien.losses.flow import landmark_loss, roughness


def identity(side: int) -> torch.Tensor:
    steps = torch.linspace(-1, 1, side)
    return torch.stack(torch.meshgrid(steps, steps, indexing="xy"))[None]


def test_landmark_loss_is_the_sum_of_equation_9() -> None:
    truth = torch.tensor([[[2.0, 3.0], [4.0, 4.0]]])
    guide = truth + torch.tensor([[[1.0, 0.0], [0.0, -2.0]]])
    expected = (2 / 8) ** 2 + (4 / 8) ** 2  # a pixel is 2 / 8 where the side is 9
    assert landmark_loss(identity(9), truth, guide) == pytest.approx(expected, rel=1e-5)


def test_it_is_nothing_where_the_flow_leads_to_the_landmarks() -> None:
    flow = identity(9) + torch.tensor([0.25, -0.5]).reshape(1, 2, 1, 1)
    truth = torch.tensor([[[2.0, 3.0], [4.0, 4.0]]])
    assert landmark_loss(flow, truth, truth + torch.tensor([1.0, -2.0])) == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize("side", ["guide", "truth"])
def test_landmarks_beyond_the_border_do_not_count(side: str) -> None:
    points = {
        "truth": torch.tensor([[[2.0, 3.0], [4.0, 4.0]]]),
        "guide": torch.tensor([[[2.0, 3.0], [5.0, 4.0]]]),
    }
    points[side] = torch.tensor([[[2.0, 3.0], [11.0, 4.0]]])
    assert landmark_loss(identity(9), points["truth"], points["guide"]) == pytest.approx(0, abs=1e-10)


def test_the_identity_and_a_shift_are_smooth() -> None:
    assert roughness(identity(9)) == pytest.approx(0, abs=1e-10)
    assert roughness(identity(9) + 0.3) == pytest.approx(0, abs=1e-10)


def test_roughness_is_the_sum_of_equation_10() -> None:
    """A slope of s per pixel along x, in both parts of the flow."""
    slope = 0.01
    flow = identity(5) + slope * torch.arange(5.0)
    assert roughness(flow) == pytest.approx(2 * 5 * 4 * slope**2, rel=1e-4)


def test_roughness_hardly_changes_with_the_size() -> None:
    """The same bend drawn finer."""

    def bent(side: int) -> torch.Tensor:
        x = torch.linspace(-1, 1, side)
        return identity(side) + 0.1 * torch.sin(3 * x)

    assert roughness(bent(257)) == pytest.approx(float(roughness(bent(65))), rel=0.05)


def test_gradients_are_right() -> None:
    generator = torch.Generator().manual_seed(0)
    flow = identity(5).double() + 0.1 * torch.rand(1, 2, 5, 5, generator=generator, dtype=torch.double)
    torch.autograd.gradcheck(lambda one: one.double().diff(dim=2).square().sum(), flow.requires_grad_())
    points = torch.tensor([[[1.3, 2.2]]])
    loss = landmark_loss(flow, points, points) + roughness(flow)
    loss.backward()
    assert flow.grad is not None
    assert flow.grad.isfinite().all()
