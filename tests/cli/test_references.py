"""`mien recover --reference`: what is bound to the model, and what is refused."""

import argparse
import json
from dataclasses import dataclass, replace

import pytest
import torch

from mien.cli.arguments import UsageError
from mien.cli.references import (
    GUIDED,
    ReferenceArguments,
    add_references,
    bind_references,
    model_for,
    save_warps,
)
from mien.image.io import read_image, write_image
from mien.image.mark import Mark, read_marks
from mien.types import Crop, Detection, Face, Guidance, Recovery


@dataclass(frozen=True)
class Guide:
    """Remembers its album; black photos show no face."""

    album: tuple = ()
    any_person: bool = False
    unused: tuple = ()
    crop_size: int = 32
    template: str = "ffhq"

    def __call__(self, crops):
        return []

    def with_fidelity(self, fidelity):
        return self

    def with_batch_size(self, batch_size):
        return self

    def with_references(self, album, any_person=False):
        unused = tuple(number for number, photo in enumerate(album) if not photo.any())
        if len(unused) == len(album):
            raise ValueError("no face in any reference")
        return replace(self, album=tuple(album), any_person=any_person, unused=unused)


def asked_for(*words):
    parser = argparse.ArgumentParser()
    add_references(parser)
    return parser.parse_args([str(word) for word in words], ReferenceArguments())


@pytest.fixture
def album(tmp_path):
    folder = tmp_path / "album"
    folder.mkdir()
    for name, gray in (("a", 0.5), ("b", 0.0), ("c", 0.7)):
        write_image(folder / f"{name}.png", torch.full((3, 8, 8), gray))
    return folder


def test_a_reference_means_the_guided_model():
    assert model_for("restore", asked_for("--reference", "a.jpg")) == GUIDED
    assert model_for("guided:own.safetensors", asked_for("--reference", "a.jpg")) == "guided:own.safetensors"
    assert model_for("restore", asked_for()) == "restore"


@pytest.mark.parametrize(
    ("model", "words", "complaint"),
    [
        ("frontal", ("--reference", "a.jpg"), "not frontal"),
        ("restore", ("--any-person",), "--any-person needs --reference"),
        ("restore", ("--save-warp",), "--save-warp needs --reference"),
        (GUIDED, (), "needs --reference"),
        ("restore", ("--reference", "-"), "standard input"),
    ],
)
def test_what_contradicts_itself(model, words, complaint):
    with pytest.raises(UsageError, match=complaint):
        model_for(model, asked_for(*words))


def test_a_folder_of_references_is_read_and_told(album):
    said = []
    asked = asked_for("--reference", album, "--any-person")
    bound = bind_references(Guide(), asked, 10**6, said.append)
    assert len(bound.album) == 3
    assert bound.any_person
    assert said == [
        f"reference 1 is {album}/a.png",
        f"reference {album}/b.png: no face found, passed over",
        f"reference 3 is {album}/c.png",
    ]


def test_one_reference_needs_no_number(album):
    said = []
    bind_references(Guide(), asked_for("--reference", album / "a.png"), 10**6, said.append)
    assert said == []
    model = Guide()
    assert bind_references(model, asked_for(), 10**6, said.append) is model


def test_references_that_cannot_be_used(album, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    for words, complaint in (
        ((album / "none.png",), "none.png: no such file"),
        ((tmp_path / "text.png",), "not a picture"),
        ((album / "b.png",), "no face in any reference"),
    ):
        with pytest.raises(UsageError, match=complaint):
            bind_references(Guide(), asked_for("--reference", *words), 10**6, print)
    with pytest.raises(UsageError, match="more than the limit"):
        bind_references(Guide(), asked_for("--reference", album), 10, print)
    with pytest.raises(UsageError, match="takes no references"):
        bind_references(lambda crops: [], asked_for("--reference", album), 10**6, print)


def face(guidance):
    pixels = torch.full((3, 8, 8), 0.5)
    crop = Crop(pixels, torch.eye(2, 3), torch.zeros(5, 2))
    recovery = Recovery(pixels, torch.full((1, 8, 8), 0.5), guidance=guidance)
    return Face(Detection(torch.tensor([0.0, 0.0, 7.0, 7.0]), torch.zeros(5, 2), 1.0), crop, recovery, True)


def test_warps_are_saved_for_faces_that_had_a_guide(tmp_path):
    guidance = Guidance(torch.ones(3, 8, 8), torch.full((1, 8, 8), 0.5), torch.zeros(2, 8, 8), 0, 0.8)
    mark = Mark("0.0.1", "guided", 2, ())
    assert save_warps((face(guidance), face(None)), tmp_path / "warp.png", mark)
    assert read_image(tmp_path / "warp.png").shape == (3, 8, 3 * 8 + 2 * 8)
    assert read_marks((tmp_path / "warp.png").read_bytes()) == (mark,)
    assert not save_warps((face(None),), tmp_path / "none.png", mark)
    assert not (tmp_path / "none.png").exists()


def test_recover_looks_at_references(mien, studio, album, tmp_path):
    """The whole way: the model that is loaded, what is said, and what is written."""

    @dataclass(frozen=True)
    class Guiding(Guide):
        def __call__(self, crops):
            ones = torch.ones(1, 32, 32)
            lent = Guidance(
                self.album[0].mean() * torch.ones(3, 32, 32), 0 * ones, torch.zeros(2, 32, 32), 0, 0.9
            )
            return [Recovery(crop.pixels, ones, guidance=lent, notes=("guided",)) for crop in crops]

    studio.model = Guiding()
    write_image(tmp_path / "old.png", torch.rand(3, 40, 48))
    ran = mien(
        "recover",
        tmp_path / "old.png",
        "--reference",
        album,
        "--save-warp",
        "--evidence",
        "--report",
        "-",
        "-o",
        tmp_path / "out",
    )
    assert ran.status == 0
    assert studio.asked[0][0] == GUIDED
    assert "the face at 8, 8: guided" in ran.err
    assert "no face found, passed over" in ran.err
    told = json.loads(ran.out)
    assert told["model"] == GUIDED
    (face,) = told["faces"]
    assert face["guidance"]["reference"] == 1
    assert face["guidance"]["likeness"]["cosine"] == 0.9
    assert read_image(tmp_path / "out" / "old_warp.png").shape == (3, 32, 3 * 32 + 2 * 8)
    assert (tmp_path / "out" / "old_evidence.png").exists()


def test_recover_refuses_what_cannot_be(mien, tmp_path):
    write_image(tmp_path / "old.png", torch.rand(3, 40, 48))
    for words in (("--any-person",), ("--save-warp",), ("--reference", tmp_path / "none.png")):
        ran = mien("recover", tmp_path / "old.png", *words, "-o", tmp_path / "out")
        assert ran.status == 2
