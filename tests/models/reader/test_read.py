"""Reading: what is read comes back in the picture's pixels, and better cuts follow from it."""

import pytest
import torch
from torch import nn

from mien.geometry.camera import WeakPerspective
from mien.geometry.landmarks import MIRROR_68
from mien.geometry.pose import angle_between, rotation_from_angles, rotation_from_six, six_from_rotation
from mien.geometry.upright import five_points, squares_around
from mien.image.warp import identity, invert, transform_points
from mien.models.reader.network import Answer, ReaderConfig, ReaderNetwork
from mien.models.reader.read import Reader, ReadSettings, merged
from mien.types import Crop

SIZE = 64
CONFIG = ReaderConfig(
    crop_size=SIZE, stem_width=4, widths=(4, 4), depths=(1, 1), last_width=2, hidden=8, face_size=40.0
)


@pytest.fixture
def points():
    """Something like a face, 100 px wide around (160, 150), turned by 20 degrees."""
    generator = torch.Generator().manual_seed(1)
    own = 40 * torch.randn(1, 68, 2, generator=generator)
    own[:, 36:42] += torch.tensor([-30.0, -30.0]) - own[:, 36:42].mean(1, keepdim=True)
    own[:, 42:48] += torch.tensor([30.0, -30.0]) - own[:, 42:48].mean(1, keepdim=True)
    own[:, 30], own[:, 48], own[:, 54] = (
        torch.tensor([0.0, 5.0]),
        torch.tensor([-20.0, 40.0]),
        torch.tensor([20.0, 40.0]),
    )
    return own + torch.tensor([160.0, 150.0])


class Oracle(nn.Module):
    """A network that knows where everything is in the picture, and finds out where that is in each cut.

    A cut's pixels tell their own place in the picture, two of the colours being coordinates.
    """

    def __init__(self, points, rotation, config=CONFIG, certainty=3.0):
        super().__init__()
        self.config = config
        self.points, self.rotation, self.certainty = points, rotation, certainty

    def forward(self, cuts):
        parts = [self.read(cut) for cut in cuts.float()]
        return Answer(*(torch.stack(part) for part in zip(*parts, strict=True)), maps=())

    def read(self, cut):
        is_mirrored = bool(cut[2].mean() < 0)
        cut = cut.flip(2) if is_mirrored else cut
        low, high = SIZE // 2 - 8, SIZE // 2 + 8  # the middle of a cut is inside the picture
        start = cut[:2, low, low] * 400
        across = (cut[:2, low, high] * 400 - start) / (high - low)
        linear = torch.stack((across, torch.stack((-across[1], across[0]))), 1)
        picture_from_cut = torch.cat((linear, (start - linear @ torch.full((2,), float(low)))[:, None]), 1)
        points = transform_points(invert(picture_from_cut), self.points[0])
        angle = torch.rad2deg(torch.atan2(across[1], across[0]))
        zero = torch.zeros(())
        rotation = rotation_from_angles(torch.stack((zero, zero, -angle))) @ self.rotation
        scale, shift = 30.0 / across.norm(), points[30]
        if is_mirrored:
            points = points[MIRROR_68] * torch.tensor([-1.0, 1.0]) + torch.tensor([SIZE - 1.0, 0.0])
            axes = torch.tensor([-1.0, 1.0, 1.0])
            rotation = rotation * axes * axes[:, None]
            shift = shift * torch.tensor([-1.0, 1.0]) + torch.tensor([SIZE - 1.0, 0.0])
        certainty = torch.tensor(self.certainty)
        return (
            points,
            six_from_rotation(rotation),
            scale,
            shift,
            torch.ones(3),
            torch.ones(2),
            torch.ones(4),
            torch.ones(9, 3),
            certainty,
            torch.zeros(()),
        )


@pytest.fixture
def picture():
    """Red and green say where they are; the third says which way is right."""
    rows, columns = torch.meshgrid(torch.arange(300.0), torch.arange(320.0), indexing="ij")
    return torch.stack((columns / 400, rows / 400, torch.ones_like(rows)))


class Signed(nn.Module):
    """Marks mirror images, which the oracle could not tell otherwise."""

    def __init__(self, oracle):
        super().__init__()
        self.oracle = oracle
        self.config = oracle.config

    def forward(self, both):
        half = len(both) // 2
        sign = torch.ones(len(both))
        sign[half:] = -1
        return self.oracle(
            both * torch.stack((torch.ones_like(sign), torch.ones_like(sign), sign), 1)[..., None, None]
        )


