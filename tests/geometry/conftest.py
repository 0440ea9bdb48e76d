import importlib.util
from pathlib import Path

import pytest
import torch

from mien.geometry.morphable import LinearMorphable


def make_morphable(
    num_identity: int = 5, num_expression: int = 4, num_albedo: int = 3, num_vertices: int = 90
) -> LinearMorphable:
    """A face-like cap with smooth random components; the first 68 vertices are the landmarks."""
    generator = torch.Generator().manual_seed(1)
    plane = torch.rand(num_vertices, 2, generator=generator) * 2 - 1
    mean = torch.cat((plane, 1 - plane.square().sum(1, keepdim=True) / 2), 1)
    waves = torch.randn(num_identity + num_expression, 3, 3, generator=generator)
    basis = 0.05 * torch.sin(torch.einsum("va,kab->kvb", 2 * mean, waves))
    return LinearMorphable(
        mean=mean,
        identity_basis=basis[:num_identity],
        expression_basis=basis[num_identity:],
        mean_albedo=torch.full((num_vertices, 3), 0.5),
        albedo_basis=0.1 * torch.randn(num_albedo, num_vertices, 3, generator=generator),
        triangles=torch.tensor([[0, 1, 2], [2, 1, 3]]),
        uv=plane / 2 + 0.5,
        landmarks=torch.arange(68),
        mirror=torch.arange(num_vertices),
        landmark_offsets=0.01 * torch.randn(68, 3, generator=generator),
    )


@pytest.fixture
def morphable() -> LinearMorphable:
    return make_morphable()


@pytest.fixture(scope="session")
def shapes():
    """The module shapes.py beside this file."""
    spec = importlib.util.spec_from_file_location("mien_shapes", Path(__file__).with_name("shapes.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
