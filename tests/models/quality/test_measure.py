import pytest
import torch

from mien.models.quality.measure import FaceQuality, at_least
from mien.models.quality.network import QualityConfig, QualityNetwork

TINY = QualityConfig(image_size=16, shrink=1, channels=(4, 6), num_middle=1)


@pytest.fixture
def quality():
    torch.manual_seed(0)
    return FaceQuality(QualityNetwork(TINY), batch_size=2)


@pytest.fixture
def faces():
    return torch.rand(5, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def test_the_score_is_the_mean_of_the_map(quality, faces):
    maps = quality.maps(faces)
    assert maps.shape == (5, 1, 16, 16)
    assert ((maps > 0) & (maps < 1)).all()
    assert quality(faces).tolist() == pytest.approx(maps.mean(dim=(1, 2, 3)).tolist())


def test_faces_do_not_depend_on_their_batch(quality, faces):
    torch.testing.assert_close(quality(faces)[3:4], quality(faces[3:4]))


def test_the_network_sees_minus_one_to_one(quality, faces):
    with torch.no_grad():
        expected = quality.network(2 * faces[:1] - 1).sigmoid()
    torch.testing.assert_close(quality.maps(faces[:1]), expected)


def test_good_enough_faces_are_chosen(faces):
    chosen = at_least(lambda some: torch.tensor([0.1, 0.5, 0.4, 0.9, 0.7])[: len(some)], faces, 0.5)
    assert chosen == [1, 3, 4]


def test_other_sizes_are_refused(quality):
    with pytest.raises(ValueError, match="crops of 16 x 16 pixels, got 20 x 16"):
        quality(torch.zeros(1, 3, 16, 20))
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        FaceQuality(quality.network, batch_size=0)
