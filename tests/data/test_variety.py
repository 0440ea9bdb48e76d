import torch

from mien.data.variety import Variety, drop_color, mirror, relight, shift


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_same_seed_gives_the_same_pictures() -> None:
    images = torch.rand(4, 3, 40, 40)
    assert torch.equal(Variety()(images, generator(3)), Variety()(images, generator(3)))
    assert not torch.equal(Variety()(images, generator(3)), Variety()(images, generator(4)))


def test_about_half_are_mirrored_and_no_pixel_changes() -> None:
    images = torch.rand(200, 3, 2, 2)
    mirrored = mirror(images, generator())
    flipped = (mirrored == images.flip(-1)).all(dim=3).all(dim=2).all(dim=1)
    kept = (mirrored == images).all(dim=3).all(dim=2).all(dim=1)
    assert bool((flipped | kept).all())
    assert 70 < int(flipped.sum()) < 130


def test_shift_moves_pixels_without_changing_them() -> None:
    images = torch.arange(100.0).view(1, 1, 10, 10).expand(2, 3, 10, 10) / 100
    moved = shift(images, 2, generator(1))
    offset = float(moved[0, 0, 5, 5] - images[0, 0, 5, 5]) * 100
    down, right = round(offset / 10), round(offset) - 10 * round(offset / 10)
    assert abs(down) <= 2
    assert abs(right) <= 2
    assert torch.equal(moved[..., 3:7, 3:7], images[..., 3 + down : 7 + down, 3 + right : 7 + right])


def test_nothing_asked_nothing_changed() -> None:
    images = torch.rand(2, 3, 8, 8)
    assert torch.equal(shift(images, 0, generator()), images)
    torch.testing.assert_close(relight(images, 0.0, 0.0, generator()), images)
    assert torch.equal(drop_color(images, 0.0, generator()), images)


def test_gray_has_no_colour_and_its_luma() -> None:
    images = torch.rand(3, 3, 4, 4)
    gray = drop_color(images, 1.0, generator())
    assert torch.equal(gray[:, 0], gray[:, 2])
    torch.testing.assert_close(
        gray[:, 0], (images * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1)
    )


def test_relight_stays_in_range() -> None:
    lit = relight(torch.rand(8, 3, 4, 4), 0.5, 0.9, generator())
    assert 0 <= float(lit.min()) <= float(lit.max()) <= 1
