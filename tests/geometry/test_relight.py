import pytest
import torch

from mien.geometry.relight import DEFAULT, robust_light
from mien.geometry.shade import even_light, shade

CHANCE = torch.Generator().manual_seed(0)


def face(num=600):
    normals = torch.nn.functional.normalize(torch.randn(2, num, 3, generator=CHANCE), dim=-1)
    normals[..., 2] = normals[..., 2].abs()
    albedo = 0.4 + 0.2 * torch.rand(2, num, 3, generator=CHANCE)
    light = even_light(2) * torch.tensor([0.9, 0.7, 0.5])
    light[:, 3] = 0.3  # from one side
    return normals, albedo, light


def off(found, albedo, normals, light):
    return (shade(albedo, normals, found) - shade(albedo, normals, light)).abs().mean()


def test_the_light_is_found():
    normals, albedo, light = face()
    colors, weights = shade(albedo, normals, light), torch.ones(2, 600)
    found = robust_light(colors, albedo, normals, weights, even_light(2))
    assert off(found, albedo, normals, light) < 0.02 < off(even_light(2), albedo, normals, light)


def test_what_covers_a_third_hardly_changes_it():
    normals, albedo, light = face()
    colors, weights = shade(albedo, normals, light), torch.ones(2, 600)
    colors[:, :200] = torch.tensor([0.1, 0.3, 0.95])
    found = robust_light(colors, albedo, normals, weights, even_light(2))
    assert off(found[:, :], albedo, normals, light) < 0.03


@pytest.mark.parametrize("cover", [(0.04, 0.04, 0.05), (0.45, 0.75, 0.9), (0.95, 0.95, 0.95)])
def test_a_mask_over_more_than_half_is_not_taken_for_skin(cover):
    normals, albedo, light = face()
    colors, weights = shade(albedo, normals, light), torch.ones(2, 600)
    colors[:, :360] = torch.tensor(cover)
    upper = (torch.arange(600) >= 330).float().expand(2, -1)
    halves = (upper, 1 - upper)
    found = robust_light(colors, albedo, normals, weights, even_light(2), DEFAULT, halves)
    assert off(found, albedo, normals, light) < 0.06


def test_vertices_that_do_not_count_do_not():
    normals, albedo, light = face()
    colors, weights = shade(albedo, normals, light), torch.ones(2, 600)
    weights[:, :200] = 0
    clean = robust_light(colors, albedo, normals, weights, even_light(2))
    colors[:, :200] = 1.0
    torch.testing.assert_close(robust_light(colors, albedo, normals, weights, even_light(2)), clean)


def test_where_nothing_is_seen_the_light_stays():
    normals, albedo, light = face()
    nothing = torch.zeros(2, 600)
    torch.testing.assert_close(robust_light(albedo, albedo, normals, nothing, light), light)
