import pytest
import torch

from mien.faces.area import PASTED, face_areas, shows_face
from mien.models.parser.network import CLASSES
from mien.types import Images, Masks


def test_the_face_is_made_of_classes_of_the_parser() -> None:
    assert set(PASTED) < set(CLASSES)
    assert not {"hair", "hat", "background", "neck", "cloth"} & set(PASTED)


@pytest.mark.parametrize("size", [64, 256, 512])
def test_the_rim_is_soft_and_the_size_is_the_pictures(size: int) -> None:
    def square(faces: Images, groups: tuple[tuple[str, ...], ...]) -> Masks:
        area = torch.zeros(len(faces), 1, *faces.shape[-2:])
        area[:, :, size // 4 : 3 * size // 4, size // 4 : 3 * size // 4] = 1.0
        return area

    areas = face_areas(torch.rand(2, 3, size, size), square)
    assert areas.shape == (2, 1, size, size)
    area = areas[1]
    assert shows_face(area)
    middle, edge = size // 2, size // 4
    assert float(area[0, middle, middle]) == pytest.approx(1.0)
    assert float(area[0, 1, 1]) == 0.0
    assert 0.2 < float(area[0, middle, edge]) < 0.9


def test_a_few_pixels_are_no_face() -> None:
    for side, is_seen in ((0, False), (3, False), (20, True)):

        def spot(faces: Images, groups: tuple[tuple[str, ...], ...], side: int = side) -> Masks:
            area = torch.zeros(len(faces), 1, *faces.shape[-2:])
            area[:, :, 128 : 128 + side, 128 : 128 + side] = 1.0
            return area

        assert shows_face(face_areas(torch.rand(1, 3, 256, 256), spot)[0]) == is_seen
