"""Using the reader: a face is cut out, read, cut out better by what was read, and read again."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mien.geometry.landmarks import MIRROR_68
from mien.geometry.pose import nearest_rotation, rotation_from_six
from mien.geometry.upright import squares_around, squares_on_boxes, squares_on_five
from mien.image.warp import transform_points, warp_affine
from mien.layers.packed import made_ready
from mien.models.reader.network import Answer, ReaderNetwork
from mien.types import Box, Crop, Image, Reading

Squares = Float[Tensor, "faces 2 3"]
"""`picture_from_cut`."""
UNSURE = 0.05
"""Of a cut in which a face is so unlikely, what was read does not say where to look next."""


@dataclass(frozen=True)
class ReadSettings:
    """How carefully it reads."""

    num_looks: int = 2
    """Each but the first starts from the landmarks of the one before."""
    guesses: tuple[float, ...] = (0.0, -55.0, 55.0)
    """Degrees by which a face may be turned of which only the box is known."""
    batch_size: int = 32
    precision: torch.dtype = torch.bfloat16


@dataclass(frozen=True)
class Seen:
    """What was read of each cut; landmarks and camera in its pixels."""

    landmarks: Float[Tensor, "faces 68 2"]
    rotation: Float[Tensor, "faces 3 3"]
    scale: Float[Tensor, " faces"]
    shift: Float[Tensor, "faces 2"]
    identity: Float[Tensor, "faces identities"]
    expression: Float[Tensor, "faces expressions"]
    albedo: Float[Tensor, "faces albedos"]
    light: Float[Tensor, "faces 9 3"]
    certainty: Float[Tensor, " faces"]
    occluded: Float[Tensor, " faces"]


class Reader:
    """Reads shape, pose and landmarks of faces."""

    def __init__(
        self, network: ReaderNetwork, device: torch.device, settings: ReadSettings | None = None
    ) -> None:
        self.settings = settings or ReadSettings()
        self.device = device
        self.config = network.config
        # the last layers stay precise, as they say where things are
        self.network = made_ready(network, device, self.settings.precision, precise=(nn.Linear,))

    def __call__(self, crop: Crop) -> Reading:
        """The face that the crop's five points are of."""
        first = squares_on_five(crop.points[None].float(), self.config.crop_size, self.config.face_size)
        return self.read(crop.pixels.float(), first)[0]

    @torch.inference_mode()
    def read_box(self, picture: Image, box: Box) -> Reading:
        """The face whose 68 landmarks have this box; its angle is the one that looks most like a face."""
        degrees = torch.tensor(self.settings.guesses)
        boxes = box.float().expand(len(degrees), -1)
        guesses = squares_on_boxes(boxes, degrees, self.config.crop_size, self.config.face_size)
        surest = int(self._look(picture.float(), guesses).certainty.argmax())
        return self.read(picture.float(), guesses[surest : surest + 1])[0]

    @torch.inference_mode()
    def read(self, picture: Image, squares: Squares) -> list[Reading]:
        """The faces in these squares of a picture, in its pixels."""
        parts = squares.split(self.settings.batch_size)
        return [reading for part in parts for reading in self._read(picture, part)]

    def _read(self, picture: Image, squares: Squares) -> list[Reading]:
        seen = self._look(picture, squares)
        for _ in range(self.settings.num_looks - 1):
            squares = self._better(squares, seen)
            seen = self._look(picture, squares)
        return [in_picture(seen, squares, index) for index in range(len(squares))]

    def _better(self, squares: Squares, seen: Seen) -> Squares:
        """Around the landmarks, where they are to be trusted."""
        points = transform_points(squares, seen.landmarks)
        around = squares_around(points, self.config.crop_size, self.config.face_size)
        growth = around[:, :, :2].det() / squares[:, :, :2].det()
        is_usable = (growth > 1 / 9) & (growth < 9) & (seen.certainty > UNSURE)
        return torch.where(is_usable[:, None, None], around, squares)

    def _look(self, picture: Image, squares: Squares) -> Seen:
        size = self.config.crop_size
        cuts = torch.cat(
            [warp_affine(picture[None], square[None], size, size, "border", "bilinear") for square in squares]
        ).to(self.device)
        both = torch.cat((cuts, cuts.flip(3))).to(self.settings.precision)
        answer = self.network(both.contiguous(memory_format=torch.channels_last))
        numbers = Answer(*(part.float().cpu() for part in answer[:-1]), maps=())
        return merged(numbers, len(cuts), size)


def merged(answer: Answer, num: int, size: int) -> Seen:
    """The mean of what the first `num` cuts and their mirror images, which follow, are like.

    Coefficients and light of the mirror image are another face's, so they come from the cut alone.
    """
    x, y = answer.points[num:, MIRROR_68].unbind(-1)
    points = (answer.points[:num] + torch.stack((size - 1 - x, y), -1)) / 2
    rotation = rotation_from_six(answer.turn)
    axes = torch.tensor([-1.0, 1.0, 1.0])
    mirrored = rotation[num:] * axes * axes[:, None]
    shift = answer.shift[num:] * axes[:2] + torch.tensor([size - 1.0, 0.0])
    return Seen(
        landmarks=points,
        rotation=nearest_rotation((rotation[:num] + mirrored) / 2),
        scale=(answer.scale[:num] * answer.scale[num:]).sqrt(),
        shift=(answer.shift[:num] + shift) / 2,
        identity=answer.identity[:num],
        expression=answer.expression[:num],
        albedo=answer.albedo[:num],
        light=answer.light[:num],
        certainty=(answer.certainty[:num] + answer.certainty[num:]).div(2).sigmoid(),
        occluded=(answer.occluded[:num] + answer.occluded[num:]).div(2).sigmoid(),
    )


def in_picture(seen: Seen, squares: Squares, index: int) -> Reading:
    """One face in the picture that its square was cut from."""
    square = squares[index]
    growth = square[:, :2].det().sqrt()
    # a square that is turned clockwise shows the head turned the other way
    cosine, sine = (square[:, 0] / growth).tolist()
    turn = torch.tensor([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    return Reading(
        landmarks=transform_points(square, seen.landmarks[index]),
        rotation=turn @ seen.rotation[index],
        scale=float(seen.scale[index] * growth),
        shift=transform_points(square, seen.shift[index][None])[0],
        identity=seen.identity[index],
        expression=seen.expression[index],
        albedo=seen.albedo[index],
        light=seen.light[index],
        certainty=float(seen.certainty[index]),
        occluded=float(seen.occluded[index]),
    )
