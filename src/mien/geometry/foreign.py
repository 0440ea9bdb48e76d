"""Morphable models that a user has a licence for: BFM 2009 and 2017, FLAME. None of them comes with mien."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from mien.geometry.foreign_files import Arrays, read_arrays
from mien.geometry.landmarks import NUM_LANDMARKS
from mien.geometry.morphable import LinearMorphable, MorphableError

NOSE_TIP = 30
NOSE_DEPTH = 0.547
"""Decimetres from the origin to the tip of the nose, as in our own model."""
GREY = 0.5
LEVELS = 255.0
MIRROR_CHUNK = 1024
FLAME_SHAPES = 300
"""FLAME's `shapedirs` are first identity, then expression."""


@dataclass(frozen=True)
class Kind:
    """How a published file is laid out."""

    name: str
    wanted: tuple[str, ...]
    """Names of the arrays that make it this kind."""
    decimetres: float
    """Of one of its units."""


FRONT = Kind(
    "BFM 2009, BFM_model_front.mat", ("meanshape", "meantex", "idBase", "exBase", "texBase", "tri"), 1.0
)
FULL = Kind(
    "BFM 2009 with 53,215 vertices, BFM.mat",
    ("model.shapeMU", "model.shapePC", "model.shapeEV", "model.expPC", "model.expEV", "model.tri"),
    1e-5,
)
BFM_2017 = Kind(
    "BFM 2017, .h5",
    (
        "shape/model/mean",
        "shape/model/pcaBasis",
        "shape/model/pcaVariance",
        "shape/representer/cells",
        "expression/model/pcaBasis",
        "expression/model/pcaVariance",
        "color/model/mean",
    ),
    0.01,
)
FLAME = Kind("FLAME, .pkl", ("v_template", "shapedirs", "f"), 10.0)
KINDS = (FRONT, FULL, BFM_2017, FLAME)


def read_foreign(path: Path, landmarks: Int[Tensor, " 68"] | None = None) -> LinearMorphable:
    """A model from the file that its makers publish, or from an .npz of arrays by the same names.

    BFM 2009 files name their 68 landmark vertices; for the others `landmarks` must.
    """
    arrays = read_arrays(path)
    for kind in KINDS:
        if all(name in arrays for name in kind.wanted):
            return _READERS[kind.name](arrays, landmarks, path)
    raise MorphableError(
        f"{path} is no morphable model that is known: it has {_some(sorted(arrays))}, expected one of "
        + "; ".join(f"{kind.name} ({', '.join(kind.wanted)})" for kind in KINDS)
    )


def _from_front(arrays: Arrays, landmarks: Int[Tensor, " 68"] | None, path: Path) -> LinearMorphable:
    """Deep3D's cut of BFM 2009, 35,709 vertices: bases at one deviation, colours 0-255, numbers from 1."""
    return _assembled(
        FRONT,
        path,
        mean=arrays["meanshape"],
        identity=arrays["idBase"],
        expression=arrays["exBase"],
        mean_albedo=arrays["meantex"] / LEVELS,
        albedo=arrays["texBase"] / LEVELS,
        triangles=arrays["tri"] - 1,
        landmarks=_given_or(landmarks, arrays.get("keypoints")),
    )


def _from_full(arrays: Arrays, landmarks: Int[Tensor, " 68"] | None, path: Path) -> LinearMorphable:
    """The cut with 53,215 vertices and FaceWarehouse's expressions, in one MATLAB struct."""
    part = {name.removeprefix("model."): array for name, array in arrays.items()}
    num_values = part["shapeMU"].size
    return _assembled(
        FULL,
        path,
        mean=part["shapeMU"].ravel() + part.get("expMU", np.zeros(num_values)).ravel(),
        identity=part["shapePC"] * part["shapeEV"].ravel(),
        expression=part["expPC"] * part["expEV"].ravel(),
        mean_albedo=part.get("texMU", np.full(num_values, GREY * LEVELS)) / LEVELS,
        albedo=part.get("texPC", np.zeros((num_values, 0))) * part.get("texEV", np.zeros(0)).ravel() / LEVELS,
        triangles=part["tri"] - 1,
        landmarks=_given_or(landmarks, part.get("kpt_ind")),
    )


def _from_2017(arrays: Arrays, landmarks: Int[Tensor, " 68"] | None, path: Path) -> LinearMorphable:
    """Millimetres, orthonormal bases with variances, colours 0-1."""

    def basis(part: str) -> Float[ndarray, "values components"]:
        return arrays[f"{part}/model/pcaBasis"] * np.sqrt(arrays[f"{part}/model/pcaVariance"].ravel())

    has_colours = "color/model/pcaBasis" in arrays
    mean = arrays["shape/model/mean"].ravel() + arrays.get("expression/model/mean", np.zeros(1)).ravel()
    cells = arrays["shape/representer/cells"]
    return _assembled(
        BFM_2017,
        path,
        mean=mean,
        identity=basis("shape"),
        expression=basis("expression"),
        mean_albedo=arrays["color/model/mean"],
        albedo=basis("color") if has_colours else np.zeros((mean.size, 0)),
        triangles=cells.T if cells.shape[0] == 3 else cells,
        landmarks=_given_or(landmarks, None),
    )