def reader_of(oracle, looks=2):
    settings = ReadSettings(num_looks=looks, precision=torch.float32)
    reader = Reader(ReaderNetwork(CONFIG), torch.device("cpu"), settings)
    reader.network = Signed(oracle)
    return reader


@pytest.mark.parametrize("looks", [1, 2, 3])
def test_what_is_read_is_told_in_the_picture(points, picture, looks):
    rotation = rotation_from_angles(torch.tensor([25.0, -8.0, 12.0]))
    read = reader_of(Oracle(points, rotation), looks)
    reading = read(Crop(picture, identity(), five_points(points)[0]))
    torch.testing.assert_close(reading.landmarks, points[0], atol=0.3, rtol=0)
    assert float(angle_between(reading.rotation, rotation)) < 0.5
    assert reading.scale == pytest.approx(30.0, rel=0.01)
    torch.testing.assert_close(reading.shift, points[0, 30], atol=0.3, rtol=0)
    assert reading.certainty == pytest.approx(0.9526, abs=1e-3)
    assert reading.occluded == pytest.approx(0.5)


def test_by_a_box(points, picture):
    rotation = rotation_from_angles(torch.tensor([0.0, 0.0, 0.0]))
    box = torch.cat((points[0].amin(0), points[0].amax(0)))
    reading = reader_of(Oracle(points, rotation)).read_box(picture, box)
    torch.testing.assert_close(reading.landmarks, points[0], atol=0.3, rtol=0)


def test_who_is_not_sure_does_not_look_elsewhere(points, picture):
    far = Oracle(points + 500.0, torch.eye(3), certainty=-6.0)
    reading = reader_of(far)(Crop(picture, identity(), five_points(points)[0]))
    assert reading.certainty < 0.01
    assert bool(reading.landmarks.isfinite().all())


@pytest.mark.parametrize(
    "pixels",
    [torch.zeros(3, 40, 50), torch.ones(3, 300, 20), torch.rand(3, 8, 8)],
    ids=["black", "white", "noise"],
)
def test_no_face_is_no_trouble(pixels):
    torch.manual_seed(0)
    read = Reader(ReaderNetwork(CONFIG), torch.device("cpu"))
    degenerate = torch.full((5, 2), 7.0)
    for five in (degenerate, torch.rand(5, 2) * 30):
        reading = read(Crop(pixels, identity(), five))
        for value in (reading.landmarks, reading.rotation, reading.shift, reading.identity, reading.light):
            assert bool(value.isfinite().all())
        assert 0 <= reading.certainty <= 1
        torch.testing.assert_close(reading.rotation @ reading.rotation.T, torch.eye(3), atol=1e-4, rtol=0)


def test_a_mirror_image_says_the_same(points):
    rotation = rotation_from_angles(torch.tensor([[40.0, 10.0, 5.0]]))
    axes = torch.tensor([-1.0, 1.0, 1.0])
    mirrored = rotation * axes * axes[:, None]
    own = transform_points(invert(squares_around(points, SIZE, 40.0)), points)
    other = own[:, MIRROR_68] * torch.tensor([-1.0, 1.0]) + torch.tensor([SIZE - 1.0, 0.0])
    camera = WeakPerspective(torch.tensor([4.0, 4.0]), torch.tensor([[20.0, 30.0], [43.0, 30.0]]))
    numbers = torch.arange(2.0)[:, None]
    answer = Answer(
        torch.cat((own, other)),
        six_from_rotation(torch.cat((rotation, mirrored))),
        camera.scale,
        camera.shift,
        numbers,
        numbers,
        numbers,
        torch.zeros(2, 9, 3),
        torch.zeros(2),
        torch.zeros(2),
        (),
    )
    seen = merged(answer, 1, SIZE)
    torch.testing.assert_close(seen.landmarks, own)
    torch.testing.assert_close(seen.rotation, rotation, atol=1e-5, rtol=0)
    torch.testing.assert_close(seen.shift, torch.tensor([[20.0, 30.0]]))
    assert float(seen.identity) == 0
    torch.testing.assert_close(rotation_from_six(answer.turn[:1]), rotation)
