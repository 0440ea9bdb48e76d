"""`mien build-morphable` on a made head and made photos of it."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.geometry.build.facekit import read_facekit
from mien.geometry.build.layout import lay_out
from mien.geometry.camera import WeakPerspective
from mien.geometry.morphable_files import read_morphable
from mien.geometry.pose import rotation_from_angles, turn
from mien.geometry.rasterize import rasterize
from mien.geometry.texture import paint
from mien.image.io import write_image

SIZE, NUM_PHOTOS = 150, 24


@pytest.fixture(scope="module")
def heads():
    path = Path(__file__).parents[1] / "geometry" / "build" / "heads.py"
    spec = importlib.util.spec_from_file_location("mien_heads_for_commands", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sources(heads, tmp_path_factory):
    """A folder with the head, photos of it in several poses, and their labels."""
    folder = tmp_path_factory.mktemp("sources")
    arrays, landmarks = heads.made_head()
    np.savez(folder / "head.npz", **arrays)
    (folder / "vertex_indices.json").write_text(json.dumps({"idx_to_landmark_verts": landmarks}))
    kit = read_facekit(folder)
    vertices = torch.from_numpy(kit.mean).float()[None].expand(NUM_PHOTOS, -1, -1)
    angles = torch.linspace(-25, 25, NUM_PHOTOS)[:, None] * torch.tensor([1.0, -0.3, 0.2])
    camera = WeakPerspective(torch.full((NUM_PHOTOS,), 62.0), torch.full((NUM_PHOTOS, 2), SIZE / 2))
    points = camera.project(turn(vertices, rotation_from_angles(angles)))
    triangles = torch.from_numpy(kit.triangles)
    skin = torch.tensor([0.7, 0.5, 0.4]).expand(NUM_PHOTOS, vertices.shape[1], 3)
    pictures, _ = paint(rasterize(points, triangles, SIZE, SIZE), triangles, skin)
    files = [str(folder / f"{number:02d}.png") for number in range(NUM_PHOTOS)]
    for file, picture in zip(files, pictures, strict=True):
        write_image(file, picture)
    np.savez(
        folder.parent / "labels.npz",
        files=np.array(files),
        points=points[:, torch.from_numpy(kit.landmarks), :2].numpy(),
        num_faces=np.ones(NUM_PHOTOS, dtype=np.int64),
        ignore=np.zeros((0, 4), dtype=np.float32),
        num_ignored=np.zeros(NUM_PHOTOS, dtype=np.int64),
    )
    return folder, folder.parent / "labels.npz"


def test_a_model_is_built(mien, sources, heads, tmp_path, monkeypatch):
    def lay_out_coarsely(surface, landmarks, details, settings):
        return lay_out(surface, landmarks, details, heads.COARSE)

    monkeypatch.setattr("mien.geometry.build.assemble.lay_out", lay_out_coarsely)
    folder, labels = sources
    out = tmp_path / "morphable.safetensors"
    ran = mien(
        *("build-morphable", folder, "--labels", labels, "-o", out), "--num-identity", 6, "--num-albedo", 3
    )
    assert ran.status == 0, ran.err
    assert "learned from 24 faces" in ran.err
    model = read_morphable(out)
    assert model.num_coefficients == (6, 3, 3)
    assert torch.tensor([0.7, 0.5, 0.4]).sub(model.mean_albedo.median(0).values).abs().max() < 0.05


def test_what_is_missing_is_named(mien, sources, tmp_path):
    folder, labels = sources
    out = tmp_path / "out.safetensors"
    ran = mien("build-morphable", tmp_path / "nothing", "--labels", labels, "-o", out)
    assert ran.status == 2
    assert "nothing" in ran.err
    ran = mien("build-morphable", tmp_path, "--labels", labels, "-o", out)
    assert ran.status == 1
    assert "FaceXModel" in ran.err
    ran = mien("build-morphable", folder, "--labels", labels, "-o", tmp_path / "no" / "out.safetensors")
    assert ran.status == 2
    assert "no such folder" in ran.err
