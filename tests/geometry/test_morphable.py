from dataclasses import replace

import pytest
import torch
from jaxtyping import TypeCheckError

from mien.geometry.landmarks import KEY_POINT_PAIRS
from mien.geometry.morphable import LinearMorphable, Morphable, MorphableError, tensors_of


def test_it_is_what_the_protocol_says(morphable: LinearMorphable):
    assert isinstance(morphable, Morphable)


def test_shape_is_the_mean_plus_the_weighted_components(morphable: LinearMorphable):
    identity, expression = torch.randn(2, 5), torch.randn(2, 4)
    shapes = morphable.shape(identity, expression)
    for face in range(2):
        by_hand = morphable.mean.clone()
        for coefficient, component in zip(identity[face], morphable.identity_basis, strict=True):
            by_hand += coefficient * component
        for coefficient, component in zip(expression[face], morphable.expression_basis, strict=True):
            by_hand += coefficient * component
        torch.testing.assert_close(shapes[face], by_hand)


def test_fewer_coefficients_leave_the_rest_at_zero(morphable: LinearMorphable):
    short = morphable.shape(torch.ones(1, 2), torch.ones(1, 1))
    full = morphable.shape(torch.tensor([[1.0, 1, 0, 0, 0]]), torch.tensor([[1.0, 0, 0, 0]]))
    torch.testing.assert_close(short, full)
    torch.testing.assert_close(morphable.shape(torch.ones(1, 0), torch.ones(1, 0))[0], morphable.mean)


def test_more_coefficients_than_components_are_refused(morphable: LinearMorphable):
    with pytest.raises(MorphableError, match="6 identity coefficients for 5"):
        morphable.shape(torch.ones(1, 6), torch.ones(1, 4))


def test_albedo_stays_a_colour(morphable: LinearMorphable):
    colours = morphable.albedo(torch.tensor([[0.0, 0, 0], [1, 0, 0], [90, -90, 90]]))
    torch.testing.assert_close(colours[0], morphable.mean_albedo)
    torch.testing.assert_close(colours[1], (morphable.mean_albedo + morphable.albedo_basis[0]).clamp(0, 1))
    assert colours.min() >= 0
    assert colours.max() <= 1


def test_shape_can_be_learned_through(morphable: LinearMorphable):
    doubled = LinearMorphable(
        **{
            name: tensor.double() if tensor.is_floating_point() else tensor
            for name, tensor in tensors_of(morphable).items()
        }
    )
    inputs = (torch.randn(1, 3).double().requires_grad_(), torch.randn(1, 2).double().requires_grad_())
    assert torch.autograd.gradcheck(doubled.shape, inputs)


def test_landmarks_stand_off_their_vertices(morphable: LinearMorphable):
    points = morphable.landmark_points(morphable.mean[None])
    torch.testing.assert_close(points[0], morphable.mean[:68] + morphable.landmark_offsets)


def test_key_points_are_pairs_of_landmark_vertices(morphable: LinearMorphable):
    moved = replace(morphable, landmarks=torch.arange(20, 88))
    assert torch.equal(moved.key_points, KEY_POINT_PAIRS + 20)


def test_cut_keeps_the_first_components(morphable: LinearMorphable):
    small = morphable.cut(2, 1, 0)
    assert small.num_coefficients == (2, 1, 0)
    coefficients = torch.randn(3, 2), torch.randn(3, 1)
    torch.testing.assert_close(small.shape(*coefficients), morphable.shape(*coefficients))
    torch.testing.assert_close(small.albedo(torch.zeros(3, 0))[1], morphable.mean_albedo)


@pytest.mark.parametrize("counts", [(6, 4, 3), (5, 5, 3), (5, 4, 4), (-1, 1, 1)])
def test_cut_cannot_add_components(morphable: LinearMorphable, counts: tuple[int, int, int]):
    with pytest.raises(MorphableError, match=r"has \(5, 4, 3\) components"):
        morphable.cut(*counts)


def test_to_moves_every_part(morphable: LinearMorphable):
    assert {tensor.device.type for tensor in tensors_of(morphable.to("cpu")).values()} == {"cpu"}


def test_parts_of_different_meshes_are_refused(morphable: LinearMorphable):
    with pytest.raises((MorphableError, TypeCheckError)):  # the shapes are only checked by name in tests
        replace(morphable, uv=morphable.uv[:-1])
    with pytest.raises(MorphableError, match="triangles name vertices that do not exist"):
        replace(morphable, triangles=torch.tensor([[0, 1, 90]]))
