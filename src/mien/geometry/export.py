"""Meshes in files that any 3D program opens: Wavefront OBJ and binary glTF 2.0."""

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mien.geometry.mesh import Mesh, vertex_normals
from mien.image.io import Photo, encode_photo, write_bytes
from mien.types import Image

FLOAT, UNSIGNED = 5126, 5125
VERTICES, INDICES = 34962, 34963
"""What glTF calls numbers and what they are for."""


class MeshError(ValueError):
    """A mesh that cannot be written, or a file name that does not say how."""


def write_mesh(target: Path | str, mesh: Mesh, texture: Image | None = None) -> None:
    """One face, its vertices coloured or with a texture over its uv; the suffix says the format.

    Beside an OBJ file lies its material, and its texture as PNG; a GLB file holds everything.
    """
    path = Path(target)
    _check(mesh)
    if path.suffix.lower() == ".glb":
        write_bytes(path, encode_glb(mesh, texture))
    elif path.suffix.lower() == ".obj":
        _write_obj(path, mesh, texture)
    else:
        raise MeshError(
            f"cannot write a mesh as {path.suffix or 'a file without suffix'}, only .obj and .glb"
        )


def encode_obj(mesh: Mesh, material: str | None = None) -> str:
    """The text of an OBJ file; colour comes from the material's texture, or without one from each vertex.

    Colours after a vertex's place are no part of the old format, but what all programs understand.
    """
    vertices, normals = mesh.vertices[0], _normals(mesh)
    rows = vertices if material is not None else torch.cat((vertices, mesh.colors[0].clamp(0, 1)), 1)
    lines = [] if material is None else [f"mtllib {material}.mtl", "usemtl face"]
    lines += _lines("v", rows) + _lines("vt", mesh.uv) + _lines("vn", normals)
    lines += ["f " + " ".join(f"{v}/{v}/{v}" for v in corners) for corners in (mesh.triangles + 1).tolist()]
    return "\n".join(lines) + "\n"


def encode_glb(mesh: Mesh, texture: Image | None = None) -> bytes:
    """The bytes of a GLB file. The picture's light is in the colours, so viewers are told to add none."""
    content = _Content()
    attributes = {
        "POSITION": content.add(mesh.vertices[0], VERTICES, with_range=True),
        "NORMAL": content.add(_normals(mesh), VERTICES),
        # v points down in glTF
        "TEXCOORD_0": content.add(torch.stack((mesh.uv[:, 0], 1 - mesh.uv[:, 1]), 1), VERTICES),
    }
    surface: dict[str, object] = {"metallicFactor": 0.0}
    document: dict[str, object] = {}
    if texture is None:
        attributes["COLOR_0"] = content.add(_linear(mesh.colors[0].clamp(0, 1)), VERTICES)
    else:
        view = content.add_bytes(encode_photo(Photo(texture), "PNG"))
        document["images"] = [{"bufferView": view, "mimeType": "image/png"}]
        document["textures"] = [{"source": 0}]
        surface["baseColorTexture"] = {"index": 0}
    indices = content.add(mesh.triangles.reshape(-1), INDICES)
    unlit = "KHR_materials_unlit"
    document |= {
        "asset": {"version": "2.0", "generator": "mien"},
        "extensionsUsed": [unlit],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "face"}],
        "meshes": [{"primitives": [{"attributes": attributes, "indices": indices, "material": 0}]}],
        "materials": [{"pbrMetallicRoughness": surface, "extensions": {unlit: {}}, "doubleSided": True}],
        "accessors": content.accessors,
        "bufferViews": content.views,
        "buffers": [{"byteLength": len(content.data)}],
    }
    return _container(json.dumps(document).encode(), bytes(content.data))


@dataclass(frozen=True)
class _Content:
    """A glTF buffer as it fills, and the descriptions of what lies where in it."""

    data: bytearray = field(default_factory=bytearray)
    views: list[dict[str, int]] = field(default_factory=list)
    accessors: list[dict[str, object]] = field(default_factory=list)

    def add(self, values: Tensor, purpose: int, with_range: bool = False) -> int:
        """The number of the accessor: rows of floats, or whole numbers one by one."""
        is_float = values.is_floating_point()
        array = values.detach().cpu().numpy().astype("<f4" if is_float else "<u4")
        accessor: dict[str, object] = {
            "bufferView": self.add_bytes(array.tobytes(), purpose),
            "componentType": FLOAT if is_float else UNSIGNED,
            "count": len(array),
            "type": "SCALAR" if array.ndim == 1 else f"VEC{array.shape[1]}",
        }
        if with_range:
            accessor |= {"min": array.min(0).tolist(), "max": array.max(0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def add_bytes(self, content: bytes, purpose: int | None = None) -> int:
        """The number of the buffer view, which starts at a multiple of 4."""
        self.data.extend(b"\0" * (-len(self.data) % 4))
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(content)}
        self.views.append(view if purpose is None else {**view, "target": purpose})
        self.data.extend(content)
        return len(self.views) - 1


def _container(document: bytes, data: bytes) -> bytes:
    """Header and two chunks, each a multiple of 4 long: spaces fill up the JSON, zeros the data."""
    document += b" " * (-len(document) % 4)
    data += b"\0" * (-len(data) % 4)
    chunks = struct.pack("<I4s", len(document), b"JSON") + document
    chunks += struct.pack("<I4s", len(data), b"BIN\0") + data
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _write_obj(path: Path, mesh: Mesh, texture: Image | None) -> None:
    if texture is None:
        write_bytes(path, encode_obj(mesh).encode())
        return
    material = f"newmtl face\nKa 1 1 1\nKd 1 1 1\nillum 0\nmap_Kd {path.stem}.png\n"
    write_bytes(path.with_suffix(".png"), encode_photo(Photo(texture), "PNG"))
    write_bytes(path.with_suffix(".mtl"), material.encode())
    write_bytes(path, encode_obj(mesh, path.stem).encode())


def _check(mesh: Mesh) -> None:
    if len(mesh.vertices) != 1:
        raise MeshError(f"a file holds one face, not {len(mesh.vertices)}")
    if len(mesh.triangles) == 0:
        raise MeshError("a mesh without triangles cannot be written")
    for name, values in (("vertices", mesh.vertices), ("colors", mesh.colors), ("uv", mesh.uv)):
        if not bool(values.isfinite().all()):
            raise MeshError(f"the mesh's {name} are not all finite numbers")


def _normals(mesh: Mesh) -> Float[Tensor, "vertices 3"]:
    """Of length 1, as glTF wants them, also where the surface has no direction."""
    normals = vertex_normals(mesh.vertices, mesh.triangles)[0]
    is_direction = normals.abs().sum(1, keepdim=True) > 0
    return torch.where(is_direction, normals, normals.new_tensor([0.0, 0.0, 1.0]))


def _linear(colors: Float[Tensor, "vertices 3"]) -> Float[Tensor, "vertices 3"]:
    """From sRGB: glTF's vertex colours are linear, its textures are not."""
    return torch.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)


def _lines(word: str, rows: Float[Tensor, "rows numbers"]) -> list[str]:
    numbers = np.char.mod("%.6f", rows.detach().cpu().double().numpy())
    return [f"{word} {' '.join(row)}" for row in numbers]
