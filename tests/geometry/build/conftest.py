"""A made head in the format of ICT-FaceKit: half an egg with eyes, a mouth and the 68 landmarks."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from mien.geometry.build.facekit import read_facekit


def load_heads():
    """The module heads.py beside this file."""
    spec = importlib.util.spec_from_file_location("mien_heads", Path(__file__).with_name("heads.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def heads():
    return load_heads()


@pytest.fixture(scope="session")
def kit_folder(heads, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kit")
    arrays, landmarks = heads.made_head()
    np.savez(folder / "head.npz", **arrays)
    (folder / "vertex_indices.json").write_text(json.dumps({"idx_to_landmark_verts": landmarks}))
    return folder


@pytest.fixture(scope="session")
def kit(kit_folder):
    return read_facekit(kit_folder)
