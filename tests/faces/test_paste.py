"""What paste promises: what the mask does not cover, and what a recovery did not change, stays."""

import math
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.faces import align
from mien.faces.paste import fit_whole, kept_detail, paste, paste_many, scale_photo
from mien.image.blend import ellipse_mask
from mien.image.filter import gaussian_blur
from mien.image.resize import resize
from mien.image.warp import compose, rescaling, similarity, transform_points
from mien.metrics.psnr import psnr
from mien.types import Crop, Detection, Face, Recovery

LEVEL = 1 / 255


def noise(height, width, seed=0):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


def scene(height, width, sigma=1.0):
    """A picture with detail at all sizes, sharp where sigma is small."""
    fine = gaussian_blur(noise(height, width)[None], torch.tensor([sigma]))
    coarse = gaussian_blur(noise(height, width, 1)[None], torch.tensor([8.0]))
    return (0.5 + 1.5 * (fine - 0.5) + 4 * (coarse - 0.5))[0].clamp(0, 1)


def cut_out(photo, scale=1.0, degrees=0.0, centre=None, size=64):
    """A crop around a centre, and its transform."""
    x, y = centre or (photo.shape[2] / 2, photo.shape[1] / 2)
    middle = torch.tensor([[(size - 1) / 2, (size - 1) / 2]], dtype=torch.float64)
    turn = similarity(scale, degrees, (0, 0))
    moved = transform_points(turn, middle)[0]
    photo_from_crop = similarity(scale, degrees, (x - float(moved[0]), y - float(moved[1])))
    return Crop(align.cut(photo, photo_from_crop, size), photo_from_crop, torch.zeros(5, 2))


def face_of(crop, pixels, score=1.0, pasted=True, area=None):
    detection = Detection(torch.tensor([0.0, 0.0, 9.0, 9.0]), torch.zeros(5, 2), score)
    return Face(detection, crop, Recovery(pixels, torch.ones_like(pixels[:1])), pasted, area=area)


@settings(max_examples=5)
@given(st.floats(0.2, 5), st.floats(-180, 180), st.floats(-10, 170), st.floats(-10, 130), st.booleans())
def test_an_unchanged_crop_changes_nothing(scale, degrees, x, y, is_soft):
    photo = scene(120, 160, 2.0 if is_soft else 0.5)
    crop = cut_out(photo, scale, degrees, (x, y))
    pasted = paste(photo, crop, crop.pixels)
    assert (pasted - photo).abs().max() <= 0.5 * LEVEL


@settings(max_examples=5)
@given(st.floats(0.2, 4), st.floats(-180, 180))
def test_outside_the_mask_not_a_bit_changes(scale, degrees):
    photo = noise(120, 160)
    crop = cut_out(photo, scale, degrees)
    pasted = paste(photo, crop, 1 - crop.pixels)
    y, x = torch.meshgrid(torch.arange(120.0), torch.arange(160.0), indexing="ij")
    from_middle = torch.hypot(x - 80, y - 60) / scale
    # the mask ends .48 of the side from the middle; one pixel for interpolation
    outside = from_middle > 64 * 0.48 + 2 + 2 / scale
    assert torch.equal(pasted[:, outside], photo[:, outside])
    assert not torch.equal(pasted, photo)


def test_values_beyond_the_range_stay_where_nothing_is_pasted():
    photo = noise(100, 100) * 1.2 - 0.1
    crop = cut_out(photo, 0.5)
    pasted = paste(photo, crop, 1 - crop.pixels)
    assert torch.equal(pasted[:, :15], photo[:, :15])


def test_a_given_mask_says_where():
    photo = noise(100, 100)
    crop = cut_out(photo)
    mask = torch.zeros(1, 64, 64)
    mask[:, 30:34, 30:34] = 1
    changed = (paste(photo, crop, 1 - crop.pixels, mask) != photo).any(dim=0).nonzero()
    assert changed.min() >= 45
    assert changed.max() <= 55


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.5])
def test_the_recovery_is_what_the_photo_then_shows(scale):
    photo = scene(160, 200, 2.0)
    crop = cut_out(photo, scale, 20)
    wanted = (0.8 * crop.pixels + 0.2 * crop.pixels.flip(0) + 0.05).clamp(0, 1)
    pasted = paste(photo, crop, wanted)
    shown = align.cut(pasted, crop.photo_from_crop, 64)
    core = ellipse_mask(64)[0] == 1
    assert (shown - wanted)[:, core].abs().mean() < 2 * LEVEL


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_pasting_twice_moves_nothing(scale):
    photo = scene(200, 240, 1.5)
    crop = cut_out(photo, scale, 33)
    wanted = (crop.pixels * 0.7 + 0.15).clamp(0, 1)
    once = paste(photo, crop, wanted)
    again_crop = Crop(align.cut(once, crop.photo_from_crop, 64), crop.photo_from_crop, crop.points)
    twice = paste(once, again_crop, wanted)
    y, x = torch.meshgrid(torch.arange(200.0), torch.arange(240.0), indexing="ij")
    core = torch.hypot(x - 120, y - 100) < 64 * 0.3 * scale
    assert (twice - once)[:, core].abs().mean() < LEVEL


