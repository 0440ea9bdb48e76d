from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mien.image.io import read_image
from mien.image.structure import structure_agreement
from mien.models.frontal.see import LookAhead
from mien.pipeline import find_faces
from mien.types import Crop, Reading
from mien.zoo.load import load_morphable, load_reader

PHOTO = Path(__file__).parents[3] / "examples" / "astronaut.jpg"


@pytest.fixture(scope="module")
def face() -> torch.Tensor:
    return find_faces(read_image(PHOTO), size=128)[0].pixels[None]


@pytest.fixture(scope="module")
def look() -> LookAhead:
    return LookAhead(load_reader("cpu"), load_morphable("cpu"))


def test_a_face_that_nearly_looks_ahead_is_nearly_all_seen(face, look):
    view = look(face)
    assert view.pixels.shape == face.shape
    share = float((view.seen * view.covered).sum() / view.covered.sum())
    assert share > 0.8
    # it lies where the crop has it, so that a result aligned the same way can be held beside it
    inside = view.covered[0, 0] > 0.9
    assert float(structure_agreement(view.pixels, face)[0, 0][inside].mean()) > 0.4


def test_as_much_is_seen_of_a_mirror_image(face, look):
    mirror = face.flip(-1)
    both = look(torch.cat((face, mirror)))
    shares = [(view * on).sum() / on.sum() for view, on in zip(both.seen, both.covered, strict=True)]
    assert shares[0] == pytest.approx(float(shares[1]), abs=0.1)


def test_of_a_face_that_cannot_be_read_nothing_is_seen(face, look):
    def unsure(crop: Crop) -> Reading:
        return replace(look.read(crop), certainty=0.1)

    view = LookAhead(unsure, look.model)(face)
    assert not view.seen.any()
    assert not view.covered.any()
