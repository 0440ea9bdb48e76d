"""Tiny files in the formats of the published models."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse
import scipy.spatial
import torch

from mien.geometry.foreign import cylindrical_uv, nearest_mirror, read_foreign
from mien.geometry.morphable import LinearMorphable, Morphable, MorphableError

NUM_VERTICES = 80
LANDMARKS = torch.arange(5, 73)
RANDOM = np.random.default_rng(0)
MEAN = RANDOM.normal(size=(NUM_VERTICES, 3))
TRIANGLES = RANDOM.permuted(np.tile(np.arange(NUM_VERTICES), (40, 1)), axis=1)[:, :3]


def basis(num_components: int) -> np.ndarray:
    return RANDOM.normal(size=(3 * NUM_VERTICES, num_components))


IDENTITY, EXPRESSION, COLOUR = basis(6), basis(4), basis(5)
DEVIATIONS = np.arange(1.0, 7)


def check(model: LinearMorphable, identity: np.ndarray, expression: np.ndarray, colour: np.ndarray | None):
    """What was written came back, in decimetres and with the tip of the nose at its place."""
    assert isinstance(model, Morphable)
    torch.testing.assert_close(model.landmarks, LANDMARKS)
    torch.testing.assert_close(model.mean[LANDMARKS[30]], torch.tensor([0.0, 0.0, 0.547]))
    expected = torch.from_numpy(MEAN - MEAN[LANDMARKS[30]]).float() + torch.tensor([0.0, 0.0, 0.547])
    torch.testing.assert_close(model.mean, expected, atol=1e-4, rtol=1e-4)
    for found, wanted in ((model.identity_basis, identity), (model.expression_basis, expression)):
        rows = torch.from_numpy(wanted.T.reshape(-1, NUM_VERTICES, 3)).float()
        torch.testing.assert_close(found, rows, atol=1e-4, rtol=1e-4)
    if colour is None:
        assert len(model.albedo_basis) == 0
        assert (model.mean_albedo == 0.5).all()
    else:
        rows = torch.from_numpy(colour.T.reshape(-1, NUM_VERTICES, 3)).float()
        torch.testing.assert_close(model.albedo_basis, rows, atol=1e-4, rtol=1e-4)
    assert {frozenset(row) for row in model.triangles.tolist()} == {
        frozenset(row) for row in TRIANGLES.tolist()
    }


def test_bfm_2009_front(tmp_path: Path):
    scipy.io.savemat(
        tmp_path / "BFM_model_front.mat",
        {
            "meanshape": MEAN.reshape(1, -1),
            "meantex": np.full((1, 3 * NUM_VERTICES), 127.5),
            "idBase": IDENTITY,
            "exBase": EXPRESSION,
            "texBase": COLOUR,
            "tri": TRIANGLES + 1,
            "keypoints": LANDMARKS.numpy()[None] + 1,
        },
    )
    model = read_foreign(tmp_path / "BFM_model_front.mat")
    check(model, IDENTITY, EXPRESSION, COLOUR / 255)
    assert (model.mean_albedo == 0.5).all()


def test_bfm_2009_full(tmp_path: Path):
    scale = 1e5
    struct = {
        "shapeMU": (MEAN.reshape(-1, 1) - 0.25) * scale,
        "shapePC": IDENTITY * scale,
        "shapeEV": DEVIATIONS[:6, None],
        "expMU": np.full((3 * NUM_VERTICES, 1), 0.25 * scale),
        "expPC": EXPRESSION * scale,
        "expEV": DEVIATIONS[:4, None],
        "texMU": np.full((3 * NUM_VERTICES, 1), 127.5),
        "texPC": COLOUR,
        "texEV": DEVIATIONS[:5, None],
        "tri": TRIANGLES + 1,
        "kpt_ind": LANDMARKS.numpy()[None] + 1,
    }
    scipy.io.savemat(tmp_path / "BFM.mat", {"model": struct})
    check(
        read_foreign(tmp_path / "BFM.mat"),
        IDENTITY * DEVIATIONS[:6],
        EXPRESSION * DEVIATIONS[:4],
        COLOUR * DEVIATIONS[:5] / 255,
    )


def arrays_of_2017() -> dict[str, np.ndarray]:
    return {
        "shape/model/mean": MEAN.ravel() * 100,
        "shape/model/pcaBasis": IDENTITY * 100,
        "shape/model/pcaVariance": DEVIATIONS[:6] ** 2,
        "shape/representer/cells": TRIANGLES.T.astype(np.int32),
        "expression/model/mean": np.zeros(3 * NUM_VERTICES),
        "expression/model/pcaBasis": EXPRESSION * 100,
        "expression/model/pcaVariance": DEVIATIONS[:4] ** 2,
        "color/model/mean": np.full(3 * NUM_VERTICES, 0.5),
        "color/model/pcaBasis": COLOUR,
        "color/model/pcaVariance": DEVIATIONS[:5] ** 2,
    }


def check_2017(model: LinearMorphable):
    check(model, IDENTITY * DEVIATIONS[:6], EXPRESSION * DEVIATIONS[:4], COLOUR * DEVIATIONS[:5])


def test_bfm_2017_as_npz(tmp_path: Path):
    np.savez(tmp_path / "bfm2017.npz", **arrays_of_2017())
    check_2017(read_foreign(tmp_path / "bfm2017.npz", LANDMARKS))


def test_bfm_2017_as_h5(tmp_path: Path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "bfm2017.h5", "w") as file:
        for name, array in arrays_of_2017().items():
            file[name] = array
        file["metadata/landmarks/json"] = "[]"
    check_2017(read_foreign(tmp_path / "bfm2017.h5", LANDMARKS))


def test_h5_without_its_package(tmp_path: Path, monkeypatch):
    (tmp_path / "bfm2017.h5").touch()
    monkeypatch.setattr("mien.geometry.foreign_files.find_spec", lambda package: None)
    with pytest.raises(MorphableError, match=r"pip install 'mien\[foreign\]'"):
        read_foreign(tmp_path / "bfm2017.h5")


class Boxed:
    """Stands for chumpy's arrays in FLAME's files: an object with the array in its state."""

    def __init__(self, array: np.ndarray) -> None:
        self.x = array


Boxed.__module__, Boxed.__qualname__ = "chumpy.ch", "Ch"


def flame_file(path: Path, monkeypatch, protocol: int) -> None:
    import sys
    from types import ModuleType

    package, module = ModuleType("chumpy"), ModuleType("chumpy.ch")
    module.Ch = Boxed  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "chumpy", package)
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    directions = np.concatenate([np.tile(IDENTITY, (1, 50)), EXPRESSION], axis=1)
    content = {
        "v_template": MEAN / 10,
        "shapedirs": Boxed(directions.reshape(NUM_VERTICES, 3, -1) / 10),
        "f": TRIANGLES.astype(np.uint32),
        "J_regressor": scipy.sparse.csc_matrix(np.eye(3)),
        "bs_style": "lbs",
    }
    path.write_bytes(pickle.dumps(content, protocol))


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_flame(tmp_path: Path, monkeypatch, protocol: int):
    flame_file(tmp_path / "flame.pkl", monkeypatch, protocol)
    model = read_foreign(tmp_path / "flame.pkl", LANDMARKS)
    assert model.num_coefficients == (300, 4, 0)
    check(model.cut(6, 4, 0), IDENTITY, EXPRESSION, None)


class Mischief:
    def __reduce__(self):
        return os.system, ("touch mischief",)


def test_a_pickle_that_would_run_something_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("evil.pkl").write_bytes(pickle.dumps({"v_template": Mischief()}))
    with pytest.raises(MorphableError, match=r"asks for posix\.system"):
        read_foreign(Path("evil.pkl"))
    assert not Path("mischief").exists()


def test_arrays_of_objects_in_npz_are_refused(tmp_path: Path):
    np.savez(tmp_path / "odd.npz", meanshape=np.array([{}], dtype=object))
    with pytest.raises(MorphableError, match=r"no \.npz of plain arrays"):
        read_foreign(tmp_path / "odd.npz")


@pytest.mark.parametrize("name", ["a.mat", "a.npz", "a.pkl"])
@pytest.mark.parametrize("content", [b"", b"hello", b"MATLAB 5.0 MAT-file and no more", b"PK\x03\x04"])
def test_broken_files_say_so(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MorphableError, match=name):
        read_foreign(tmp_path / name)


def test_a_wrong_file_says_what_was_expected(tmp_path: Path):
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    with pytest.raises(MorphableError, match=r"it has weights, expected one of BFM 2009.*meanshape.*FLAME"):
        read_foreign(tmp_path / "other.npz")
    with pytest.raises(MorphableError, match=r"ends in \.mat, \.h5"):
        read_foreign(tmp_path / "face.obj")


def test_landmarks_have_to_come_from_somewhere(tmp_path: Path):
    np.savez(tmp_path / "bfm2017.npz", **arrays_of_2017())
    with pytest.raises(MorphableError, match="does not say which vertices are the 68 landmarks"):
        read_foreign(tmp_path / "bfm2017.npz")


def test_parts_that_do_not_fit_together(tmp_path: Path):
    arrays = arrays_of_2017()
    np.savez(tmp_path / "a.npz", **{**arrays, "shape/model/pcaBasis": IDENTITY[:-3]})
    with pytest.raises(MorphableError, match=r"identity basis is \(237, 6\), expected 240 rows"):
        read_foreign(tmp_path / "a.npz", LANDMARKS)
    np.savez(tmp_path / "b.npz", **{**arrays, "shape/representer/cells": TRIANGLES.T + 70})
    with pytest.raises(MorphableError, match="numbers more vertices than its 80"):
        read_foreign(tmp_path / "b.npz", LANDMARKS)


def test_triangles_are_turned_outwards(tmp_path: Path):
    sphere = torch.nn.functional.normalize(torch.from_numpy(MEAN).float(), dim=1)
    hull = scipy.spatial.ConvexHull(sphere.numpy()).simplices
    arrays = arrays_of_2017() | {
        "shape/model/mean": sphere.numpy().ravel() * 100,
        "shape/representer/cells": hull.T,
    }
    first, second, third = sphere[torch.from_numpy(hull).long()].unbind(1)
    inwards = (torch.linalg.cross(second - first, third - first) * (first + second + third)).sum(-1) < 0
    arrays["shape/representer/cells"] = (
        torch.where(inwards[:, None], torch.from_numpy(hull), torch.from_numpy(hull).flip(1)).numpy().T
    )
    np.savez(tmp_path / "sphere.npz", **arrays)
    model = read_foreign(tmp_path / "sphere.npz", LANDMARKS)
    first, second, third = model.mean[model.triangles].unbind(1)
    outwards = torch.linalg.cross(second - first, third - first)
    assert ((outwards * ((first + second + third) / 3 - model.mean.mean(0))).sum(-1) > 0).all()


def test_mirror_finds_the_other_side():
    half = torch.rand(20, 3)
    shape = torch.cat((half, half * torch.tensor([-1.0, 1.0, 1.0])))
    expected = torch.cat((torch.arange(20, 40), torch.arange(20)))
    assert torch.equal(nearest_mirror(shape), expected)


def test_uv_lies_in_the_unit_square():
    uv = cylindrical_uv(torch.from_numpy(MEAN).float())
    assert uv.min() >= 0
    assert uv.max() <= 1
    ahead = cylindrical_uv(torch.tensor([[0.0, 0, 1], [1.0, 1, 0], [-1.0, 2, 0]]))
    torch.testing.assert_close(ahead, torch.tensor([[0.5, 0.0], [0.75, 0.5], [0.25, 1.0]]))