def test_a_gray_photo_stays_gray():
    photo = noise(90, 90)[:1].expand(3, -1, -1).contiguous()
    crop = cut_out(photo, 1.3, 10)
    pasted = paste(photo, crop, noise(64, 64, 5))
    assert torch.equal(pasted[0], pasted[1])
    assert torch.equal(pasted[0], pasted[2])
    assert not torch.equal(pasted, photo)


def test_a_colour_photo_keeps_its_colours():
    photo = scene(90, 90, 1.0)
    crop = cut_out(photo, 1.0)
    wanted = torch.stack((crop.pixels[0], crop.pixels[0] * 0.2, crop.pixels[0] * 0.1))
    middle = paste(photo, crop, wanted)[:, 40:50, 40:50].mean(dim=(1, 2))
    assert middle[0] > 2 * middle[1]


@pytest.mark.parametrize("centre", [(0.0, 0.0), (99.0, 50.0), (50.0, 99.0), (-30.0, 50.0)])
def test_faces_partly_outside(centre):
    photo = noise(100, 100)
    crop = cut_out(photo, 1.0, 15, centre)
    pasted = paste(photo, crop, 1 - crop.pixels)
    assert torch.isfinite(pasted).all()
    assert pasted.shape == photo.shape


def test_a_face_wholly_outside_changes_nothing():
    photo = noise(50, 50)
    for centre in ((500.0, 20.0), (-500.0, -500.0), (20.0, 900.0)):
        crop = cut_out(photo, 1.0, 0, centre)
        assert torch.equal(paste(photo, crop, 1 - crop.pixels), photo)


def test_a_large_face_keeps_detail_that_its_crop_cannot_hold():
    """A better tone at a third of the resolution: pasting the pixels alone would blur the photo."""
    sharp = scene(260, 260, 0.7)
    dull = 0.6 * sharp + 0.1
    crop = cut_out(dull, 3.0)
    wanted = (crop.pixels - 0.1) / 0.6
    core = (slice(None), slice(90, 170), slice(90, 170))
    ours = paste(dull, crop, wanted)
    plain = resize(wanted[None], 192, 192)[0]
    kept = psnr(ours[core][None], sharp[core][None])
    lost = psnr(plain[:, 56:136, 56:136][None], sharp[core][None])
    assert float(kept) > float(lost) + 6


def test_noise_finer_than_the_crop_goes_where_the_recovery_took_noise_out():
    clean = scene(260, 260, 3.0)
    noisy = (clean + 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(3))).clamp(0, 1)
    crop = cut_out(noisy, 3.0)
    wanted = cut_out(clean, 3.0).pixels
    core = (slice(None), slice(90, 170), slice(90, 170))
    before = psnr(noisy[core][None], clean[core][None])
    after = psnr(paste(noisy, crop, wanted)[core][None], clean[core][None])
    assert float(after) > float(before) + 6


def test_kept_detail_of_all_and_of_none():
    crop = noise(64, 64)
    assert kept_detail(crop, crop, 1.0).min() == pytest.approx(1.0)
    flat = torch.full_like(crop, 0.5)
    assert kept_detail(crop, flat, 1.0).max() < 0.1
    # no detail to judge by is no reason to drop the photo's
    assert kept_detail(flat, flat, 1.0).min() == pytest.approx(1.0)


@pytest.mark.parametrize("factor", [2, 4])
def test_scaled_photo_and_scaled_crop_agree(factor):
    photo = scene(100, 100, 2.0)
    crop = cut_out(photo, 1.0, 25)
    enlarged = scale_photo(photo, factor)
    assert enlarged.shape == (3, 100 * factor, 100 * factor)
    # the centre of a pixel goes where half-pixel scaling says
    again = align.cut(enlarged, compose(rescaling(factor), crop.photo_from_crop), 64)
    assert (again - crop.pixels).abs().mean() < LEVEL
    pasted = paste_many(enlarged, (face_of(crop, crop.pixels),), scale=factor)
    assert (pasted - enlarged).abs().max() <= 0.5 * LEVEL


def test_scale_one_is_the_photo():
    photo = noise(9, 9)
    assert torch.equal(scale_photo(photo, 1), photo)


