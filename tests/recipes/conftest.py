"""What the tests of several recipes need."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def pool_folder(tmp_path: Path) -> Path:
    """A run's folder with a pool of faces and pictures without any, as detector and look pack them."""
    generator = np.random.default_rng(0)
    pool = tmp_path / "pool"
    pool.mkdir()
    for size in (256, 128, 64, 32):
        np.save(pool / f"pixels{size}.npy", generator.integers(0, 256, (6, 3, size, size), dtype=np.uint8))
    outlines = generator.uniform(80, 180, (6, 4, 83, 2)).astype(np.float32)
    kinds = np.tile(np.array([1, 2, 0, 0]), (6, 1))
    extents = np.full((6, 2), 256, np.float32)
    np.savez(
        pool / "labels.npz", outlines=outlines, kinds=kinds, extents=extents, weights=np.ones(6, np.float32)
    )
    np.save(tmp_path / "backgrounds.npy", generator.integers(0, 256, (2, 3, 256, 256), dtype=np.uint8))
    return tmp_path


@pytest.fixture
def last_figures() -> Callable[[Path], dict[str, float]]:
    """Of the last validation in a run's folder."""

    def read(folder: Path) -> dict[str, float]:
        entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        return [entry["validation"] for entry in entries if "validation" in entry][-1]

    return read