def _from_flame(arrays: Arrays, landmarks: Int[Tensor, " 68"] | None, path: Path) -> LinearMorphable:
    """Metres, bases at one deviation, no colours; joints and pose correctives are left out."""
    mean = arrays["v_template"]
    directions = arrays["shapedirs"].reshape(mean.size, -1)
    num_shapes = min(FLAME_SHAPES, directions.shape[1])
    return _assembled(
        FLAME,
        path,
        mean=mean,
        identity=directions[:, :num_shapes],
        expression=directions[:, num_shapes:],
        mean_albedo=np.full(mean.size, GREY),
        albedo=np.zeros((mean.size, 0)),
        triangles=arrays["f"],
        landmarks=_given_or(landmarks, None),
    )


_READERS = {
    FRONT.name: _from_front,
    FULL.name: _from_full,
    BFM_2017.name: _from_2017,
    FLAME.name: _from_flame,
}


def _given_or(landmarks: Int[Tensor, " 68"] | None, from_one: ndarray | None) -> Int[Tensor, " 68"] | None:
    if landmarks is not None or from_one is None:
        return landmarks
    return torch.from_numpy(from_one.ravel().astype(np.int64)) - 1


def _assembled(
    kind: Kind,
    path: Path,
    *,
    mean: ndarray,
    identity: ndarray,
    expression: ndarray,
    mean_albedo: ndarray,
    albedo: ndarray,
    triangles: ndarray,
    landmarks: Tensor | None,
) -> LinearMorphable:
    """Bases come as (3 vertices, components), in the file's own units."""
    if landmarks is None or len(landmarks) != NUM_LANDMARKS:
        raise MorphableError(
            f"{path} ({kind.name}) does not say which vertices are the 68 landmarks: pass their numbers"
        )
    num_vertices = mean.size // 3
    for name, part in (("identity", identity), ("expression", expression), ("albedo", albedo)):
        if part.shape[0] != mean.size:
            raise MorphableError(
                f"{path} ({kind.name}): the {name} basis is {part.shape}, expected {mean.size} rows, "
                f"three for each of {num_vertices} vertices"
            )
    if triangles.min() < 0 or triangles.max() >= num_vertices or landmarks.max() >= num_vertices:
        raise MorphableError(f"{path} ({kind.name}) numbers more vertices than its {num_vertices}")
    shape = _vertices(mean.reshape(-1, 1))[0] * kind.decimetres
    tip = shape[landmarks[NOSE_TIP]]
    shape = shape - tip + shape.new_tensor([0.0, 0.0, NOSE_DEPTH])
    faces = torch.from_numpy(triangles.astype(np.int64))
    return LinearMorphable(
        mean=shape,
        identity_basis=_vertices(identity) * kind.decimetres,
        expression_basis=_vertices(expression) * kind.decimetres,
        mean_albedo=_vertices(mean_albedo.reshape(-1, 1))[0],
        albedo_basis=_vertices(albedo),
        triangles=_outwards(shape, faces),
        uv=cylindrical_uv(shape),
        landmarks=landmarks.long(),
        mirror=nearest_mirror(shape),
        landmark_offsets=torch.zeros(NUM_LANDMARKS, 3),
    )


def _vertices(columns: ndarray) -> Float[Tensor, "components vertices 3"]:
    """From (3 vertices, components) to our order."""
    rows = np.ascontiguousarray(columns.T, dtype=np.float32)
    return torch.from_numpy(rows).unflatten(1, (-1, 3))


def _outwards(
    shape: Float[Tensor, "vertices 3"], triangles: Int[Tensor, "triangles 3"]
) -> Int[Tensor, "triangles 3"]:
    """Counter-clockwise from outside, whichever way the file has them."""
    first, second, third = shape[triangles].unbind(1)
    normals = torch.linalg.cross(second - first, third - first)
    away = (first + second + third) / 3 - shape.mean(0)
    return triangles if (normals * away).sum() > 0 else triangles.flip(1)


def cylindrical_uv(shape: Float[Tensor, "vertices 3"]) -> Float[Tensor, "vertices 2"]:
    """A texture's layout for a mesh that comes without: around the upright axis, and up."""
    x, y, z = shape.unbind(1)
    turned = torch.atan2(x, z) / (2 * torch.pi) + 0.5
    height = (y - y.min()) / (y.max() - y.min()).clamp(min=1e-12)
    return torch.stack((turned, height), 1)


def nearest_mirror(shape: Float[Tensor, "vertices 3"]) -> Int[Tensor, " vertices"]:
    """The vertex nearest to each one's mirror image; these meshes are symmetric only by and large."""
    flipped = (shape * shape.new_tensor([-1.0, 1.0, 1.0])).split(MIRROR_CHUNK)
    return torch.cat([torch.cdist(part, shape).argmin(1) for part in flipped])


def _some(names: list[str]) -> str:
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "") if names else "nothing"
