"""The 68 landmarks of 300-W by number, and what is taken from them."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

NUM_LANDMARKS = 68

MIRROR_68: Int[Tensor, " 68"] = torch.tensor(
    [
        *range(16, -1, -1),  # jaw, from ear to ear
        *range(26, 16, -1),  # brows
        *range(27, 31),  # bridge of the nose
        *range(35, 30, -1),  # below the nose
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),  # eyes
        *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),  # outer lips
        *(64, 63, 62, 61, 60, 67, 66, 65),  # inner lips
    ]
)
"""Which landmark takes each one's place when a picture is mirrored."""

_SINGLE = {6: 36, 8: 39, 9: 42, 11: 45, 12: 31, 13: 30, 14: 35, 15: 48, 17: 54}
_BROWS = dict(enumerate((17, 19, 21, 22, 24, 26)))
_MIDDLES = {7: (37, 40), 10: (43, 46), 16: (62, 66)}
_PAIRS = {**{place: (index, index) for place, index in {**_BROWS, **_SINGLE}.items()}, **_MIDDLES}
KEY_POINT_PAIRS: Int[Tensor, "18 2"] = torch.tensor([_PAIRS[place] for place in range(18)])
"""The 18 key points of MDFR: each is the middle of two landmarks, or of one with itself.

The paper does not list them; these are the ones that its 3D front-end (2DASL) draws: six on the brows, six on
the eyes, three on the nose, three on the mouth.
"""

NUM_KEY_POINTS = len(KEY_POINT_PAIRS)
MIRROR_KEY_POINTS: Int[Tensor, " 18"] = torch.tensor(
    [5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 14, 13, 12, 17, 16, 15]
)
"""Which key point takes each one's place when a picture is mirrored."""
LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS = (36, 39), (42, 45)
LEFT_KEY_EYE, RIGHT_KEY_EYE = slice(6, 9), slice(9, 12)
"""The key points of each eye: corner, middle, corner."""


def key_points(landmarks: Float[Tensor, "*batch 68 axes"]) -> Float[Tensor, "*batch 18 axes"]:
    """The 18 key points, from landmarks in the plane or in space."""
    return landmarks[..., KEY_POINT_PAIRS.to(landmarks.device), :].mean(dim=-2)
