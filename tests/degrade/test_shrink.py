import torch

from mien.degrade.shrink import blur_and_shrink, grow, shrunk_sizes
from mien.image.filter import gaussian_blur
from mien.image.resize import resize


def test_sizes_are_rounded_and_never_0():
    sizes = shrunk_sizes(256, 20, torch.tensor([1.0, 3.0, 8.0, 100.0, 0.4]))
    assert sizes.tolist() == [[256, 20], [85, 7], [32, 2], [3, 1], [640, 50]]


def test_one_pass_is_blur_then_resize():
    images = torch.rand(3, 3, 40, 28, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    sigma = torch.tensor([0.0, 1.2, 3.0], dtype=torch.float64)
    sizes = shrunk_sizes(40, 28, torch.tensor([1.0, 2.3, 7.0]))
    small = blur_and_shrink(images, sigma, sizes, (48, 32))
    blurred = gaussian_blur(images, sigma)
    back = grow(small, sizes, 40, 28)
    for i, (height, width) in enumerate(sizes.tolist()):
        expected = resize(blurred[i : i + 1], height, width)
        torch.testing.assert_close(small[i : i + 1, :, :height, :width], expected)
        torch.testing.assert_close(back[i : i + 1], resize(expected, 40, 28))
