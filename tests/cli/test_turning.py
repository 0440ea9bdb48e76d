from dataclasses import dataclass, replace

import av
import pytest
import torch
from PIL import Image as Pillow

from mien.cli import turning
from mien.image.io import read_image, write_image
from mien.image.mark import GENERATED, Mark, marked, read_marks, source_type
from mien.models.rotate.recover import KEEPABLE, LARGEST_PITCH, LARGEST_YAW
from mien.types import Reading, Recovery
from mien.video.sign import read_signatures
from mien.zoo.files import WeightsError


@dataclass(frozen=True)
class Turner:
    """A model that writes what was asked of it into the brightness of its results."""

    yaw: float | None = None
    pitch: float | None = None
    keep: tuple[str, ...] = ()
    pastes: bool = False
    reads: bool = True
    crop_size: int = 64
    template: str = "ffhq"

    def with_fidelity(self, fidelity):
        return self

    def with_batch_size(self, batch_size):
        return self

    def to(self, yaw, pitch=None):
        return replace(self, yaw=yaw, pitch=pitch)

    def keeping(self, *things):
        return replace(self, keep=things)

    def with_mask(self, mask):
        return self

    def pasting(self):
        return replace(self, pastes=True)

    def __call__(self, crops):
        return [self.recover(crop.pixels) for crop in crops]

    def recover(self, pixels):
        if not self.reads:
            return Recovery(pixels, torch.ones_like(pixels[:1]), notes=("not read in 3D: left as it is",))
        half = torch.full_like(pixels[:1], 0.4)
        made = torch.full_like(pixels, 0.5 + (self.yaw or 0.0) / 200)
        keeps = self.yaw is None or self.pastes
        return Recovery(made, half, keeps, notes=("40% of this face was seen",), mirrored=half / 2)


@pytest.fixture
def turner(studio, monkeypatch):
    studio.model = Turner()
    monkeypatch.setattr("mien.zoo.load.load_parser", lambda device: None)
    return studio


@pytest.fixture
def photo(tmp_path):
    write_image(tmp_path / "photo.png", torch.rand(3, 48, 40, generator=torch.Generator().manual_seed(0)))
    return tmp_path / "photo.png"


def test_the_words_are_the_librarys():
    assert set(turning.KEEPABLE) == set(KEEPABLE)
    assert (turning.LARGEST_YAW, turning.LARGEST_PITCH) == (LARGEST_YAW, LARGEST_PITCH)


def test_a_turned_face_goes_back_only_if_that_is_asked_for(mien, turner, photo, tmp_path):
    ran = mien("recover", photo, "-o", tmp_path / "kept.png", "--yaw", "keep")
    assert ran.status == 0, ran.err
    assert "40% of this face was seen" in ran.err
    assert not torch.equal(read_image(tmp_path / "kept.png"), read_image(photo))
    turned = mien("recover", photo, "-o", tmp_path / "turned.png", "--yaw", "30")
    assert "written by themselves" in turned.err
    assert read_image(tmp_path / "turned.png").shape == (3, 64, 64)
    assert read_image(tmp_path / "turned.png").mean() == pytest.approx(0.65, abs=0.01)
    mien("recover", photo, "-o", tmp_path / "pasted.png", "--yaw", "30", "--paste")
    assert not torch.equal(read_image(tmp_path / "pasted.png"), read_image(photo))


@pytest.mark.parametrize("words", [("--yaw", "20"), ("--pitch", "5"), ("--keep", "hair"), ("--paste",)])
def test_a_model_that_does_not_turn_heads_says_so(mien, studio, photo, tmp_path, words):
    ran = mien("recover", photo, "-o", tmp_path / "out.png", *words)
    assert ran.status == 2
    assert f"{words[0]}: restore leaves heads" in ran.err


@pytest.mark.parametrize("words", [("--yaw", "91"), ("--yaw", "left"), ("--pitch", "31"), ("--keep", "nose")])
def test_what_cannot_be_meant_is_refused(mien, turner, photo, tmp_path, words):
    assert mien("recover", photo, "-o", tmp_path / "out.png", *words).status == 2
    assert not (tmp_path / "out.png").exists()


def test_a_mask_must_have_the_photos_size(mien, turner, photo, tmp_path):
    write_image(tmp_path / "right.png", torch.ones(3, 48, 40))
    write_image(tmp_path / "wrong.png", torch.ones(3, 48, 41))
    right = mien("recover", photo, "-o", tmp_path / "a.png", "--mask", tmp_path / "right.png")
    assert right.status == 0
    wrong = mien("recover", photo, "-o", tmp_path / "b.png", "--mask", tmp_path / "wrong.png")
    assert wrong.status == 1
    assert "has 41 x 48 pixels, the photo 40 x 48" in wrong.err
    assert not (tmp_path / "b.png").exists()
    missing = mien("recover", photo, "-o", tmp_path / "c.png", "--mask", tmp_path / "no.png")
    assert missing.status == 2


