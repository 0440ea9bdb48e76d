from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from mien.data.cover import Cover
from mien.data.parsing import (
    PackedParsed,
    Parsed,
    ParsingVariety,
    dressed,
    flipped,
    halved,
    nearest,
    pack_parsed,
)
from mien.degrade.chain import PROFILES
from mien.image.warp import translation

STILL = ParsingVariety(
    degrees=0.0,
    stretch=0.0,
    shift=0.0,
    covered_share=0.0,
    damaged_share=0.0,
    brightness=0.0,
    contrast=0.0,
    gray_share=0.0,
)
MIRROR = torch.tensor([0, 2, 1])


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    photos, maps = tmp_path / "photos", tmp_path / "maps"
    for folder in (photos, maps):
        folder.mkdir()
    values = np.random.default_rng(0).integers(0, 3, (2, 16, 16), dtype=np.uint8)
    for name, classes in zip("ab", values, strict=True):
        Pillow.fromarray(np.repeat(classes[..., None] * 80, 3, axis=2)).save(photos / f"{name}.png")
        Pillow.fromarray(classes).save(maps / f"{name}.png")
    Pillow.fromarray(np.zeros((16, 16, 3), np.uint8)).save(photos / "alone.png")
    return photos, maps


def test_photos_and_maps_are_packed_by_name(folders: tuple[Path, Path], tmp_path: Path) -> None:
    photos, maps = folders
    assert pack_parsed((photos,), (maps,), 16, tmp_path / "packed") == 2
    batch = PackedParsed.open(tmp_path / "packed").batch([0, 1])
    torch.testing.assert_close(batch.images[:, 0] * 255, 80.0 * batch.labels)


def test_a_map_of_another_size_is_an_error(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not 32 x 32"):
        pack_parsed((folders[0],), (folders[1],), 32, tmp_path / "packed")


def test_photos_without_maps_are_an_error(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    (folders[0] / "alone.png").rename(tmp_path / "others" / "alone.png")
    with pytest.raises(FileNotFoundError, match="no photo has a map"):
        pack_parsed((tmp_path / "others",), (folders[1],), 16, tmp_path / "packed")


def colored(labels: torch.Tensor) -> torch.Tensor:
    """A picture from which the labels can be read again."""
    return (labels.float() / 4)[:, None].expand(-1, 3, -1, -1)


def test_pictures_and_labels_move_together() -> None:
    blocks = torch.randint(0, 3, (4, 4, 4), generator=chance())
    labels = blocks.repeat_interleave(16, 1).repeat_interleave(16, 2)
    moving = ParsingVariety(
        degrees=20.0, covered_share=0.0, damaged_share=0.0, brightness=0.0, contrast=0.0, gray_share=0.0
    )
    varied = moving(Parsed(colored(labels), labels), torch.arange(3), PROFILES["gfrnet"], chance(1))
    seen = (varied.images[:, 0] * 4).round().long()
    assert float((seen == varied.labels).float().mean()) > 0.9
    assert float((varied.labels != labels).float().mean()) > 0.1


def test_nothing_asked_for_changes_nothing_but_the_side() -> None:
    labels = torch.randint(0, 3, (8, 8, 8), generator=chance())
    varied = STILL(Parsed(colored(labels), labels), torch.arange(3), PROFILES["gfrnet"], chance(1))
    as_it_was = (varied.labels == labels).all((1, 2))
    in_a_mirror = (varied.labels == labels.flip(2)).all((1, 2))
    assert bool((as_it_was | in_a_mirror).all())
    assert bool(as_it_was.any())
    assert bool(in_a_mirror.any())


def test_left_is_right_in_a_mirror() -> None:
    labels = torch.tensor([[[1, 0], [1, 2]]]).repeat(32, 1, 1)
    _, seen = flipped(Parsed(colored(labels), labels), MIRROR, chance())
    turned = (seen[:, 0, 1] == 2).nonzero()[:, 0]
    assert 8 < len(turned) < 24
    assert torch.equal(seen[turned[0]], torch.tensor([[0, 2], [1, 2]]))


def test_what_covers_a_face_is_no_part_of_it() -> None:
    labels = torch.ones(8, 32, 32, dtype=torch.int64)
    covered = ParsingVariety(degrees=0.0, stretch=0.0, shift=0.0, covered_share=1.0, damaged_share=0.0)
    varied = covered(Parsed(colored(labels), labels), torch.arange(3), PROFILES["gfrnet"], chance())
    assert bool((varied.labels == 0).flatten(1).any(1).all())


def test_places_are_whole_pixels() -> None:
    places = nearest(translation(1.0, 0.0).float()[None], 4)
    assert places[0, 0].tolist() == [1, 2, 3, 3]
    assert halved(torch.arange(16).view(1, 4, 4)).tolist() == [[[0, 2], [8, 10]]]


def test_what_is_before_a_face_is_background() -> None:
    labels = torch.ones(3, 32, 32, dtype=torch.long)
    across, down = torch.meshgrid(torch.linspace(8, 24, 17), torch.linspace(8, 24, 4), indexing="xy")
    points = torch.stack((across, down), -1).view(1, 68, 2).repeat(3, 1, 1)
    points[2] = torch.nan
    plain = Parsed(torch.full((3, 3, 32, 32), 0.5), labels, points)
    worn = dressed(plain, Cover(shares=(0.0, 0.0, 1.0, 0.0)), 1.0, None, chance())
    changed = (worn.images != plain.images).any(1)
    assert bool((worn.labels[changed] == 0).any())
    assert bool((worn.labels[~changed] == 1).all())
    assert torch.equal(worn.images[2], plain.images[2])  # where its face is was not known
    unknown = Parsed(plain.images, labels)
    assert dressed(unknown, Cover(), 1.0, None, chance()) is unknown
