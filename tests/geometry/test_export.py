"""What is written is read again by nothing but the formats' own rules."""

import io
import json
import struct
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from mien.geometry.export import MeshError, encode_glb, encode_obj, write_mesh

SIZES = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
TYPES = {5126: "<f4", 5125: "<u4"}


def read_glb(content: bytes):
    """The document and its data, by the glTF 2.0 specification, section 4.4."""
    magic, version, length = struct.unpack_from("<4sII", content)
    assert (magic, version, length) == (b"glTF", 2, len(content))
    json_length, json_type = struct.unpack_from("<I4s", content, 12)
    assert json_type == b"JSON"
    assert json_length % 4 == 0
    document = json.loads(content[20 : 20 + json_length])
    data_length, data_type = struct.unpack_from("<I4s", content, 20 + json_length)
    assert data_type == b"BIN\0"
    data = content[28 + json_length :]
    assert data_length == len(data)
    assert data_length % 4 == 0
    assert 0 <= data_length - document["buffers"][0]["byteLength"] < 4
    return document, data


def view_of(document, data, number):
    view = document["bufferViews"][number]
    assert view["byteOffset"] % 4 == 0
    assert view["byteOffset"] + view["byteLength"] <= document["buffers"][0]["byteLength"]
    return data[view["byteOffset"] :][: view["byteLength"]]


def values_of(document, data, number):
    accessor = document["accessors"][number]
    width = SIZES[accessor["type"]]
    values = np.frombuffer(view_of(document, data, accessor["bufferView"]), TYPES[accessor["componentType"]])
    assert values.size == accessor["count"] * width
    return values.reshape(-1, width) if width > 1 else values


@pytest.fixture
def face(shapes):
    return shapes.made_face(9)


def test_a_glb_file_holds_the_mesh(face):
    document, data = read_glb(encode_glb(face))
    assert document["asset"]["version"] == "2.0"
    (primitive,) = document["meshes"][0]["primitives"]
    attributes = {name: values_of(document, data, at) for name, at in primitive["attributes"].items()}
    np.testing.assert_array_equal(attributes["POSITION"], face.vertices[0])
    np.testing.assert_array_equal(values_of(document, data, primitive["indices"]), face.triangles.flatten())
    np.testing.assert_allclose(np.linalg.norm(attributes["NORMAL"], axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(attributes["TEXCOORD_0"][:, 1], 1 - face.uv[:, 1])
    position = document["accessors"][primitive["attributes"]["POSITION"]]
    np.testing.assert_array_equal(position["min"], face.vertices[0].amin(0))
    np.testing.assert_array_equal(position["max"], face.vertices[0].amax(0))
    # a half bright sRGB value is 0.214 in linear light
    np.testing.assert_allclose(attributes["COLOR_0"][:, 2], 0.21404, atol=1e-5)


def test_a_glb_file_holds_the_texture(face):
    texture = torch.rand(3, 6, 10)
    document, data = read_glb(encode_glb(face, texture))
    (primitive,) = document["meshes"][0]["primitives"]
    assert "COLOR_0" not in primitive["attributes"]
    surface = document["materials"][primitive["material"]]["pbrMetallicRoughness"]
    source = document["textures"][surface["baseColorTexture"]["index"]]["source"]
    picture = Pillow.open(io.BytesIO(view_of(document, data, document["images"][source]["bufferView"])))
    found = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1) / 255
    torch.testing.assert_close(found, texture, atol=0.51 / 255, rtol=0)


def rows(text, word):
    return np.array([line.split()[1:] for line in text.splitlines() if line.split()[0] == word])


def test_an_obj_file_holds_the_mesh(face):
    text = encode_obj(face)
    vertices = rows(text, "v").astype(float)
    np.testing.assert_allclose(vertices[:, :3], face.vertices[0], atol=1e-6)
    np.testing.assert_allclose(vertices[:, 3:], face.colors[0], atol=1e-6)
    np.testing.assert_allclose(rows(text, "vt").astype(float), face.uv, atol=1e-6)
    corners = np.array([[corner.split("/") for corner in row] for row in rows(text, "f")]).astype(int)
    for index in range(3):
        np.testing.assert_array_equal(corners[:, :, index] - 1, face.triangles)
    assert rows(text, "vn").shape == (81, 3)
    assert "mtllib" not in text


def test_an_obj_file_with_a_texture_names_what_lies_beside_it(face, tmp_path):
    texture = torch.rand(3, 5, 5)
    write_mesh(tmp_path / "someone.obj", face, texture)
    assert {file.name for file in tmp_path.iterdir()} == {"someone.obj", "someone.mtl", "someone.png"}
    text = (tmp_path / "someone.obj").read_text()
    assert text.startswith("mtllib someone.mtl\nusemtl face\n")
    assert rows(text, "v").shape == (81, 3)
    assert "map_Kd someone.png" in (tmp_path / "someone.mtl").read_text()
    with Pillow.open(tmp_path / "someone.png") as picture:
        assert picture.size == (5, 5)


def test_the_suffix_says_the_format(face, tmp_path):
    write_mesh(tmp_path / "a.GLB", face)
    read_glb((tmp_path / "a.GLB").read_bytes())
    write_mesh(tmp_path / "a.obj", face)
    for name, said in (("a.stl", r"as \.stl, only \.obj and \.glb"), ("a", "a file without suffix")):
        with pytest.raises(MeshError, match=said):
            write_mesh(tmp_path / name, face)


def test_what_cannot_be_a_file_is_refused(face, shapes, tmp_path):
    broken = face.vertices.clone()
    broken[0, 3] = torch.nan
    for mesh, said in (
        (replace(face, vertices=broken), "vertices are not all finite"),
        (shapes.made_face(4, batch=2), "one face, not 2"),
        (replace(face, triangles=torch.zeros(0, 3, dtype=torch.int64)), "without triangles"),
    ):
        with pytest.raises(MeshError, match=said):
            write_mesh(tmp_path / "a.glb", mesh)
    assert not list(tmp_path.iterdir())
