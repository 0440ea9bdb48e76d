"""A studio whose finder and models cost nothing, and pictures to send there."""

import contextlib
import threading
import time
from dataclasses import dataclass, field, replace

import pytest
import torch
import uvicorn
from fastapi.testclient import TestClient

from mien.geometry.pose import rotation_from_angles
from mien.image.io import Photo, encode_photo
from mien.types import Detection, Guidance, Reading, Recovery
from mien.web.app import make_app
from mien.web.settings import ServeSettings
from mien.web.studio import Studio


@dataclass(frozen=True)
class Brighten:
    """A model that makes crops brighter; 41 % of each pixel counts as seen."""

    fidelity: float = 0.0
    crop_size: int = 64
    template: str = "ffhq"

    def with_fidelity(self, fidelity):
        return replace(self, fidelity=fidelity)

    def with_batch_size(self, batch_size):
        return self

    def __call__(self, crops):
        return [self.recover(crop) for crop in crops]

    def recover(self, crop):
        brighter = torch.lerp((crop.pixels + 0.3).clamp(0, 1), crop.pixels, self.fidelity)
        return Recovery(brighter, torch.full_like(crop.pixels[:1], 0.41))


@dataclass(frozen=True)
class Guide(Brighten):
    """One that takes the mean colour of the first reference."""

    album: tuple = ()
    any_person: bool = False
    unused: tuple = ()

    def with_references(self, album, any_person=False):
        return replace(self, album=tuple(album), any_person=any_person)

    def recover(self, crop):
        plane = torch.ones_like(crop.pixels[:1])
        color = self.album[0].mean((1, 2))[:, None, None] * plane
        lent = Guidance(color, 0.3 * plane, torch.zeros(2, 64, 64), 0, 0.8)
        return Recovery(color, 0.41 * plane, guidance=lent, notes=("guided by reference 1",))


@dataclass(frozen=True)
class Turner(Brighten):
    """One that writes the yaw into the brightness of its results."""

    yaw: float | None = None
    keep: tuple = ()
    pastes: bool = False
    mask: torch.Tensor | None = None

    def to(self, yaw, pitch=None):
        return replace(self, yaw=yaw)

    def keeping(self, *things):
        return replace(self, keep=things)

    def with_mask(self, mask):
        return replace(self, mask=mask)

    def pasting(self):
        return replace(self, pastes=True)

    def recover(self, crop):
        plane = torch.ones_like(crop.pixels[:1])
        gray = 0.5 + (self.yaw or 0.0) / 200 if self.mask is None else float(self.mask.mean())
        keeps_pose = self.yaw is None or self.pastes
        return Recovery(
            gray * plane.expand(3, -1, -1).clone(), 0.41 * plane, keeps_pose, mirrored=0.2 * plane
        )


@dataclass(frozen=True)
class Slow(Brighten):
    """One that waits until it may go on."""

    go: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)

    def recover(self, crop):
        self.begun.set()
        assert self.go.wait(20)
        return super().recover(crop)


@dataclass(frozen=True)
class Broken(Brighten):
    """One with a mistake in it."""

    def recover(self, crop):
        raise KeyError("a place in the program: /secret/path")


def face_at(x, y, side, score=0.9):
    template = torch.tensor([[0.34, 0.4], [0.66, 0.4], [0.5, 0.58], [0.37, 0.76], [0.63, 0.76]])
    box = torch.tensor([x, y, x + side, y + side], dtype=torch.float32)
    return Detection(box, template * side + torch.tensor([x, y]), score)


def find(photo):
    """A face in the middle of every photo that is not black."""
    height, width = photo.shape[1:]
    side = min(height, width) / 2
    face = face_at((width - side) / 2, (height - side) / 2, side)
    return [face] if float(photo.mean()) > 0.02 and side >= 4 else []


def identify(faces):
    return torch.nn.functional.normalize(faces.mean((2, 3)) + 0.01)


def read(crop):
    return Reading(
        landmarks=torch.zeros(68, 2),
        rotation=rotation_from_angles(torch.tensor([20.0, -5.0, 3.0])),
        scale=10.0,
        shift=crop.points.mean(0),
        identity=torch.zeros(80),
        expression=torch.zeros(56),
        albedo=torch.zeros(80),
        light=torch.zeros(9, 3),
        certainty=0.75,
        occluded=0.25,
    )


def picture(width=60, height=48, format_name="PNG", seed=0):
    """A file's bytes: soft colours that are the same for the same seed."""
    chance = torch.rand(1, 3, 5, 6, generator=torch.Generator().manual_seed(seed)) * 0.6 + 0.1
    smooth = torch.nn.functional.interpolate(chance, (height, width), mode="bilinear")
    return encode_photo(Photo(smooth[0]), format_name)


@pytest.fixture(scope="session")
def settings():
    return ServeSettings(max_bytes=2**20, max_pixels=100_000, seconds=20.0, places=2)


@pytest.fixture
def slow():
    return Slow()


@pytest.fixture
def studio(settings, slow):
    return make_studio(settings, slow)


def make_studio(settings, slow):
    models = {"restore": Brighten(), "guided": Guide(), "rotate": Turner(), "slow": slow}
    return Studio(models, settings.max_pixels, find, identify, read)


@pytest.fixture
def broken():
    return Broken()


@pytest.fixture(scope="session")
def client(settings):
    """Of one application for all tests that leave it as it was: to describe its API takes a while."""
    with TestClient(make_app(make_studio(settings, Slow()), settings)) as client:
        yield client


@pytest.fixture
def make_picture():
    return picture


class Served:
    """An application at an address, in a thread of its own."""

    def __init__(self, app):
        self.server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
        self.thread = threading.Thread(target=self.server.run)

    def __enter__(self):
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive()
            time.sleep(0.05)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    def __exit__(self, *error):
        self.server.should_exit = True
        self.thread.join(30)


@pytest.fixture
def serve():
    """Puts an application at an address until the test is over."""
    with contextlib.ExitStack() as stack:
        yield lambda app: stack.enter_context(Served(app))
