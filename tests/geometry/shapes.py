"""Made faces for tests: small enough to see through, round enough to turn."""

import torch

from mien.geometry.camera import WeakPerspective
from mien.geometry.mesh import Mesh
from mien.geometry.pose import rotation_from_angles, turn


def sheet(columns: int, rows: int) -> torch.Tensor:
    """Triangles of a grid of vertices that lie row by row from the top left."""
    places = torch.arange(rows * columns).view(rows, columns)
    a, b = places[:-1, :-1].flatten(), places[:-1, 1:].flatten()
    c, d = places[1:, :-1].flatten(), places[1:, 1:].flatten()
    return torch.cat((torch.stack((a, c, b), 1), torch.stack((b, c, d), 1)))


def made_face(side: int = 40, batch: int = 1) -> Mesh:
    """The front of an ellipsoid with a nose, 2 units tall, x from -0.8 to 0.8."""
    line = torch.linspace(-1, 1, side)
    v, u = torch.meshgrid(-line, line, indexing="ij")
    # from the square to the disk
    x, y = u * (1 - v * v / 2).sqrt(), v * (1 - u * u / 2).sqrt()
    z = 0.9 * (1.02 - x * x - y * y).clamp(min=0).sqrt() + 0.35 * torch.exp(
        -(x * x * 30 + (y + 0.1) ** 2 * 9)
    )
    vertices = torch.stack((0.8 * x, y, z), -1).view(1, -1, 3).expand(batch, -1, -1)
    uv = torch.stack((u + 1, v + 1), -1).view(-1, 2) / 2
    colors = torch.stack((uv[:, 0], uv[:, 1], torch.full_like(uv[:, 0], 0.5)), -1)
    return Mesh(vertices, sheet(side, side), uv, colors.expand(batch, -1, -1))


def opened(triangles: torch.Tensor, *vertices: int) -> torch.Tensor:
    """Without the triangles at these vertices."""
    return triangles[~torch.isin(triangles, torch.tensor(vertices)).any(1)]


def seen_at(vertices: torch.Tensor, yaw: float, size: int) -> torch.Tensor:
    """Projected by a camera without perspective, the face filling most of a square picture."""
    rotation = rotation_from_angles(torch.tensor([[yaw, 0.0, 0.0]]))
    camera = WeakPerspective(torch.tensor([0.4 * size]), torch.tensor([[(size - 1) / 2] * 2]))
    return camera.project(turn(vertices, rotation))
