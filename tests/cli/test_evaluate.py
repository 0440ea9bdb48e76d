"""`mien evaluate`: tables for people, JSON for programs."""

import hashlib
import json
from concurrent.futures import Executor, Future

import pytest
import torch
from PIL import Image as Pillow

from mien.cli.arguments import MODELS, PROTOCOLS, UsageError
from mien.cli.evaluate import DESCRIPTIONS, SUMMARIES, USUAL, speed_table
from mien.cli.judging import mark_of_model
from mien.evaluate.speed import SpeedReport
from mien.models.restore.network import RestoreConfig, RestoreNetwork
from mien.models.restore.recover import Restorer
from mien.zoo.cards import GUIDED, RESTORE


@pytest.fixture
def faces(tmp_path):
    (tmp_path / "faces").mkdir()
    for name in ("a.png", "b.png"):
        Pillow.radial_gradient("L").resize((70, 64)).convert("RGB").save(tmp_path / "faces" / name)
    return tmp_path / "faces"


def test_blind(mien, faces, studio, tmp_path):
    options = ("--seed", 1, "--device", "cpu", "--json", tmp_path / "x.json")
    ran = mien("evaluate", "blind", "--photos", faces, *options)
    assert ran.status == 0
    found = json.loads((tmp_path / "x.json").read_text())
    assert found["settings"]["seed"] == "1"
    assert ("restore", "cpu") in studio.asked
    title, empty, header, before, after, *_ = ran.out.splitlines()
    assert title.startswith(
        "Blind restoration: models restore; pictures 2; seed 1; size 64 px; damage gfrnet"
    )
    assert empty == ""
    assert header.split()[:5] == ["mixed", "PSNR", "dB", "SSIM", "identity"]
    assert [before.split()[0], after.split()[0]] == ["input", "restore"]
    scores = found["rows"][0]["scores"]
    assert scores[0]["value"] == pytest.approx(float(before.split()[1]), abs=0.005)
    assert {"measure", "unit", "color_space", "crop", "reference", "backend", "count"} <= scores[0].keys()


def test_blind_as_json(mien, faces):
    (faces / "b.png").unlink()
    found = json.loads(mien("evaluate", "blind", "--photos", faces, "--json", "-").out)
    assert found["settings"]["pictures"] == "1"
    assert found["differences"] == []
    assert "no interval" in found["notes"][0]
    assert [row["condition"] for row in found["rows"][::2]] == ["mixed", "4x", "8x"]


def test_blind_needs_every_picture(mien, faces):
    (faces / "c.png").write_text("no picture")
    ran = mien("evaluate", "blind", "--photos", faces)
    assert ran.status == 1
    assert ran.out == ""
    assert "c.png: not a picture" in ran.err
    ran = mien("evaluate", "blind", "--photos", faces / "none")
    assert ran.status == 1
    assert "no such file or folder" in ran.err
    (faces / "empty").mkdir()
    ran = mien("evaluate", "wild", "--photos", faces / "empty")
    assert ran.status == 1
    assert "no pictures in this folder" in ran.err


def test_recognition_takes_pairs_from_folders_or_lists(mien, faces, tmp_path):
    ran = mien("evaluate", "recognition", "--photos", faces)
    assert ran.status == 1
    assert "2 pictures of 1 people make 1 pairs of one person" in ran.err
    (tmp_path / "pairs.txt").write_text("1 1\nx 1 2\nx 1 y 1\n")
    words = ("--format", "lfw", "--list", tmp_path / "pairs.txt")
    ran = mien("evaluate", "recognition", "--photos", faces, *words)
    assert ran.status == 1
    assert "pairs.txt names 3 pictures, of which 3 are missing" in ran.err
    assert "x/x_0001.jpg" in ran.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "needs --photos"),
        (("--list", "x"), "--list needs --format"),
        (("--format", "lfw", "--list", "x"), "needs one folder as --photos"),
        (("--format", "pack"), "takes a .bin file here, not 0 paths"),
        (("--format", "pack", "--list", "x", "--factor", "0.5"), "1 or more, not 0.5"),
    ],
)
def test_recognition_asked_for_in_vain(mien, words, message):
    ran = mien("evaluate", "recognition", *words)
    assert ran.status == 2
    assert message in ran.err


def test_all_writes_a_page(mien, studio, tmp_path, monkeypatch, faces):
    monkeypatch.setattr("mien.cli.judging.mark_of", lambda card: card.name)
    faces.rename(tmp_path / "ffhq")
    words = ("evaluate", "all", "--photos", tmp_path, "-o", tmp_path / "out", "--only", "superres")
    words = (*words, "--workers", 1)
    ran = mien(*words, "--device", "cpu")
    assert ran.status == 0
    assert ran.out.strip() == str(tmp_path / "out" / "index.html")
    assert (tmp_path / "out" / "scores.csv").read_text().startswith("protocol,part,condition,who,measure")
    assert mien(*words, "--device", "cpu").status == 0
    assert "1 of 1 parts kept" in (tmp_path / "out" / "index.html").read_text()


