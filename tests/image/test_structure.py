import pytest
import torch
from skimage.metrics import structural_similarity

from mien.image.filter import gaussian_blur
from mien.image.structure import structure_agreement


def textured(seed: int = 0) -> torch.Tensor:
    coarse = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=(64, 64), mode="bicubic").clamp(0, 1)


def test_a_picture_agrees_with_itself_and_with_its_brighter_self() -> None:
    images = textured() * 0.7
    torch.testing.assert_close(structure_agreement(images, images), torch.ones(1, 1, 64, 64))
    brighter = structure_agreement(images, images + 0.2)
    torch.testing.assert_close(brighter, torch.ones(1, 1, 64, 64), atol=1e-4, rtol=0)


def test_other_structure_does_not_agree() -> None:
    assert float(structure_agreement(textured(0), textured(1)).mean()) < 0.3
    assert float(structure_agreement(textured(), 1 - textured()).max()) < 1e-3  # the opposite


def test_detail_that_one_lacks_lowers_it_and_more_so_where_more_is_lacking() -> None:
    images = textured()
    means = [
        float(structure_agreement(images, gaussian_blur(images, torch.tensor([sigma]))).mean())
        for sigma in (1.0, 2.0, 4.0)
    ]
    assert means == sorted(means, reverse=True)
    assert means[0] > 0.8
    assert means[2] < 0.5


def test_flat_pictures_have_nothing_to_disagree_on() -> None:
    flat = torch.full((1, 3, 32, 32), 0.5)
    torch.testing.assert_close(structure_agreement(flat, flat * 0.5), torch.ones(1, 1, 32, 32))


def test_is_ssim_without_its_luminance_term() -> None:
    gray = textured()[:, :1]
    other = gray * 0.6 + 0.2 * textured(3)[:, :1]
    agreement = structure_agreement(gray.expand(-1, 3, -1, -1), other.expand(-1, 3, -1, -1))[
        0, 0, 16:-16, 16:-16
    ]
    full = structural_similarity(
        gray[0, 0].numpy(),
        other[0, 0].numpy(),
        gaussian_weights=True,
        sigma=2.0,
        use_sample_covariance=False,
        data_range=1.0,
        full=True,
    )[1][16:-16, 16:-16]
    assert bool((agreement >= torch.from_numpy(full).clamp(0, 1) - 1e-3).all())  # luminance only takes away


def test_order_does_not_matter() -> None:
    first, second = textured(0), textured(5)
    torch.testing.assert_close(structure_agreement(first, second), structure_agreement(second, first))


@pytest.mark.parametrize("size", [8, 33])
def test_small_pictures(size: int) -> None:
    assert structure_agreement(torch.rand(2, 3, size, size), torch.rand(2, 3, size, size)).shape == (
        2,
        1,
        size,
        size,
    )
