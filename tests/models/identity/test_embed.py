import pytest
import torch
from torch import Tensor, nn

from mien.models.identity.embed import Identifier, cut_prominent
from mien.types import Detection


class Corners(nn.Module):
    """The means of the left and of the right half, and 1."""

    def forward(self, faces: Tensor) -> Tensor:
        left, right = faces.chunk(2, dim=3)
        one = torch.ones(len(faces), 1)
        return torch.cat((left.mean((1, 2, 3))[:, None], right.mean((1, 2, 3))[:, None], one), dim=1)


def identifier(batch_size: int = 32) -> Identifier:
    return Identifier(Corners(), torch.device("cpu"), batch_size, precision=torch.float32)


def face(x: float, y: float, side: float) -> Detection:
    template = torch.tensor([[0.34, 0.4], [0.66, 0.4], [0.5, 0.58], [0.37, 0.76], [0.63, 0.76]])
    return Detection(torch.tensor([x, y, x + side, y + side]), template * side + torch.tensor([x, y]), 0.9)


def test_a_face_and_its_mirror_image_are_one() -> None:
    faces = torch.rand(3, 3, 112, 112, generator=torch.Generator().manual_seed(0))
    plain, mirrored = identifier()(faces), identifier()(faces.flip(3))
    torch.testing.assert_close(plain, mirrored)
    torch.testing.assert_close(plain.norm(dim=1), torch.ones(3))


def test_both_ways_are_added_before_the_length_goes() -> None:
    faces = torch.zeros(1, 3, 112, 112)
    faces[..., 56:] = 1.0  # -1 and 1 to the network: one way (-1, 1, 1), the other (1, -1, 1)
    torch.testing.assert_close(identifier()(faces), torch.tensor([[0.0, 0.0, 1.0]]))


def test_results_do_not_depend_on_the_batch() -> None:
    faces = torch.rand(5, 3, 112, 112, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(identifier(2)(faces), identifier()(faces))


def test_what_is_no_face_is_refused() -> None:
    with pytest.raises(ValueError, match="3 x 112 x 112"):
        identifier()(torch.rand(1, 3, 64, 64))
    with pytest.raises(ValueError, match="at least 1"):
        identifier(0)


def test_a_cut_with_a_margin_has_the_face_in_its_middle() -> None:
    photo = torch.rand(3, 80, 120, generator=torch.Generator().manual_seed(0))
    found = [face(40.0, 20.0, 40.0), face(0.0, 0.0, 10.0)]
    narrow, wide = cut_prominent(photo, found, 112, 0), cut_prominent(photo, found, 112, 12)
    assert wide.shape == (3, 136, 136)
    torch.testing.assert_close(wide[:, 12:-12, 12:-12], narrow)
