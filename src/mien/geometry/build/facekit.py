"""ICT-FaceKit's face (MIT, USC Institute for Creative Technologies), read from where a user has it."""

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

NUM_HEAD_VERTICES = 11248
"""The kit's first two parts, face and head with neck; teeth, eyes and lashes come after them."""
DECIMETRES_PER_UNIT = 0.1
"""The kit counts in centimetres."""
KIT_NOSE = np.array([0.0, 0.41, 13.07])
"""The tip of the nose in the kit's centimetres, which stays where it is when the head is turned upright."""
NOSE = np.array([0.0, 0.0, 0.547])
"""The same in our face space, whose origin lies at its height in the middle of the head."""
LIFT = 2.6
"""Degrees by which the kit's heads look up where 300W-LP, 3DDFA and AFLW2000 (BFM's zero) say that a head
looks straight ahead: the mean difference in pitch of faces fitted with both."""
INDEX_FILE = "vertex_indices.json"
NEUTRAL_FILE = "generic_neutral_mesh.obj"


class SourceError(ValueError):
    """Data to build from that is not what was expected."""


@dataclass(frozen=True, eq=False)
class FaceKit:
    """A head with its identity and expression shapes, in our face space."""

    mean: Float[ndarray, "vertices 3"]
    identity: Float[ndarray, "identities vertices 3"]
    """One standard deviation of each."""
    expression: Float[ndarray, "expressions vertices 3"]
    """At full activation; activations go from 0 to 1."""
    expression_names: tuple[str, ...]
    triangles: Int[ndarray, "triangles 3"]
    landmarks: Int[ndarray, " 68"]


def read_facekit(folder: Path) -> FaceKit:
    """From the kit's own `FaceXModel` folder, or from one file `ict_face_head.npz` beside its index file."""
    index_file = folder / INDEX_FILE
    if not index_file.is_file():
        raise SourceError(
            f"{folder} has no {INDEX_FILE}: expected ICT-FaceKit's FaceXModel folder, or one with "
            f"{INDEX_FILE} and an .npz of the arrays mean, identity_deltas, expression_deltas, triangles"
        )
    landmarks = np.asarray(json.loads(index_file.read_text())["idx_to_landmark_verts"], dtype=np.int64)
    if (folder / NEUTRAL_FILE).is_file():
        return _from_meshes(folder, landmarks)
    packed = sorted(folder.glob("*.npz"))
    if len(packed) != 1:
        raise SourceError(f"{folder} has neither {NEUTRAL_FILE} nor exactly one .npz (it has {len(packed)})")
    return _from_arrays(packed[0], landmarks)


def _from_arrays(path: Path, landmarks: Int[ndarray, " 68"]) -> FaceKit:
    with np.load(path, allow_pickle=False) as arrays:
        missing = {"mean", "identity_deltas", "expression_deltas", "triangles"} - set(arrays.files)
        if missing:
            raise SourceError(f"{path} lacks {', '.join(sorted(missing))}; it has {', '.join(arrays.files)}")
        names_file = path.with_name("expression_names.json")
        num_expressions = len(arrays["expression_deltas"])
        names = json.loads(names_file.read_text()) if names_file.is_file() else []
        if len(names) != num_expressions:
            names = [f"expression {index}" for index in range(num_expressions)]
        return _in_face_space(
            arrays["mean"].astype(np.float64),
            arrays["identity_deltas"].astype(np.float64),
            arrays["expression_deltas"].astype(np.float64),
            tuple(names),
            arrays["triangles"].astype(np.int64),
            landmarks,
        )


def _from_meshes(folder: Path, landmarks: Int[ndarray, " 68"]) -> FaceKit:
    neutral, triangles = read_obj(folder / NEUTRAL_FILE)
    num_vertices = min(NUM_HEAD_VERTICES, len(neutral))
    identity_files = sorted(folder.glob("identity*.obj"))
    expression_files = sorted(set(folder.glob("*.obj")) - set(identity_files) - {folder / NEUTRAL_FILE})
    if not identity_files or not expression_files:
        raise SourceError(
            f"{folder} has {len(identity_files)} identity and {len(expression_files)} expression meshes"
        )
    deltas = [
        np.stack([_read_like(file, len(neutral)) - neutral for file in files])[:, :num_vertices]
        for files in (identity_files, expression_files)
    ]
    return _in_face_space(
        neutral[:num_vertices],
        deltas[0],
        deltas[1],
        tuple(file.stem for file in expression_files),
        triangles[(triangles < num_vertices).all(axis=1)],
        landmarks,
    )


def _read_like(path: Path, num_vertices: int) -> Float[ndarray, "vertices 3"]:
    vertices, _ = read_obj(path)
    if len(vertices) != num_vertices:
        raise SourceError(f"{path} has {len(vertices)} vertices, {NEUTRAL_FILE} has {num_vertices}")
    return vertices


def read_obj(path: Path) -> tuple[Float[ndarray, "vertices 3"], Int[ndarray, "triangles 3"]]:
    """Vertices and triangles of a Wavefront file; larger polygons are cut into fans."""
    vertices: list[list[float]] = []
    triangles: list[tuple[int, int, int]] = []
    with path.open() as file:
        for line in file:
            kind, *words = line.split() or [""]
            if kind == "v":
                vertices.append([float(word) for word in words[:3]])
            elif kind == "f":
                corners = [int(word.split("/")[0]) - 1 for word in words]
                triangles += [(corners[0], *pair) for pair in pairwise(corners[1:])]
    if not vertices or not triangles:
        raise SourceError(f"{path} has {len(vertices)} vertices and {len(triangles)} triangles")
    return np.array(vertices), np.array(triangles, dtype=np.int64)


def _in_face_space(
    mean: Float[ndarray, "vertices 3"],
    identity: Float[ndarray, "identities vertices 3"],
    expression: Float[ndarray, "expressions vertices 3"],
    names: tuple[str, ...],
    triangles: Int[ndarray, "triangles 3"],
    landmarks: Int[ndarray, " 68"],
) -> FaceKit:
    sine, cosine = np.sin(np.radians(LIFT)), np.cos(np.radians(LIFT))
    turn = DECIMETRES_PER_UNIT * np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    return FaceKit(
        (mean - KIT_NOSE) @ turn.T + NOSE,
        identity @ turn.T,
        expression @ turn.T,
        names,
        triangles,
        landmarks,
    )
