import numpy as np
import pytest
import torch
from scipy.ndimage import maximum_filter, median_filter
from skimage.color import deltaE_cie76, rgb2lab
from skimage.metrics import structural_similarity

from mien.image.occlusion import (
    PAPER,
    OcclusionSettings,
    Parts,
    occlusion_mask,
    softened,
    structure_difference,
    swap,
    texture_difference,
    widened,
    z_scores,
)
from mien.image.occlusion import median_filter as our_median

SIZE = 48


def pictures(seed, batch=2):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, 3, 8, 8, generator=generator)
    return torch.nn.functional.interpolate(coarse, (SIZE, SIZE), mode="bicubic").clamp(0, 1)


def disk(radius=18):
    line = torch.arange(SIZE) - (SIZE - 1) / 2
    return (torch.hypot(line[:, None], line) < radius).float().expand(2, 1, -1, -1).clone()


def test_texture_is_the_distance_in_lab():
    first, second = pictures(0), pictures(1)
    found = texture_difference(first, second, window=1)
    for one, other, distance in zip(first, second, found, strict=True):
        labs = (rgb2lab(picture.permute(1, 2, 0).double().numpy()) for picture in (one, other))
        np.testing.assert_allclose(distance[0].numpy(), deltaE_cie76(*labs), atol=0.02)


def test_structure_is_ssim_without_its_luminance():
    # with the same mean everywhere the luminance is 1, and the rest is all of SSIM
    tiles = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(SIZE // 2, SIZE // 2)
    first = (0.5 + 0.3 * (tiles - 0.5)).expand(1, 3, -1, -1)
    second = (0.5 - 0.1 * (tiles - 0.5)).expand(1, 3, -1, -1)
    wanted = structural_similarity(
        first[0, 0].double().numpy(),
        second[0, 0].double().numpy(),
        gaussian_weights=True,
        sigma=1.5,
        truncate=2 / 1.5,
        use_sample_covariance=False,
        data_range=1.0,
        full=True,
    )[1]
    found = structure_difference(first, second)
    np.testing.assert_allclose(1 - found[0, 0, 5:-5, 5:-5].numpy(), wanted[5:-5, 5:-5], atol=2e-3)


def test_structure_does_not_see_brightness():
    image = 0.2 + 0.5 * pictures(0)
    assert structure_difference(image, image + 0.2).abs().max() < 1e-4


def test_scores_are_those_of_the_face_alone():
    values, where = pictures(2)[:, :1], disk()
    scores = z_scores(values, where)
    for value, score, inside in zip(values, scores, where > 0, strict=True):
        chosen = value[inside].numpy()
        np.testing.assert_allclose(
            score[inside].numpy(), (chosen - chosen.mean()) / chosen.std(), rtol=1e-4, atol=1e-4
        )
    assert not z_scores(torch.full((1, 1, 4, 4), 0.3), torch.ones(1, 1, 4, 4)).any()


def test_median_and_maximum_are_those_of_scipy():
    masks = (pictures(3)[:, :1] > 0.5).float()
    for mask, middle, largest in zip(masks, our_median(masks, 5), widened(masks, 5), strict=True):
        np.testing.assert_array_equal(middle[0], median_filter(mask[0].numpy(), 5, mode="mirror"))
        np.testing.assert_array_equal(largest[0], maximum_filter(mask[0].numpy(), 5))


@pytest.mark.parametrize("over", ["face", "picture"])
def test_something_in_front_is_found_and_nothing_off_the_face(over):
    estimated, face = 0.4 + 0.1 * pictures(0), disk()
    projected = estimated.clone()
    projected[:, :, 28:38, 16:32] = torch.tensor([0.1, 0.2, 0.9])[:, None, None]
    mask = occlusion_mask(projected, estimated, face, OcclusionSettings(over=over))
    cover = torch.zeros_like(mask)
    cover[:, :, 28:38, 16:32] = 1
    cover *= face
    assert (mask * cover).sum() / cover.sum() > 0.9
    assert (mask * (1 - cover)).sum() / cover.sum() < 0.5
    assert not (mask * (1 - face)).any()


def test_nothing_differs_nothing_is_found():
    image = pictures(0)
    assert not occlusion_mask(image, image, disk()).any()


def test_equation_5_by_hand():
    projected, estimated, face = pictures(0), pictures(1), torch.ones(2, 1, SIZE, SIZE)
    plain = OcclusionSettings(median=1, over="picture")
    texture, structure = (
        (values - values.mean((2, 3), keepdim=True)) / values.std((2, 3), keepdim=True, correction=0)
        for values in (
            texture_difference(projected, estimated),
            structure_difference(projected, estimated),
        )
    )
    combined = texture * structure + texture + 0.4 * structure
    wanted = combined > combined.mean((2, 3), keepdim=True)
    torch.testing.assert_close(occlusion_mask(projected, estimated, face, plain), wanted.float())


def test_a_parser_adds_objects_and_takes_eyes_out():
    estimated, face = 0.4 + 0.1 * pictures(0), disk()
    projected = estimated.clone()
    projected[:, :, 18:22, 14:20] = 1.0
    eyes, objects = torch.zeros_like(face), torch.zeros_like(face)
    eyes[:, :, 18:22, 14:20] = 1
    objects[:, :, 30:34] = 1
    mask = occlusion_mask(projected, estimated, face, PAPER, Parts(objects, eyes))
    assert not (mask * eyes).any()
    assert bool((mask >= objects * face).all())


def test_a_swap_is_equation_6_and_its_own_inverse():
    projected, estimated, mask = pictures(0), pictures(1), softened(disk(8))
    shown, guide = swap(projected, estimated, mask)
    torch.testing.assert_close(shown, (1 - mask) * projected + mask * estimated)
    torch.testing.assert_close(guide, (1 - mask) * estimated + mask * projected)
    torch.testing.assert_close(shown + guide, projected + estimated)
    blurred = swap(projected, estimated, torch.ones_like(mask), blur=2.0)[1]
    assert blurred.diff(dim=3).abs().mean() < projected.diff(dim=3).abs().mean()


def test_a_softened_mask_reaches_a_little_further():
    mask = disk(8)
    soft = softened(mask)
    assert bool((soft >= mask - 1e-6).all())
    assert mask.sum() < soft.sum() < widened(mask, 5).sum()
