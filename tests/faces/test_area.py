import pytest
import torch

from mien.faces.area import FACE, face_area
from mien.models.parser.network import CLASSES
from mien.types import Images, Masks


def test_the_face_is_made_of_classes_of_the_parser() -> None:
    assert set(FACE) < set(CLASSES)
    assert not {"hair", "hat", "background", "neck", "cloth"} & set(FACE)


@pytest.mark.parametrize("size", [64, 256, 512])
def test_the_rim_is_soft_and_the_size_is_the_pictures(size: int) -> None:
    def square(faces: Images, groups: tuple[tuple[str, ...], ...]) -> Masks:
        area = torch.zeros(len(faces), 1, *faces.shape[-2:])
        area[:, :, 64:192, 64:192] = 1.0
        return area

    area = face_area(torch.rand(3, size, size), square)
    assert area.shape == (1, size, size)
    middle, edge = size // 2, size // 4
    assert float(area[0, middle, middle]) == pytest.approx(1.0)
    assert float(area[0, 1, 1]) == 0.0
    assert 0.2 < float(area[0, middle, edge]) < 0.8