def test_of_two_faces_on_one_place_the_surer_is_seen():
    photo = scene(100, 100, 2.0)
    crop = cut_out(photo)
    dark, light = crop.pixels * 0.5, crop.pixels * 0.5 + 0.5
    faces = (face_of(crop, light, 0.9), face_of(crop, dark, 0.4))
    both = paste_many(photo, faces)
    assert (both - paste(photo, crop, light))[:, 40:60, 40:60].abs().max() < LEVEL
    assert torch.equal(both, paste_many(photo, faces[::-1]))


def test_what_is_not_to_be_pasted_is_left_out():
    photo = noise(80, 80)
    crop = cut_out(photo)
    assert torch.equal(paste_many(photo, (face_of(crop, 1 - crop.pixels, pasted=False),)), photo)
    assert torch.equal(paste_many(photo, ()), photo)


def test_matched_colours_take_a_cast_away():
    photo = scene(100, 100, 2.0)
    crop = cut_out(photo)
    cast = (crop.pixels * torch.tensor([1.0, 0.8, 0.6])[:, None, None]).clamp(0, 1)
    matched = paste_many(photo, (face_of(crop, cast),), match_colors=True)
    unmatched = paste_many(photo, (face_of(crop, cast),))
    assert (matched - photo).abs().mean() < 0.2 * (unmatched - photo).abs().mean()


LEFT = torch.cat((torch.ones(1, 64, 32), torch.zeros(1, 64, 32)), 2)
"""The half of a crop that is face."""


@pytest.mark.parametrize("scale", [1, 2])
def test_a_face_alone_is_pasted_in_its_place_of_an_enlarged_photo(scale):
    photo = scene(100, 100, 2.0)
    crop = cut_out(photo)
    enlarged = scale_photo(photo, scale)
    pasted = paste_many(enlarged, (face_of(crop, crop.pixels * 0.5, area=LEFT),), scale)
    whole = paste_many(enlarged, (face_of(crop, crop.pixels * 0.5),), scale)
    middle, rim = 50 * scale, 2 * scale
    assert torch.equal(pasted[:, :, middle + rim :], enlarged[:, :, middle + rim :])
    torch.testing.assert_close(pasted[:, :, : middle - rim], whole[:, :, : middle - rim], atol=1e-4, rtol=0)
    assert not torch.equal(whole[:, :, middle + rim :], enlarged[:, :, middle + rim :])


def test_colours_are_matched_by_the_face_alone():
    """Of whose recovery the face has a cast, and the rest quite another."""
    photo = scene(100, 100, 2.0)
    crop = cut_out(photo)
    cast = (crop.pixels * torch.tensor([1.0, 0.8, 0.6])[:, None, None]).clamp(0, 1)
    pixels = torch.where(LEFT > 0, cast, torch.tensor([0.0, 0.0, 1.0])[:, None, None])
    matched = paste_many(photo, (face_of(crop, pixels, area=LEFT),), match_colors=True)
    unmatched = paste_many(photo, (face_of(crop, pixels, area=LEFT),))
    assert (matched - photo).abs().mean() < 0.3 * (unmatched - photo).abs().mean()


def test_the_photo_given_is_not_written_to():
    photo = noise(80, 80)
    before = photo.clone()
    crop = cut_out(photo)
    paste(photo, crop, 1 - crop.pixels)
    paste_many(photo, (face_of(crop, 1 - crop.pixels),))
    assert torch.equal(photo, before)


def test_whole_pictures_come_back_in_their_size():
    photo = scene(96, 96, 2.0)
    crop = align.whole_crop(photo, 64)
    assert (fit_whole(photo, crop, crop.pixels) - photo).abs().max() <= 0.5 * LEVEL
    wanted = (crop.pixels * 0.5 + 0.25).clamp(0, 1)
    whole = fit_whole(photo, crop, wanted)
    assert whole.shape == photo.shape
    # the corners too
    assert (whole - (photo * 0.5 + 0.25)).abs().max() < 0.05


def test_cost_follows_the_face_and_not_the_photo():
    small, large = noise(200, 200), noise(1500, 1500)
    seconds = []
    for photo in (small, large):
        crop = cut_out(photo, 1.0)
        paste(photo, crop, crop.pixels)
        timings = []
        for _ in range(5):
            start = time.perf_counter()
            photo.clone()
            cloned = time.perf_counter()
            paste(photo, crop, crop.pixels)
            timings.append((time.perf_counter() - cloned) - (cloned - start))
        seconds.append(min(timings))
    assert seconds[1] < 4 * seconds[0] + 0.02
    assert math.isfinite(sum(seconds))
