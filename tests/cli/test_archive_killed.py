"""The real command on a folder: killed again and again, over few photos and many, and with Ray."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.archive.journal import NAME
from mien.archive.staging import FOLDER

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "examples" / "astronaut.jpg"
NUM_KILLS = 5
NUM_FEW, NUM_MANY = 50, 1000
"""MIEN_PHOTOS=200 makes it quicker."""


def make_album(folder: Path, num_photos: int) -> Path:
    """Small pictures in several formats and sizes, every eighth with a face, every fortieth broken."""
    chance = np.random.default_rng(0)
    face = Pillow.open(EXAMPLE).convert("RGB")
    for number in range(num_photos):
        path = folder / f"{number // 100:02d}" / f"{number:04d}.{('jpg', 'png', 'webp')[number % 3]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        size = tuple(chance.integers(100, 180, 2).tolist())
        if number % 40 == 17:
            path.write_bytes(b"no picture")
        elif number % 8 == 0:
            face.resize(size).save(path)
        else:
            Pillow.fromarray(chance.integers(0, 255, (6, 8, 3), dtype=np.uint8)).resize(size).save(path)
    return folder


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "mien", "recover", *map(str, words), "--workers", "2"]


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), capture_output=True, text=True, check=False)


def num_done(out: Path) -> int:
    return (out / NAME).read_bytes().count(b'{"done"') if (out / NAME).exists() else 0


def tree(folder: Path) -> dict[str, bytes]:
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if name != NAME}


def kill_after(out: Path, num_more: int, words: list[str]) -> None:
    """Begin, and end without a warning when so many more photos are done, or nearly so."""
    enough = num_done(out) + num_more
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while num_done(out) < enough and process.poll() is None:
            time.sleep(0.05)
        time.sleep(random.random() / 4)
        process.send_signal(signal.SIGKILL)


def test_five_kills_change_nothing(tmp_path: Path) -> None:
    num_photos = min(NUM_MANY, int(os.environ.get("MIEN_PHOTOS", "200")))
    album = make_album(tmp_path / "album", num_photos)
    words = ("--compare", "--save-faces")
    undisturbed = run(album, "-o", tmp_path / "one", *words)
    assert undisturbed.returncode == 1  # some are broken
    out = tmp_path / "killed"
    for _ in range(NUM_KILLS):
        kill_after(out, random.randint(1, num_photos // 7), command(album, "-o", out, *words))
        for path in out.rglob("*.*"):
            if path.is_file() and FOLDER not in path.parts and path.name != NAME:
                Pillow.open(path).load()  # every file that has its name is whole
    last = run(album, "-o", out, *words)
    assert re.search(r"^skipped \d+ done before$", last.stderr, re.MULTILINE)
    assert last.stderr.count("error: not a picture") == undisturbed.stderr.count("error: not a picture")
    assert tree(out) == tree(tmp_path / "one")
    assert not [*out.rglob(FOLDER)]


def peak_memory(*words: str | Path) -> int:
    """Kilobytes."""
    process = subprocess.Popen(command(*words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0  # it has been waited for
    return usage.ru_maxrss


@pytest.mark.skipif(sys.platform != "linux", reason="counts kilobytes")
def test_memory_stays_flat(tmp_path: Path) -> None:
    many = make_album(tmp_path / "many", NUM_MANY)
    small = max(peak_memory(pick(many, start, tmp_path), "-o", tmp_path / f"out_{start}") for start in (0, 8))
    assert peak_memory(many, "-o", tmp_path / "out") < 1.1 * small


def pick(album: Path, start: int, place: Path) -> Path:
    """Fifty of its photos; how many threads are at their most at once is chance, hence two choices."""
    few = place / f"few_{start}"
    few.mkdir()
    for path in sorted(album.rglob("*.*"))[start :: NUM_MANY // NUM_FEW]:
        shutil.copy(path, few)
    return few


def test_ray_does_the_same(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    album = make_album(tmp_path / "album", 40)
    here = run(album, "-o", tmp_path / "here", "--report", tmp_path / "here.jsonl")
    there = run(album, "-o", tmp_path / "there", "--report", tmp_path / "there.jsonl", "--engine", "ray")
    assert (here.returncode, there.returncode) == (1, 1), there.stderr
    assert tree(tmp_path / "there") == tree(tmp_path / "here")
    lines = [(tmp_path / f"{name}.jsonl").read_text().splitlines() for name in ("here", "there")]
    faces = [[re.sub(r'.*"faces"', "", line) for line in report if '"faces"' in line] for report in lines]
    assert faces[0] == faces[1]
    assert f"skipped {len(faces[0])} done before" in run(album, "-o", tmp_path / "there").stderr
