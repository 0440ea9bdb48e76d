import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.data import astronaut

from mien.degrade.compress import UNIT, jpeg, jpeg_libjpeg, quantization_tables, quantize, repeat_last
from mien.types import Images


def faces() -> Images:
    """Crops of one photo, as it is and with noise, for no picture is like another to a compressor."""
    photo = torch.from_numpy(astronaut().copy()).permute(2, 0, 1).float() / 255
    sharp = torch.stack(
        [photo[:, top : top + 256, left : left + 256] for top in (0, 200) for left in (100, 250)]
    )
    noise = torch.randn(sharp.shape, generator=torch.Generator().manual_seed(0))
    return torch.cat((sharp, (sharp + 0.03 * noise).clamp(0, 1)))


def psnr(images: Images, others: Images) -> torch.Tensor:
    return -10 * torch.log10(((images - others) ** 2).mean((1, 2, 3)).clamp(min=1e-12))


@pytest.mark.parametrize("quality", [5, 10, 20, 30, 40, 50, 60, 75, 90, 95])
def test_torch_and_libjpeg_agree(quality: int):
    images = faces()
    ours = jpeg(images, torch.full((len(images),), quality))
    theirs = torch.stack([jpeg_libjpeg(image, quality) for image in images])
    decibels = psnr(ours, theirs)
    assert decibels.min() > 44
    assert decibels.mean() > 50
    # the least that the damage itself differs from another quality's
    assert decibels.min() > psnr(theirs, images).max() + 8


@pytest.mark.parametrize(("height", "width"), [(33, 51), (38, 46), (8, 11), (17, 7), (50, 64)])
def test_odd_sizes_agree(height: int, width: int):
    images = faces()[:, :, 90 : 90 + height, 100 : 100 + width]
    for quality in (15, 60):
        ours = jpeg(images, torch.full((len(images),), quality))
        theirs = torch.stack([jpeg_libjpeg(image, quality) for image in images])
        # of a tiny picture one coefficient that rounds the other way is a large part, so no least
        assert psnr(ours, theirs).mean() > 50


def test_quality_is_per_sample_and_0_is_none():
    images = faces()[:4]
    quality = torch.tensor([0, 10, 50, 90])
    together = jpeg(images, quality)
    alone = torch.cat([jpeg(images[i : i + 1], quality[i : i + 1]) for i in range(4)])
    assert psnr(together, alone).min() > 60
    torch.testing.assert_close(together[0], images[0])
    torch.testing.assert_close(jpeg_libjpeg(images[0], 0), images[0])


def test_what_lies_beyond_the_size_does_not_matter():
    images = faces()[:2, :, 90:138, 100:148]
    sizes, quality = torch.tensor([[37, 22], [48, 9]]), torch.tensor([20, 70])
    on_canvas = jpeg(images, quality, sizes)
    for i, (height, width) in enumerate(sizes.tolist()):
        alone = jpeg(images[i : i + 1, :, :height, :width], quality[i : i + 1])
        assert psnr(on_canvas[i : i + 1, :, :height, :width], alone).item() > 60


def test_tables_are_libjpegs():
    luma = ((16,) * 8,) * 8
    steps = quantization_tables(torch.tensor([1, 10, 25, 50, 75, 100]), luma)[:, 0]
    assert steps.tolist() == [255, 80, 32, 16, 8, 1]


def test_repeat_last():
    planes = torch.arange(12.0).reshape(1, 1, 3, 4)
    repeated = repeat_last(planes, torch.tensor([[2, 3]]), 4, 5)
    expected = [[0, 1, 2, 2, 2], [4, 5, 6, 6, 6], [4, 5, 6, 6, 6], [4, 5, 6, 6, 6]]
    assert repeated[0, 0].tolist() == expected


@settings(max_examples=15, deadline=None)
@given(
    height=st.integers(1, 40), width=st.integers(1, 40), quality=st.integers(1, 100), seed=st.integers(0, 99)
)
def test_any_size_stays_in_range_and_on_levels(height: int, width: int, quality: int, seed: int):
    images = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(seed))
    compressed = jpeg(images, torch.tensor([quality, 0]))
    assert compressed.shape == images.shape
    assert compressed.isfinite().all()
    assert compressed.min() >= 0
    assert compressed.max() <= 1
    torch.testing.assert_close(compressed, quantize(compressed))


def test_gradients_pass_the_rounding():
    images = faces()[:1, :, 90:122, 100:132].requires_grad_()
    jpeg(images, torch.tensor([50])).sum().backward()
    assert images.grad is not None
    # a flat change passes through all of it unchanged
    assert images.grad.mean().item() == pytest.approx(1, abs=0.05)


def test_smooth_gradients_are_true():
    generator = torch.Generator().manual_seed(0)
    images = 0.2 + 0.6 * torch.rand(1, 3, UNIT, UNIT, generator=generator, dtype=torch.float64)

    def small_part(part: torch.Tensor) -> torch.Tensor:
        return jpeg(torch.cat((part, images[:, :, :, 3:]), 3), torch.tensor([80]), smooth=True)

    assert torch.autograd.gradcheck(small_part, images[:, :, :, :3].clone().requires_grad_())


def test_smooth_is_near_the_real_one():
    images = faces()[:4]
    quality = torch.full((4,), 50)
    assert psnr(jpeg(images, quality, smooth=True), jpeg(images, quality)).min() > 32
