import torch

from mien.geometry.estimate import estimate_of, fit_of
from mien.geometry.pose import rotation_from_angles
from mien.geometry.rasterize import rasterize
from mien.geometry.rasterize_numba import rasterize_compiled
from mien.geometry.shade import even_light
from mien.types import Reading


def reading(yaw=0.0, scale=20.0):
    generator = torch.Generator().manual_seed(int(scale))
    return Reading(
        landmarks=torch.zeros(68, 2),
        rotation=rotation_from_angles(torch.tensor([yaw, 5.0, 0.0])),
        scale=scale,
        shift=torch.tensor([31.5, 31.5]),
        identity=torch.randn(5, generator=generator),
        expression=torch.randn(4, generator=generator),
        albedo=torch.randn(3, generator=generator),
        light=even_light(1)[0],
        certainty=1.0,
        occluded=0.0,
    )


def test_readings_become_a_batch_that_projects_as_each_alone(morphable):
    readings = [reading(10.0), reading(-20.0, 15.0)]
    both = estimate_of(morphable, readings)
    for index, one in enumerate(readings):
        alone = estimate_of(morphable, [one])
        torch.testing.assert_close(both.face.points[index], alone.face.points[0])
        torch.testing.assert_close(both.albedo[index], alone.albedo[0])
    assert fit_of(readings).camera.scale.tolist() == [20.0, 15.0]


def test_in_even_light_it_has_its_own_colours_and_is_on_black(morphable):
    estimate = estimate_of(morphable, [reading()])
    picture, covered = estimate.draw(estimate.face.rotation, 64, 64)
    assert 0 < covered.mean() < 1
    assert not (picture * (1 - covered)).any()
    corners = estimate.albedo[0, morphable.triangles.flatten()]
    inside = picture[0][:, covered[0, 0] > 0]
    assert inside.min() >= corners.min() - 1e-4
    assert inside.max() <= corners.max() + 1e-4


def test_both_rasterizers_draw_it_alike(morphable):
    estimate = estimate_of(morphable, [reading(15.0)])
    turned = rotation_from_angles(torch.tensor([[30.0, 0.0, 0.0]]))
    slow, fast = (estimate.draw(turned, 48, 48, draw)[0] for draw in (rasterize, rasterize_compiled))
    torch.testing.assert_close(slow, fast, atol=1e-4, rtol=0)
