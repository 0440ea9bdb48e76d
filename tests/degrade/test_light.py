import torch

from mien.degrade.light import adjust_gamma, warp_color


def test_gamma_per_sample():
    images = torch.tensor([0.0, 0.25, 1.0]).expand(2, 3, 1, 3).contiguous()
    adjusted = adjust_gamma(images, torch.tensor([2.0, 0.5]))
    torch.testing.assert_close(adjusted[0, 0, 0], torch.tensor([0.0, 0.0625, 1.0]))
    torch.testing.assert_close(adjusted[1, 2, 0], torch.tensor([0.0, 0.5, 1.0]))


def test_gamma_has_finite_gradients_at_black():
    images = torch.zeros(1, 3, 2, 2, requires_grad=True)
    adjust_gamma(images, torch.tensor([0.4])).sum().backward()
    assert images.grad is not None
    assert images.grad.isfinite().all()


def test_colors_are_scaled_shifted_and_clipped():
    images = torch.full((1, 3, 1, 1), 0.5)
    warped = warp_color(images, torch.tensor([[1.0, 1.2, 1.9]]), torch.tensor([[-0.1, 0.0, 0.2]]))
    torch.testing.assert_close(warped.flatten(), torch.tensor([0.4, 0.6, 1.0]))
