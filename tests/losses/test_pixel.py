import math

import pytest
import torch

from mien.losses.pixel import charbonnier, log_squared_error, squared_error

RESULT = torch.tensor([0.1, 0.5, 0.9]).view(1, 3, 1, 1)
TRUTH = torch.tensor([0.1, 0.3, 0.5]).view(1, 3, 1, 1)


def test_numbers_by_hand() -> None:
    assert float(squared_error(RESULT, TRUTH)) == pytest.approx((0.04 + 0.16) / 3)
    assert float(charbonnier(RESULT, TRUTH, epsilon=0.3)) == pytest.approx(
        (0.3 + math.sqrt(0.04 + 0.09) + 0.5) / 3
    )
    assert float(log_squared_error(RESULT, TRUTH)) == pytest.approx(math.log(0.2 / 3 + 1e-4))


def test_log_squared_error_is_psnr_up_to_a_factor() -> None:
    torch.manual_seed(0)
    result, truth = torch.rand(4, 3, 8, 8), torch.rand(4, 3, 8, 8)
    psnr = -10 * (result - truth).square().mean(dim=(1, 2, 3)).log10().mean()
    expected = float(psnr) * -math.log(10) / 10
    assert float(log_squared_error(result, truth, epsilon=0.0)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", [squared_error, charbonnier, log_squared_error])
def test_gradients(loss) -> None:
    torch.manual_seed(0)
    truth = torch.rand(2, 3, 2, 2, dtype=torch.float64)
    result = torch.rand(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda images: loss(images, truth), (result,))
