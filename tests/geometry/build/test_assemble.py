from dataclasses import replace

import numpy as np
import pytest
import torch

from mien.geometry.build.assemble import ShapeSettings, build_shape
from mien.geometry.build.facekit import SourceError
from mien.geometry.mesh import rims, triangle_normals


@pytest.fixture(scope="module")
def model(kit, heads):
    return build_shape(kit, ShapeSettings(num_identity=7, layout=heads.COARSE))


def test_both_halves_mirror_each_other(model):
    flipped = model.mean * torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(model.mean[model.mirror], flipped, atol=1e-6, rtol=0)
    assert torch.equal(model.mirror[model.mirror], torch.arange(len(model.mean)))
    torch.testing.assert_close(model.uv[model.mirror, 0], 1 - model.uv[:, 0], atol=1e-5, rtol=0)


def test_it_is_one_face_with_eyes_and_a_mouth(model):
    outline, *openings = rims(model.triangles)
    assert len(openings) == 3
    assert len(outline) > max(map(len, openings))
    assert model.mean[:, 2].min() > -0.54  # the back of the head is left away
    assert ((model.uv > 0) & (model.uv < 1)).all()


def test_triangles_show_their_outside(model):
    normals = triangle_normals(model.mean[None], model.triangles)[0]
    middles = model.mean[model.triangles].mean(1) - torch.tensor([0.0, 0.0, -0.45])
    assert ((normals * middles).sum(1) > 0).all()


def test_landmarks_are_where_the_kit_has_them(model, kit):
    found = model.mean[model.landmarks].numpy()
    np.testing.assert_allclose(found, kit.mean[kit.landmarks], atol=1e-5)


def test_components_carry_the_kits_shapes(model, kit):
    assert model.num_coefficients == (7, 3, 0)
    # the kit's own landmarks under one expression lie in the span of the components
    basis = model.expression_basis[:, model.landmarks].flatten(1).T.double()
    wanted = torch.from_numpy(kit.expression[0][kit.landmarks]).flatten()
    amounts = torch.linalg.lstsq(basis, wanted[:, None]).solution
    torch.testing.assert_close((basis @ amounts)[:, 0], wanted, atol=1e-4, rtol=0)


def test_the_same_seed_makes_the_same_model(model, kit, heads):
    again = build_shape(kit, ShapeSettings(num_identity=7, layout=heads.COARSE))
    torch.testing.assert_close(again.mean, model.mean)
    assert torch.equal(again.triangles, model.triangles)


def test_a_lopsided_head_is_refused(kit, heads):
    lopsided = replace(kit, mean=kit.mean + np.where(kit.mean[:, :1] > 0, 0.1, 0.0))
    with pytest.raises(SourceError, match="not symmetric"):
        build_shape(lopsided, ShapeSettings(layout=heads.COARSE))
