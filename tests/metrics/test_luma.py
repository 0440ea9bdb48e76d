import numpy as np
import torch
from skimage.color import rgb2ycbcr

from mien.metrics.luma import luma


def test_black_and_white_lie_at_the_ends_of_the_studio_range():
    images = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1).expand(2, 3, 4, 4)
    torch.testing.assert_close(
        luma(images)[:, 0, 0, 0] * 255, torch.tensor([16.0, 235.0], dtype=torch.float64)
    )


def test_equals_scikit_image():
    images = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    expected = rgb2ycbcr(images.double().numpy(), channel_axis=1)[:, :1] / 255
    np.testing.assert_allclose(luma(images).numpy(), expected, atol=1e-12)
