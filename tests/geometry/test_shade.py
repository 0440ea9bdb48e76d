import numpy as np
import torch
from scipy.special import sph_harm_y

from mien.geometry.mesh import vertex_normals
from mien.geometry.shade import even_light, fit_light, harmonics, shade


def directions(count=4000):
    normals = torch.randn(1, count, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return normals / normals.norm(dim=-1, keepdim=True)


def test_harmonics_are_those_of_scipy_seen_by_a_matt_surface():
    normals = directions(50)[0]
    x, y, z = normals.T.numpy()
    height, around = np.arccos(z), np.arctan2(y, x)

    def real(order, degree):
        value = sph_harm_y(order, abs(degree), height, around)
        if degree == 0:
            return value.real
        sign = (-1) ** degree * np.sqrt(2)
        return sign * (value.imag if degree < 0 else value.real)

    # 1, 2/3 and 1/4 are what a cosine leaves of each order (Ramamoorthi and Hanrahan, eq. 8, over pi)
    expected = [
        kept * real(order, degree)
        for kept, order, degree in [
            (1, 0, 0),
            (2 / 3, 1, -1),
            (2 / 3, 1, 0),
            (2 / 3, 1, 1),
            (1 / 4, 2, -2),
            (1 / 4, 2, -1),
            (1 / 4, 2, 0),
            (1 / 4, 2, 1),
            (1 / 4, 2, 2),
        ]
    ]
    np.testing.assert_allclose(harmonics(normals), np.stack(expected, 1), atol=1e-12)


def test_a_far_lamp_is_a_clamped_cosine_to_a_few_per_cent():
    towards = torch.tensor([0.6, 0.0, 0.8], dtype=torch.float64)
    # the lamp's own nine numbers: the harmonics at its direction, without what the cosine takes
    taken = torch.tensor([1] + [2 / 3] * 3 + [1 / 4] * 5, dtype=torch.float64)
    light = (harmonics(towards) / taken)[None, :, None].expand(1, 9, 3)
    found = shade(torch.ones(1, 4000, 3, dtype=torch.float64), directions(), light)[0, :, 0]
    cosine = (directions()[0] @ towards).clamp(min=0) / torch.pi
    assert (found - cosine).abs().max() < 0.08 / torch.pi * 1.5
    assert (found - cosine).square().mean().sqrt() < 0.02


def test_even_light_changes_nothing():
    albedo = torch.rand(2, 30, 3)
    torch.testing.assert_close(shade(albedo, directions(30).float().expand(2, -1, -1), even_light(2)), albedo)


def test_a_fit_finds_the_light(shapes):
    face = shapes.made_face(20, batch=2)
    normals = vertex_normals(face.vertices, face.triangles).double()
    generator = torch.Generator().manual_seed(2)
    light = even_light(2).double() + 0.3 * torch.randn(2, 9, 3, generator=generator, dtype=torch.float64)
    albedo = torch.rand(normals.shape, generator=generator, dtype=torch.float64) * 0.5 + 0.3
    colors = shade(albedo, normals, light)
    found = fit_light(colors, albedo, normals)
    torch.testing.assert_close(shade(albedo, normals, found), colors, atol=1e-4, rtol=0)
    colors[:, :50] = 5.0
    weights = torch.ones(2, 400, dtype=torch.float64)
    weights[:, :50] = 0
    found = fit_light(colors, albedo, normals, weights)
    expected = shade(albedo, normals, light)
    torch.testing.assert_close(shade(albedo, normals, found), expected, atol=2e-3, rtol=0)


def test_a_fit_to_nothing_is_finite():
    flat = torch.zeros(1, 20, 3)
    flat[..., 2] = 1
    for albedo, weights in ((torch.zeros(1, 20, 3), None), (torch.ones(1, 20, 3), torch.zeros(1, 20))):
        assert fit_light(torch.rand(1, 20, 3), albedo, flat, weights).isfinite().all()
    # one direction only: any light that gives this brightness
    found = fit_light(torch.full((1, 20, 3), 0.4), torch.full((1, 20, 3), 0.8), flat)
    torch.testing.assert_close(shade(torch.full((1, 20, 3), 0.8), flat, found), torch.full((1, 20, 3), 0.4))


def test_shading_has_gradients():
    normals = directions(3).requires_grad_()
    light = torch.randn(1, 9, 3, dtype=torch.float64, requires_grad=True)
    albedo = torch.rand(1, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(shade, (albedo, normals, light))
