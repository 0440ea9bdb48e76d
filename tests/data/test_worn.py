from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mien.data.worn import HEIGHT, WIDTH, Wardrobe, head_turn, image_from_glasses, image_from_mask
from mien.image.warp import transform_points


def face_68(turn: float = 0.0) -> torch.Tensor:
    """Points in the rough places of a face of 100 px around (64, 64); `turn` moves what is in front."""
    points = torch.zeros(68, 2)
    angle = torch.linspace(torch.pi, 0, 17)
    points[:17] = torch.stack((angle.cos() * 0.5, angle.sin() * 0.6), -1)
    points[27:36] = torch.stack((torch.full((9,), turn), torch.linspace(-0.15, 0.2, 9)), -1)
    points[36:42], points[42:48] = torch.tensor([-0.22 + turn, -0.1]), torch.tensor([0.22 + turn, -0.1])
    points[48], points[54] = torch.tensor([-0.2 + turn, 0.35]), torch.tensor([0.2 + turn, 0.35])
    return points * 100 + 64


@pytest.fixture
def wardrobe(tmp_path: Path) -> Wardrobe:
    for folder, names in (("masks", ("plain", "plain_left", "plain_right")), ("glasses", ("round",))):
        (tmp_path / folder).mkdir()
        for name in names:
            pixels = np.zeros((60, 90, 4), np.uint8)
            pixels[10:50, 20:70] = (255, 0, 0, 255)
            Image.fromarray(pixels).save(tmp_path / folder / f"{name}.png")
    return Wardrobe.open(tmp_path / "masks", tmp_path / "glasses")


def test_cutouts_are_read_without_their_empty_borders(wardrobe: Wardrobe) -> None:
    assert wardrobe.masks.shape == (3, 4, HEIGHT, WIDTH)
    assert float(wardrobe.masks[:, 3].min()) > 0.99
    assert wardrobe.mask_turns.tolist() == [0.0, -1.0, 1.0]
    assert wardrobe.glasses_aspect.tolist() == pytest.approx([0.8])


def test_a_picture_without_transparency_is_refused(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "masks" / "a.png")
    with pytest.raises(ValueError, match="nothing cut out"):
        Wardrobe.open(tmp_path / "masks", tmp_path / "masks")


def test_a_mask_lies_between_nose_and_chin() -> None:
    points = face_68()
    corners = torch.tensor([[WIDTH / 2 - 0.5, 0.0], [WIDTH / 2 - 0.5, HEIGHT - 1.0]])
    top, bottom = transform_points(image_from_mask(points[None])[0], corners)
    torch.testing.assert_close(top, points[28], atol=8.0, rtol=0.0)
    assert float(bottom[1]) > float(points[8, 1])
    assert float((bottom - points[8]).norm()) < 20


def test_eyes_are_behind_their_glasses() -> None:
    points = face_68()
    place = image_from_glasses(points[None], torch.tensor([0.4]))[0]
    spots = torch.tensor(
        [[0.25 * (WIDTH - 1), 0.45 * (HEIGHT - 1)], [0.75 * (WIDTH - 1), 0.45 * (HEIGHT - 1)]]
    )
    torch.testing.assert_close(transform_points(place, spots), points[[36, 42]], atol=0.01, rtol=0.0)


def test_masks_suit_the_turn_of_the_head(wardrobe: Wardrobe) -> None:
    turns = head_turn(torch.stack((face_68(), face_68(-0.3), face_68(0.3))))
    assert turns.tolist() == pytest.approx([0.0, -0.3, 0.3], abs=1e-5)
    assert wardrobe.fitting_masks(turns, torch.Generator().manual_seed(0)).tolist() == [0, 1, 2]


def test_some_faces_wear_something_and_nothing_else_changes(wardrobe: Wardrobe) -> None:
    images = torch.full((40, 3, 128, 128), 0.25)
    worn = wardrobe.put_on(images, face_68().expand(40, -1, -1), torch.Generator().manual_seed(0))
    hidden = worn.mask.flatten(1).mean(1)
    assert 2 <= int((hidden == 0).sum()) <= 20
    untouched = (worn.mask == 0).expand_as(images)
    assert torch.equal(worn.images[untouched], images[untouched])
    assert bool((worn.images >= 0).all() and (worn.images <= 1).all())


def test_points_that_all_fall_together_wear_nothing(wardrobe: Wardrobe) -> None:
    images = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    worn = wardrobe.put_on(images, torch.full((8, 68, 2), 16.0), torch.Generator().manual_seed(0))
    torch.testing.assert_close(worn.images, images)
