"""A command that runs in this process, with a finder and a model that cost nothing."""

import io
import sys
from dataclasses import dataclass, replace

import pytest
import torch

from mien.cli.main import main
from mien.geometry.pose import rotation_from_angles
from mien.types import Detection, Reading, Recovery


@dataclass(frozen=True)
class Ran:
    """What came of a command."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Brighten:
    """A model that makes crops brighter; every second pixel counts as seen."""

    fidelity: float = 0.0
    batch_size: int = 8
    keeps_pose: bool = True
    crop_size: int = 64
    template: str = "ffhq"

    def with_fidelity(self, fidelity):
        return replace(self, fidelity=fidelity)

    def with_batch_size(self, batch_size):
        return replace(self, batch_size=batch_size)

    def __call__(self, crops):
        return [self.recover(crop.pixels) for crop in crops]

    def recover(self, pixels):
        brighter = torch.lerp((pixels + 0.2).clamp(0, 1), pixels, self.fidelity)
        return Recovery(brighter, torch.full_like(pixels[:1], 0.5), self.keeps_pose)


def make_face(x, y, side, score=0.9):
    """An upright face in a square box."""
    template = torch.tensor([[0.34, 0.4], [0.66, 0.4], [0.5, 0.58], [0.37, 0.76], [0.63, 0.76]])
    box = torch.tensor([x, y, x + side, y + side], dtype=torch.float32)
    return Detection(box, template * side + torch.tensor([x, y]), score)


@pytest.fixture
def face_at():
    return make_face


class Glance:
    """A reader that does not look at the picture."""

    def __call__(self, crop):
        return self.around(crop.points.mean(0))

    def read_box(self, picture, box):
        return self.around((box[:2] + box[2:]) / 2)

    def around(self, middle):
        return Reading(
            landmarks=middle + torch.zeros(68, 2),
            rotation=rotation_from_angles(torch.tensor([20.0, -5.0, 3.0])),
            scale=10.0,
            shift=middle,
            identity=torch.zeros(80),
            expression=torch.zeros(56),
            albedo=torch.zeros(80),
            light=torch.zeros(9, 3),
            certainty=0.75,
            occluded=0.25,
        )


class Studio:
    """What the commands get when they ask the zoo."""

    def __init__(self):
        self.model = Brighten()
        self.faces = [make_face(8, 8, 24)]
        self.asked = []
        self.runtimes = []
        self.identities = ()

    def load(self, name, device="auto", runtime="torch"):
        self.asked.append((name, device))
        self.runtimes.append(runtime)
        return self.model

    def load_detector(self, device="auto"):
        self.asked.append(("detector", device))
        return lambda photo: list(self.faces)

    def load_reader(self, device="auto"):
        """Every face looks a little to the picture's left."""
        self.asked.append(("reader", device))
        return Glance()

    def load_identifier(self, device="auto"):
        """People are told apart by their mean colour, if `identities` does not say who is who."""
        self.asked.append(("identity", device))
        return lambda faces: (
            torch.tensor(self.identities)
            if self.identities
            else torch.nn.functional.normalize(faces.mean((2, 3)) + 0.01)
        )


@pytest.fixture
def studio(monkeypatch):
    made = Studio()
    monkeypatch.setattr("mien.zoo.load.load", made.load)
    monkeypatch.setattr("mien.zoo.load.load_detector", made.load_detector)
    monkeypatch.setattr("mien.zoo.load.load_identifier", made.load_identifier)
    monkeypatch.setattr("mien.zoo.load.load_reader", made.load_reader)
    return made


@pytest.fixture
def mien(studio, capsys):
    """Runs `mien` with these words."""

    def run(*words):
        try:
            status = main([str(word) for word in words])
        except SystemExit as end:  # argparse's way
            status = end.code
        said = capsys.readouterr()
        return Ran(status, said.out, said.err)

    return run


@pytest.fixture
def feed(monkeypatch):
    """Puts bytes on standard input, and gives what comes out of standard output."""

    def set_up(content):
        out = io.TextIOWrapper(io.BytesIO())
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        monkeypatch.setattr(sys, "stdout", out)
        return out.buffer

    return set_up