@pytest.mark.parametrize(("model", "words"), [(Turner(), ()), (None, ("--only-face",))])
def test_a_damaged_parser_is_said_before_work_begins(
    mien, studio, photo, tmp_path, monkeypatch, model, words
):
    def load_parser(device):
        raise WeightsError("parser.safetensors is damaged or was replaced")

    studio.model = model or studio.model
    monkeypatch.setattr("mien.zoo.load.load_parser", load_parser)
    ran = mien("recover", photo, "-o", tmp_path / "b.png", *words)
    assert ran.status == 2
    assert "parser.safetensors" in ran.err


def test_evidence_is_painted(mien, turner, photo, tmp_path):
    assert mien("recover", photo, "-o", tmp_path / "out.png", "--evidence").status == 0
    assert read_image(tmp_path / "out_evidence.png").shape[2] > 3 * 64


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_a_turntable_moves_there_and_back(mien, turner, photo, tmp_path, suffix):
    out = tmp_path / f"head{suffix}"
    ran = mien(
        "turntable",
        photo,
        "--model",
        "rotate:any.safetensors",
        "-o",
        out,
        "--frames",
        "3",
        "--seconds",
        "0.2",
    )
    assert ran.status == 0, ran.err
    with Pillow.open(out) as picture:
        assert picture.n_frames == 4
        assert picture.size == (64, 64)
    if suffix == ".webp":
        (mark,) = read_marks(out.read_bytes())
        assert (mark.model, mark.num_faces) == ("rotate:any", 1)
        assert mark.faces[0].box == (0, 0, 63, 63)


def test_a_turntable_as_a_strip(mien, turner, photo, tmp_path):
    out = tmp_path / "head.png"
    assert (
        mien(
            "turntable",
            photo,
            "--model",
            "rotate:any.safetensors",
            "-o",
            out,
            "--frames",
            "3",
            "--from",
            "-40",
            "--to",
            "40",
        ).status
        == 0
    )
    strip = read_image(out)
    assert strip.shape == (3, 64, 3 * 64)
    assert strip[0, 0, ::64].tolist() == pytest.approx([0.3, 0.5, 0.7], abs=0.01)
    assert len(read_marks(out.read_bytes())) == 1


def test_a_turntable_as_a_film(mien, turner, photo, tmp_path):
    out = tmp_path / "head.mp4"
    words = ("turntable", photo, "--model", "rotate:any.safetensors", "-o", out, "--frames", "5")
    assert mien(*words, "--seconds", "0.4").status == 0
    with av.open(out) as film:
        assert film.streams.video[0].average_rate == 10
        assert sum(1 for _ in film.decode(video=0)) == 5
    (mark,) = read_signatures(out)
    assert (mark.model, mark.num_faces) == ("rotate:any", 1)


def test_the_packaged_model_turns_where_none_is_named(mien, turner, photo, tmp_path):
    assert mien("turntable", photo, "-o", tmp_path / "head.gif", "--frames", "2").status == 0
    assert mien("augment", photo, "-o", tmp_path / "more").status == 0
    assert [name for name, _ in turner.asked if name != "detector"] == ["rotate", "rotate"]


def test_a_turntable_that_cannot_be_had(mien, turner, photo, tmp_path):
    turn = ("turntable", photo, "--model", "rotate:any.safetensors", "-o")
    assert mien(*turn, tmp_path / "head.avi").status == 2
    assert mien(*turn, tmp_path / "head.mp4", "--seconds", "0").status == 2
    assert (
        mien(
            "turntable", photo, "--model", "rotate:any.safetensors", "-o", tmp_path / "no" / "head.gif"
        ).status
        == 2
    )
    assert mien("turntable", photo, "--model", "rotate:any.safetensors", "-o", photo).status == 2
    turner.model = Turner(reads=False)
    unread = mien(
        "turntable", photo, "--model", "rotate:any.safetensors", "-o", tmp_path / "head.gif", "--frames", "2"
    )
    assert unread.status == 1
    assert "left as it is" in unread.err
    turner.faces = []
    assert (
        "no face found"
        in mien("turntable", photo, "--model", "rotate:any.safetensors", "-o", tmp_path / "head.gif").err
    )
    assert not (tmp_path / "head.gif").exists()


