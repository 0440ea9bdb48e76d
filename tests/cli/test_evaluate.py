"""`mien evaluate`: tables for people, JSON for programs."""

import json

import pytest
import torch
from PIL import Image as Pillow

from mien.cli.evaluate import speed_table
from mien.evaluate.speed import SpeedReport
from mien.models.restore.network import RestoreConfig, RestoreNetwork
from mien.models.restore.recover import Restorer


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
    assert json.loads((tmp_path / "x.json").read_text())["seed"] == 1
    assert studio.asked == [("restore", "cpu")]
    title, header, *rows = ran.out.splitlines()
    assert title == "restore: 2 pictures of 64 px, damage gfrnet, seed 1"
    assert header.split() == ["PSNR", "input", "result", "gain", "SSIM", "input", "result", "gain"]
    assert [row.split()[0] for row in rows] == ["mixed", "4x", "8x"]
    before, after, gain = map(float, rows[0].split()[1:4])
    assert gain == pytest.approx(after - before, abs=0.011)


def test_blind_as_json(mien, faces):
    (faces / "b.png").unlink()
    report = json.loads(mien("evaluate", "blind", "--photos", faces, "--json", "-").out)
    assert report["num_photos"] == 1
    assert report["scores"].keys() == {"mixed", "4x", "8x"}


def test_blind_needs_every_picture(mien, faces):
    (faces / "c.png").write_text("no picture")
    ran = mien("evaluate", "blind", "--photos", faces)
    assert ran.status == 1
    assert ran.out == ""
    assert "c.png: not a picture" in ran.err
    ran = mien("evaluate", "blind", "--photos", faces / "none")
    assert ran.status == 1
    assert "no such file or folder" in ran.err


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
