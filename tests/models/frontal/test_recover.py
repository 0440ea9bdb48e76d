import pytest
import torch

from mien.geometry.rotate import View
from mien.image.warp import identity
from mien.models.frontal.recover import Frontalizer, FrontalSettings, aligned_crop, place_crop
from mien.models.restore.network import RestoreConfig, RestoreNetwork
from mien.types import Crop, Detection

TINY = RestoreConfig(
    image_size=32,
    shrink=2,
    channels=(4, 6),
    num_blocks=(1, 1),
    decoder_channels=(4,),
    num_decoder_blocks=1,
    skips=True,
    residual=False,
)


def see(damaged):
    """The left half of every face is shown, and looks as it did."""
    seen = torch.zeros_like(damaged[:, :1])
    seen[..., :16] = 1.0
    return View(damaged, seen, torch.ones_like(seen))


@pytest.fixture
def frontalizer():
    torch.manual_seed(0)
    return Frontalizer(RestoreNetwork(TINY), see, settings=FrontalSettings(precision=torch.float32))


def crops(num):
    return [
        aligned_crop(torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(n))) for n in range(num)
    ]


def test_a_turned_face_has_no_place_in_its_photo(frontalizer):
    (recovery,) = frontalizer(crops(1))
    assert not recovery.keeps_pose
    assert recovery.pixels.shape == (3, 32, 32)
    assert 0 <= float(recovery.pixels.min()) <= float(recovery.pixels.max()) <= 1


def test_what_the_photo_does_not_show_is_no_evidence(frontalizer):
    (recovery,) = frontalizer(crops(1))
    assert not recovery.evidence[..., 16:].any()
    assert float(recovery.evidence.max()) <= 1


def test_batches_change_nothing(frontalizer):
    one, three = frontalizer.with_batch_size(1)(crops(3)), frontalizer.with_batch_size(3)(crops(3))
    for single, together in zip(one, three, strict=True):
        torch.testing.assert_close(single.pixels, together.pixels)


def test_nothing_of_the_input_can_be_kept(frontalizer):
    assert frontalizer.with_fidelity(0.0) is frontalizer
    with pytest.raises(ValueError, match="frontal turns the head"):
        frontalizer.with_fidelity(0.3)


def test_wrong_sizes_are_refused(frontalizer):
    small = Crop(torch.zeros(3, 16, 16), identity(), torch.zeros(5, 2))
    with pytest.raises(ValueError, match="frontal takes crops of 32 x 32"):
        frontalizer([small])
    with pytest.raises(ValueError, match="batch_size"):
        FrontalSettings(batch_size=0)


def test_faces_are_placed_as_they_are_aligned():
    crop = crops(1)[0]
    box = torch.tensor([6.0, 6.0, 26.0, 28.0])
    placed = place_crop(Detection(box, crop.points, 1.0), 32)
    torch.testing.assert_close(placed.double(), identity().double(), atol=1e-3, rtol=0.0)
