"""Made heads for tests of building, in the units of ICT-FaceKit: centimetres."""

import numpy as np

from mien.geometry.build.layout import LayoutSettings
from mien.geometry.landmarks import MIRROR_68

COARSE = LayoutSettings(coarse=0.12, fine=0.06, num_relaxations=8)
"""A mesh of some hundred vertices."""
COLUMNS, ROWS = 85, 51
ACROSS, UP = np.linspace(-126, 126, COLUMNS), np.linspace(-80, 80, ROWS)
EYE, MOUTH = (26.0, 14.0), (0.0, -26.0)
NOSE = np.array([0.0, 0.41, 13.07])


def on_egg(across, up):
    """A point of the head by its longitude and latitude in degrees; the front is where the kit's nose is."""
    across, up = np.radians(across), np.radians(up)
    places = (7.5 * np.sin(across) * np.cos(up), 11 * np.sin(up), 10 * np.cos(across) * np.cos(up) - 10)
    return np.stack(places, -1) + NOSE


def right_landmarks():
    """Longitude and latitude of the landmarks with x >= 0, by their numbers."""
    places = {8 + step: (9.0 * step, -44 + 0.5 * step**2) for step in range(9)}
    places |= {22 + step: (9.0 + 8 * step, 30.0) for step in range(5)}
    places |= {27 + step: (0.0, 22.0 - 7 * step) for step in range(4)}
    places |= {33 + step: (5.0 * step, -9.0) for step in range(3)}
    ring = {42: (-10, 0), 43: (-4, 7), 44: (4, 7), 45: (10, 0), 46: (4, -7), 47: (-4, -7)}
    places |= {number: (EYE[0] + a, EYE[1] + b) for number, (a, b) in ring.items()}
    lips = {51: (0, 10), 52: (7, 9), 53: (14, 6), 54: (21, 0), 55: (14, -6), 56: (7, -9), 57: (0, -10)}
    lips |= {62: (0, 4), 63: (7, 4), 64: (15, 0), 65: (7, -4), 66: (0, -4)}
    return places | {number: (MOUTH[0] + a, MOUTH[1] + b) for number, (a, b) in lips.items()}


def made_head():
    """The kit's arrays, and the vertices of the 68 landmarks."""
    up, across = np.meshgrid(UP, ACROSS, indexing="ij")
    mean = on_egg(across, up).reshape(-1, 3)
    index = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    mean[index[:, COLUMNS // 2], 0] = 0
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    triangles = np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((a, b, c), (b, d, c))])
    middles = np.stack((across.ravel(), up.ravel()), 1)[triangles].mean(1)
    eye = np.hypot((np.abs(middles[:, 0]) - EYE[0]) / 8, (middles[:, 1] - EYE[1]) / 4.5) < 1
    mouth = np.hypot(middles[:, 0] / 13, (middles[:, 1] - MOUTH[1]) / 3) < 1
    generator = np.random.default_rng(0)
    waves = generator.normal(size=(8, 3, 3)) / 6
    deltas = 0.3 * np.sin(np.einsum("vd,kde->kve", mean, waves))
    arrays = {
        "mean": mean,
        "identity_deltas": deltas[:5],
        "expression_deltas": deltas[5:],
        "triangles": triangles[~eye & ~mouth],
    }
    return arrays, landmark_vertices()


def landmark_vertices():
    """The nearest place of the grid, and its mirror image for those on the other half."""
    found = {}
    for number, (across, up) in right_landmarks().items():
        column, row = np.abs(ACROSS - across).argmin(), np.abs(UP - up).argmin()
        found[number] = int(row * COLUMNS + column)
        found[int(MIRROR_68[number])] = int(row * COLUMNS + COLUMNS - 1 - column)
    return [found[number] for number in range(68)]
