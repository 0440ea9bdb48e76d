import json

import numpy as np
import pytest

from mien.geometry.build.facekit import LIFT, NOSE, SourceError, read_facekit


def test_the_nose_is_where_face_space_has_it(kit):
    tip = kit.mean[np.linalg.norm(kit.mean - NOSE, axis=1).argmin()]
    assert np.abs(tip - NOSE).max() < 0.02
    assert np.ptp(kit.mean[:, 1]) == pytest.approx(2.2, abs=0.15)  # decimetres


def test_meshes_give_what_arrays_give(kit, heads, tmp_path):
    arrays, landmarks = heads.made_head()
    (tmp_path / "vertex_indices.json").write_text(json.dumps({"idx_to_landmark_verts": landmarks}))
    names = ("generic_neutral_mesh", "identity000", "jawOpen")
    for name, delta in zip(
        names, (0, arrays["identity_deltas"][0], arrays["expression_deltas"][0]), strict=True
    ):
        lines = [f"v {x:.9f} {y:.9f} {z:.9f}" for x, y, z in arrays["mean"] + delta]
        lines += [f"f {a}/1 {b}/1 {c}/1" for a, b, c in arrays["triangles"] + 1]
        (tmp_path / f"{name}.obj").write_text("\n".join(lines))
    from_meshes = read_facekit(tmp_path)
    np.testing.assert_allclose(from_meshes.mean, kit.mean, atol=1e-8)
    np.testing.assert_allclose(from_meshes.identity, kit.identity[:1], atol=1e-8)
    assert from_meshes.expression_names == ("jawOpen",)
    np.testing.assert_array_equal(from_meshes.triangles, kit.triangles)


def test_deltas_are_turned_but_not_moved(kit, heads):
    arrays, _ = heads.made_head()
    lengths = np.linalg.norm(arrays["identity_deltas"], axis=-1) / 10
    np.testing.assert_allclose(np.linalg.norm(kit.identity, axis=-1), lengths, atol=1e-9)
    assert LIFT > 0


def test_other_folders_are_refused_with_what_was_expected(tmp_path):
    with pytest.raises(SourceError, match="FaceXModel"):
        read_facekit(tmp_path)
    (tmp_path / "vertex_indices.json").write_text(json.dumps({"idx_to_landmark_verts": list(range(68))}))
    with pytest.raises(SourceError, match=r"exactly one \.npz"):
        read_facekit(tmp_path)
    np.savez(tmp_path / "head.npz", mean=np.zeros((3, 3)))
    with pytest.raises(SourceError, match="lacks expression_deltas"):
        read_facekit(tmp_path)
