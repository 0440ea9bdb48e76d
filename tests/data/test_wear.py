import torch

from mien.data.facepool import FACE
from mien.data.scenes import Scenes
from mien.data.wear import Wear, smallest_face


def scenes(side: float, count: int = 4) -> Scenes:
    boxes = torch.tensor([10.0, 10.0, 10.0 + side, 10.0 + side]).expand(count, 1, 4).contiguous()
    pictures = torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    return Scenes(pictures, boxes, torch.zeros(count, 1, 5, 2), torch.full((count, 1), FACE))


def test_small_faces_are_spared() -> None:
    generator = torch.Generator().manual_seed(0)
    tiny = Wear().parameters(torch.full((200,), 11.0), generator)
    assert float(tiny.scale.max()) == 1.0
    assert float(tiny.noise.max()) <= 0.04
    large = Wear().parameters(torch.full((200,), 110.0), generator)
    assert float(large.scale.max()) > 5
    assert float(large.noise.max()) > 0.15
    assert float((110.0 / large.scale).min()) >= 11.0


def test_the_smallest_face_counts_and_none_counts_as_the_picture() -> None:
    two = Scenes(
        torch.zeros(2, 3, 64, 64),
        torch.tensor([[[0.0, 0, 30, 30], [0, 0, 12, 12]], [[0, 0, 5, 5], [0, 0, 5, 5]]]),
        torch.zeros(2, 2, 5, 2),
        torch.tensor([[1, 1], [0, 2]]),
    )
    assert smallest_face(two).tolist() == [12.0, 64.0]


def test_labels_stay_and_pictures_stay_pictures() -> None:
    before = scenes(50.0, 16)
    after = Wear(share=1.0)(before, torch.Generator().manual_seed(1))
    assert after.boxes is before.boxes
    assert bool(after.pictures.isfinite().all())
    assert float(after.pictures.min()) >= 0
    assert float(after.pictures.max()) <= 1
    changed = (after.pictures - before.pictures).abs().amax((1, 2, 3)) > 0
    assert bool(changed.all())


def test_the_share_that_is_not_damaged_is_only_relit() -> None:
    before = scenes(50.0)
    still = Wear(share=0.0, brightness=0.0, contrast=0.0, gray_share=0.0)
    torch.testing.assert_close(still(before, torch.Generator()).pictures, before.pictures)
