"""A film of real faces: steadier than frame by frame, with its sound, and the same after a kill."""

import io
import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from skimage.data import astronaut

from mien.image.warp import compose, invert, similarity, translation, warp_affine
from mien.metrics.temporal import landmark_jitter, warping_error
from mien.pipeline import recover
from mien.types import Crop
from mien.video.clip import Clip
from mien.zoo.load import load, load_detector, load_reader

pytestmark = pytest.mark.slow

WIDTH, HEIGHT, NUM_FRAMES = 160, 120, 34
HEAD = (slice(0, 210), slice(120, 330))
"""Of the astronaut's picture."""
MIDDLE = 104.5
SCALE = 96 / 210
"""Of the head in the film."""
TICKS = 6000
"""From frame to frame: fifteen in a second, so that the film has two segments."""


def frame_from_head(index):
    """To and fro, and turning a little."""
    t = index / 15
    place = (80 + 14 * math.sin(1.3 * t), 60 + 6 * math.cos(1.9 * t))
    return compose(similarity(SCALE, 7 * math.sin(1.7 * t), place), translation(-MIDDLE, -MIDDLE))


def clean(index, head):
    return warp_affine(head[None], invert(frame_from_head(index))[None], HEIGHT, WIDTH)[0].clamp(0, 1)


def damaged(picture, index):
    """Grain and JPEG's blocks, other ones in each frame."""
    generator = torch.Generator().manual_seed(index)
    grainy = (picture + 0.1 * torch.randn(picture.shape, generator=generator)).clamp(0, 1)
    levels = (grainy.permute(1, 2, 0) * 255).round().numpy().astype(np.uint8)
    content = io.BytesIO()
    Pillow.fromarray(levels).save(content, "JPEG", quality=30)
    return np.asarray(Pillow.open(content))


@pytest.fixture
def head():
    return torch.from_numpy(astronaut()[HEAD]).permute(2, 0, 1).float() / 255


@pytest.fixture
def film(save_clip, head):
    pictures = [damaged(clean(index, head), index) for index in range(NUM_FRAMES)]
    return save_clip(pictures, times=[TICKS * index for index in range(NUM_FRAMES)])


def command(film, target):
    program = "import sys; from mien.cli.main import main; sys.exit(main())"
    return [sys.executable, "-c", program, "recover", str(film), "-o", str(target), "--no-identity"]


def killed(film, target, enough):
    """Start, and kill as soon as there is enough in the journal; whether it was still at work."""
    process = subprocess.Popen(command(film, target), stderr=subprocess.DEVNULL, env=os.environ)
    folder = target.with_name(target.name + ".part")
    while process.poll() is None and not enough(folder):
        time.sleep(0.05)
    was_at_work = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return was_at_work


def num_lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def steadiness(images, points):
    """Jitter of the landmarks in pixels, and warping error of the face, both in places known beforehand."""
    read = load_reader()
    heads = [
        warp_affine(image[None], frame_from_head(index)[None], 210, 210)[0].clamp(0, 1)
        for index, image in enumerate(images)
    ]
    found = torch.stack([read(Crop(head, similarity(1.0, 0.0, (0, 0)), points)).landmarks for head in heads])
    # in the head's own pixels nothing moves
    jitter = SCALE * landmark_jitter(found, torch.zeros_like(found))
    low, high = points.amin(dim=0).int().tolist(), points.amax(dim=0).int().tolist()
    faces = torch.stack([head[:, low[1] : high[1], low[0] : high[0]] for head in heads])
    still = torch.zeros(len(faces) - 1, 2, *faces.shape[2:])
    return jitter, warping_error(faces[:-1], faces[1:], still, torch.ones_like(still[:, :1]))


def sound(path):
    av = pytest.importorskip("av")
    with av.open(str(path)) as container:
        return [(p.pts, p.dts, bytes(p)) for p in container.demux(container.streams.audio[0]) if p.size]


@torch.no_grad()
def test_a_film_is_steady_and_survives_kills(film, head, tmp_path):
    whole, again = tmp_path / "whole.mp4", tmp_path / "again.mp4"
    subprocess.run(command(film, whole), check=True)
    assert sound(whole) == sound(film)

    assert killed(film, again, lambda folder: num_lines(folder / "looks.jsonl") >= 9)
    assert killed(film, again, lambda folder: num_lines(folder / "segments.jsonl") >= 1)
    told = subprocess.run(command(film, again), check=True, capture_output=True, text=True)
    assert "goes on where an earlier run stopped" in told.stderr
    assert again.read_bytes() == whole.read_bytes()

    model, find = load("restore"), load_detector()
    points = find(head)[0].points
    alone = [recover(frame.image, model, None, find).photo for frame in Clip(film, ".mp4").frames()]
    jitter, error = steadiness([frame.image for frame in Clip(whole, ".mp4").frames()], points)
    jitter_alone, error_alone = steadiness(alone, points)
    assert jitter < jitter_alone / 2
    assert error < error_alone / 2
