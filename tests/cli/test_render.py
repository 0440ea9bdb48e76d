import json
import struct

import pytest
import torch

from mien.geometry.morphable import LinearMorphable
from mien.geometry.pose import rotation_from_angles
from mien.image.io import read_image, write_image
from mien.types import Reading

SIDE = 9


def bowl():
    """A small round face; its mesh has no openings."""
    line = torch.linspace(-0.9, 0.9, SIDE)
    y, x = torch.meshgrid(-line, line, indexing="ij")
    mean = torch.stack((0.7 * x, y, 0.7 - 0.4 * (x * x + y * y)), -1).view(-1, 3)
    places = torch.arange(SIDE * SIDE).view(SIDE, SIDE)
    a, b, c, d = (
        part.flatten() for part in (places[:-1, :-1], places[:-1, 1:], places[1:, :-1], places[1:, 1:])
    )
    return LinearMorphable(
        mean=mean,
        identity_basis=torch.zeros(2, SIDE * SIDE, 3),
        expression_basis=torch.zeros(1, SIDE * SIDE, 3),
        mean_albedo=torch.full((SIDE * SIDE, 3), 0.5),
        albedo_basis=torch.zeros(1, SIDE * SIDE, 3),
        triangles=torch.cat((torch.stack((a, c, b), 1), torch.stack((b, c, d), 1))),
        uv=mean[:, :2] / 2 + 0.5,
        landmarks=torch.arange(68),
        mirror=places.flip(1).flatten(),
        landmark_offsets=torch.zeros(68, 3),
    )


def read(crop):
    """Every crop holds the same face, looking 10 degrees to the left."""
    side = crop.pixels.shape[-1]
    return Reading(
        landmarks=torch.rand(68, 2) * side,
        rotation=rotation_from_angles(torch.tensor([10.0, 0.0, 0.0])),
        scale=0.3 * side,
        shift=torch.full((2,), side / 2),
        identity=torch.zeros(2),
        expression=torch.zeros(1),
        albedo=torch.zeros(1),
        light=torch.zeros(9, 3),
        certainty=0.05 if float(crop.pixels.mean()) < 0.01 else 0.9,
        occluded=0.0,
    )


@pytest.fixture
def render(mien, studio, monkeypatch):
    monkeypatch.setattr("mien.cli.render_photos.load_reader", lambda device: read)
    monkeypatch.setattr("mien.cli.render_photos.load_morphable", lambda device="auto": bowl())
    return lambda *words: mien("render", *words, "--size", 48)


@pytest.fixture
def photo(tmp_path):
    picture = torch.rand(3, 40, 44, generator=torch.Generator().manual_seed(0))
    write_image(tmp_path / "photo.png", picture)
    return tmp_path / "photo.png"


def test_a_face_is_turned(render, photo, tmp_path):
    outputs = []
    for yaw in (10, -50):
        ran = render(photo, "--yaw", yaw, "-o", tmp_path / f"{yaw}.png")
        assert ran.status == 0, ran.err
        outputs.append(read_image(tmp_path / f"{yaw}.png"))
    assert outputs[0].shape == (3, 48, 48)
    assert (outputs[0] - outputs[1]).abs().mean() > 0.02
    assert "yaw 10" in ran.err


def test_backgrounds_and_poses_can_be_chosen(render, photo, tmp_path):
    words = ("--pitch", "5", "--roll", "-5", "--background", "black", "--unseen", "black")
    assert render(photo, *words, "-o", tmp_path / "out.png").status == 0
    assert read_image(tmp_path / "out.png")[:, 0, 0].tolist() == [0, 0, 0]


def test_meshes_are_saved(render, photo, tmp_path):
    assert render(photo, "--mesh", tmp_path / "face.glb").status == 0
    content = (tmp_path / "face.glb").read_bytes()
    assert content[:4] == b"glTF"
    length = struct.unpack("<I", content[12:16])[0]
    assert json.loads(content[20 : 20 + length])["accessors"][0]["count"] == SIDE * SIDE
    assert render(photo, "--mesh", tmp_path / "face.obj").status == 0
    assert {path.name for path in tmp_path.glob("face.*")} == {"face.glb", "face.obj", "face.mtl", "face.png"}


def test_a_sheet_has_a_row_for_each_face(render, photo, tmp_path):
    write_image(tmp_path / "other.png", torch.rand(3, 40, 44))
    ran = render(photo, tmp_path / "other.png", "--sheet", tmp_path / "sheet.png")
    assert ran.status == 0, ran.err
    sheet = read_image(tmp_path / "sheet.png")
    assert sheet.shape[2] >= 6 * 48
    assert sheet.shape[1] >= 2 * 48


def test_a_photo_without_a_face_fails_and_the_others_are_done(render, photo, studio, tmp_path):
    studio.faces = []
    ran = render(photo, "-o", tmp_path / "out.png", "--yaw", "3")
    assert ran.status == 1
    assert "no face found" in ran.err
    assert not (tmp_path / "out.png").exists()


def test_a_doubtful_reading_is_said_to_be(render, tmp_path):
    write_image(tmp_path / "dark.png", torch.zeros(3, 40, 44))
    ran = render(tmp_path / "dark.png", "-o", tmp_path / "out.png")
    assert ran.status == 0
    assert "hard to read" in ran.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "say what to write"),
        (("--mesh", "face.ply"), r".obj or .glb"),
        (("--sheet", "sheet.txt"), ".png"),
        (("--mesh", "nowhere/face.obj"), "no such folder"),
        (("-o", "x.png", "--yaw", "120"), "between -90 and 90"),
        (("-o", "x.png", "--yaw", "nan"), "between"),
        (("-o", "x.png", "--roll", "left"), "not a number of degrees"),
    ],
)
def test_what_cannot_be_meant_is_refused(render, photo, words, complaint):
    ran = render(photo, *words)
    assert ran.status == 2
    assert complaint in ran.err


def test_nothing_is_replaced_unasked_and_a_mesh_is_of_one_photo(render, photo, tmp_path):
    (tmp_path / "face.mtl").write_text("mine")
    assert render(photo, "--mesh", tmp_path / "face.obj").status == 2
    assert (tmp_path / "face.mtl").read_text() == "mine"
    write_image(tmp_path / "other.png", read_image(photo))
    assert render(photo.parent, "--mesh", tmp_path / "other.glb").status == 2


def test_a_picture_and_a_texture_need_two_names(render, photo, tmp_path):
    ran = render(photo, "-o", tmp_path / "face.png", "--mesh", tmp_path / "face.obj")
    assert ran.status == 2
    assert "written twice" in ran.err
    assert render(photo, "--sheet", tmp_path / "a.png", "--mesh", tmp_path / "a.obj").status == 2
    assert not list(tmp_path.glob("face*"))