class HereAndNow(Executor):
    """In place of processes, which would not know the studio of the tests."""

    def __init__(self, num_workers):
        self.num_workers = num_workers

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_all_is_the_same_by_several_workers(mien, studio, tmp_path, monkeypatch, faces):
    monkeypatch.setattr("mien.cli.judging.mark_of", lambda card: card.name)
    monkeypatch.setattr("mien.cli.evaluate_all.process_pool", HereAndNow)
    faces.rename(tmp_path / "ffhq")
    words = ("evaluate", "all", "--photos", tmp_path, "--only", "superres", "strength", "rotation")
    for num_workers in (1, 2):
        out = ("-o", tmp_path / f"out{num_workers}", "--workers", num_workers)
        assert mien(*words, *out, "--device", "cpu", "--model", "restore").status == 0
    alone, shared = (tmp_path / f"out{num_workers}" for num_workers in (1, 2))
    assert (alone / "scores.csv").read_text() == (shared / "scores.csv").read_text()
    assert "parts kept" not in (shared / "index.html").read_text()
    assert mien(*words, *out, "--device", "cpu", "--model", "restore").status == 0
    assert "2 of 2 parts kept" in (shared / "index.html").read_text()


def test_models_by_file(mien, studio, tmp_path, monkeypatch, faces):
    monkeypatch.setattr("mien.cli.judging.mark_of", lambda card: card.name)
    faces.rename(tmp_path / "ffhq")
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.safetensors").write_bytes(folder.encode())
    files = [f"guided:{tmp_path / folder / 'x.safetensors'}" for folder in ("a", "b")]
    models = ("--model", "restore", "--model", files[0], "--model", files[1], "--model", "prior:x")
    words = ("evaluate", "all", "--photos", tmp_path, "-o", tmp_path / "out", "--only", "superres")
    words = (*words, "--workers", 1)
    ran = mien(*words, *models)
    assert ran.status == 2
    assert "No such file" in ran.err
    assert mien(*words, *models[:-1], f"prior:{tmp_path / 'a' / 'x.safetensors'}").status == 0
    found = json.loads((tmp_path / "out" / "report.json").read_text())
    assert found["models"] == ["restore", "guided:a/x", "guided:b/x", "prior:x"]
    mark = hashlib.sha256(b"a").hexdigest()
    assert found["checksums"]["prior:x"] == mark
    assert found["checksums"]["guided:a/x"] == f"{mark} with restore"
    assert mien("evaluate", "blind", "--photos", tmp_path / "ffhq", "--model", "nobody:x").status == 2


def test_all_asked_for_in_vain(mien, tmp_path, faces):
    ran = mien("evaluate", "all", "--photos", faces, "-o", tmp_path / "out")
    assert ran.status == 1
    assert "no folder whose name says what it is for" in ran.err
    ran = mien("evaluate", "all", "--photos", tmp_path, "-o", faces / "a.png")
    assert ran.status == 2
    assert "is a file, and a report needs a folder" in ran.err


def test_speed_needs_a_photo_with_a_face_and_a_network(mien, faces, studio):
    ran = mien("evaluate", "speed", "--photo", faces / "a.png")
    assert ran.status == 2
    assert "not one network" in ran.err
    config = RestoreConfig(
        image_size=16,
        shrink=2,
        channels=(4, 6),
        num_blocks=(1, 1),
        decoder_channels=(4,),
        num_decoder_blocks=1,
        skips=True,
        residual=True,
    )
    studio.model = Restorer(RestoreNetwork(config), torch.device("cpu"))
    ran = mien("evaluate", "speed", "--photo", faces / "none.png")
    assert ran.status == 1
    assert ran.err.startswith(f"mien evaluate: error: {faces / 'none.png'}: cannot be read")
    studio.faces = []
    ran = mien("evaluate", "speed", "--photo", faces / "a.png")
    assert ran.status == 1
    assert "holds no face" in ran.err


def test_speed_in_words():
    report = SpeedReport(
        model="restore",
        device="cpu",
        num_threads=2,
        photo_size=(640, 480),
        num_faces=2,
        stages={"find": 20.0, "recover": 60.0},
        per_photo=80.0,
        per_face=40.0,
        network=30.0,
        network_gigaflops=6.0,
        peak_gigaflops_per_second=400.0,
    )
    lines = speed_table(report)
    assert lines[0] == "restore on cpu (2 threads): a photo of 640 x 480 with 2 face(s)"
    assert "find" in lines[1]
    assert "20.0 ms" in lines[1]
    assert lines[-1].endswith("200 GFLOP/s, 50% of this machine's convolutions")


def test_what_a_model_works_with_is_part_of_its_mark() -> None:
    assert mark_of_model("restore") == RESTORE.sha256
    assert mark_of_model("guided") == f"{GUIDED.sha256} with {RESTORE.sha256}"


@pytest.mark.parametrize(
    ("protocol", "judged"),
    [("occlusion", ["rotate"]), ("rotation", ["rotate"]), ("guided", ["restore", "guided"]), ("wild", None)],
)
def test_who_is_judged_where_nobody_is_named(mien, faces, monkeypatch, protocol, judged):
    asked = []

    def load_models(names, device):
        asked.append(names if names is None else list(names))
        raise UsageError("enough")

    monkeypatch.setattr("mien.cli.evaluate_photos.load_models", load_models)
    assert mien("evaluate", protocol, "--photos", faces).status == 2
    assert asked == [judged]
    help_text = " ".join(mien("evaluate", protocol, "--help").out.split())
    assert f"(default {' and '.join(judged or ['restore'])})" in help_text


def test_every_protocol_says_what_it_does():
    assert set(SUMMARIES) == set(DESCRIPTIONS) == {*PROTOCOLS, "all"}
    assert all(model in MODELS for models in USUAL.values() for model in models)