def test_copies_keep_the_tree_and_are_not_made_twice(mien, turner, photo, tmp_path):
    people, more = tmp_path / "people", tmp_path / "more"
    (people / "ann").mkdir(parents=True)
    mark = Mark("0.0.1", "prior", 1, ())
    (people / "ann" / "1.png").write_bytes(marked(photo.read_bytes(), mark, kind=GENERATED))
    words = ("augment", people, "--model", "rotate:any.safetensors", "-o", more, "--yaws", "-30", "40")
    ran = mien(*words)
    assert ran.status == 0, ran.err
    made = sorted(path.name for path in (more / "ann").iterdir())
    assert made == ["1.png", "1_yaw+40.png", "1_yaw-30.png"]
    assert read_image(more / "ann" / "1_yaw+40.png")[0, 0, 0] == pytest.approx(0.7, abs=0.01)
    drawn, done = read_marks((more / "ann" / "1_yaw+40.png").read_bytes())
    assert (drawn.model, done.model, done.num_faces) == ("prior", "rotate:any", 1)
    assert source_type((more / "ann" / "1.png").read_bytes()) == GENERATED, "as its photo was"
    assert "1 of 1 are there already" in mien(*words).err
    assert (
        mien(
            "augment", people, "--model", "rotate:any.safetensors", "-o", more, "--yaws", "30", "30.2"
        ).status
        == 2
    )


def test_what_cannot_be_turned_is_named(mien, turner, photo, tmp_path):
    turner.model = Turner(reads=False)
    ran = mien("augment", photo, "--model", "rotate:any.safetensors", "-o", tmp_path / "more")
    assert ran.status == 1
    assert "left as it is" in ran.err
    assert not list((tmp_path / "more").rglob("*.png"))


@pytest.fixture
def readable(studio, monkeypatch, small_head):
    """A reader and a model of a face that need no weights."""
    model, reading = small_head
    sure = {"certainty": 1.0}
    monkeypatch.setattr("mien.zoo.load.load_reader", lambda device: lambda crop: replace(reading, **sure))
    monkeypatch.setattr("mien.cli.synthesize_photos.load_morphable", lambda device: model)
    return sure


@pytest.fixture
def small_head():
    from mien.geometry.morphable import LinearMorphable
    from mien.geometry.shade import even_light

    side = 13
    line = torch.linspace(-1, 1, side)
    v, u = torch.meshgrid(-line, line, indexing="ij")
    x, y = u * (1 - v * v / 2).sqrt(), v * (1 - u * u / 2).sqrt()
    mean = torch.stack((x, y, (1.05 - x * x - y * y).sqrt()), -1).view(-1, 3)
    places = torch.arange(side * side).view(side, side)
    a, b, c, d = (
        part.flatten() for part in (places[:-1, :-1], places[:-1, 1:], places[1:, :-1], places[1:, 1:])
    )
    nothing = torch.zeros(1, len(mean), 3)
    model = LinearMorphable(
        mean=mean,
        identity_basis=nothing,
        expression_basis=nothing,
        mean_albedo=torch.full((len(mean), 3), 0.6),
        albedo_basis=nothing,
        triangles=torch.cat((torch.stack((a, c, b), 1), torch.stack((b, c, d), 1))),
        uv=mean[:, :2] / 2 + 0.5,
        landmarks=torch.linspace(0, side * side - 1, 68).long(),
        mirror=places.flip(1).flatten(),
        landmark_offsets=torch.zeros(68, 3),
    )
    reading = Reading(
        torch.zeros(68, 2), torch.eye(3), 24.0, torch.full((2,), 31.5),
        torch.zeros(1), torch.zeros(1), torch.zeros(1), even_light(1)[0], 1.0, 0.0,
    )  # fmt: skip
    return model, reading


def test_triples_lie_beside_their_photo_with_a_sheet(mien, readable, photo, tmp_path):
    out = tmp_path / "triples"
    ran = mien("synthesize", photo, "-o", out, "--aligned", "--size", "64")
    assert ran.status == 0, ran.err
    names = sorted(path.name for path in out.iterdir())
    assert names == ["photo.png", "photo_damaged.png", "photo_guide.png", "photo_mask.png", "sheet.jpg"]
    first = (out / "photo_damaged.png").read_bytes()
    assert mien("synthesize", photo, "-o", out, "--aligned", "--size", "64").status == 1
    again = mien("synthesize", photo, "-o", out, "--aligned", "--size", "64", "--overwrite")
    assert again.status == 0
    assert (out / "photo_damaged.png").read_bytes() == first


def test_faces_that_cannot_be_read_make_no_triples(mien, readable, photo, tmp_path):
    readable["certainty"] = 0.1
    ran = mien("synthesize", photo, "-o", tmp_path / "triples", "--aligned", "--size", "64")
    assert ran.status == 1
    assert "cannot be read in 3D" in ran.err
    assert mien("synthesize", photo, "-o", photo).status == 2
    assert mien("synthesize", photo, "-o", tmp_path / "t", "--parser", photo, "--size", "64").status == 2
