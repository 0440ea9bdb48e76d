"""A face in a picture, seen from elsewhere.

Every pixel of a view takes its colour from the place in the picture where the same piece of the face is
seen, and a second map says whether it is: what the picture does not show is smeared from what is
in front of it (as CFR-GAN wants its inputs), left black, or taken from the face's other half.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from mien.geometry.camera import Camera
from mien.geometry.fit import Fit
from mien.geometry.landmarks import key_points
from mien.geometry.mesh import Closure, close_openings
from mien.geometry.morphable import LinearMorphable
from mien.geometry.pose import angles_from_rotation, turn, turned_to_yaw
from mien.geometry.rasterize import Fragments, Rasterizer, interpolate, rasterize
from mien.geometry.surround import Surroundings, behind, surroundings
from mien.geometry.texture import sample, signed_areas, visible_vertices
from mien.types import Images, Masks

Background = Literal["black", "kept", "warped"]
Unseen = Literal["smeared", "black", "mirrored"]
Rotation = Float[Tensor, "batch 3 3"]
Planes = Float[Tensor, "batch channels height width"]

STRETCH = 2.0
"""A surface that takes up this many times the area it had in the picture still counts as seen."""
_LEAST_SHARE = 0.05
"""Of a pixel that the face must have for its colour to be known."""
YAWS = (-90.0, -75.0, -60.0, -45.0, -30.0, -15.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0)


@dataclass(frozen=True)
class FittedFace:
    """Faces found in pictures, one each."""

    vertices: Float[Tensor, "batch vertices 3"]
    """In face space, without the vertices that close openings."""
    closure: Closure
    rotation: Rotation
    camera: Camera

    @property
    def turned(self) -> Float[Tensor, "batch more 3"]:
        """As the camera sees them, with eyes and mouth closed."""
        return turn(self.closure.add_to(self.vertices), self.rotation)

    @property
    def points(self) -> Float[Tensor, "batch more 3"]:
        return self.camera.project(self.turned)


def fitted_face(model: LinearMorphable, fit: Fit, closure: Closure | None = None) -> FittedFace:
    """What a fit says, as a surface; with the model's closure at hand it need not be made again."""
    closure = closure or close_openings(model.triangles, len(model.mean))
    return FittedFace(model.shape(fit.identity, fit.expression), closure, fit.rotation, fit.camera)


@dataclass(frozen=True)
class RotationSettings:
    """How a view is made."""

    background: Background = "warped"
    """Around the face: nothing, the picture as it is, or the picture drawn along with the head."""
    unseen: Unseen = "smeared"
    samples: int = 1
    """Per pixel and side: 2 makes smooth silhouettes."""
    draw: Rasterizer = field(default=rasterize)


@dataclass(frozen=True)
class View:
    """Faces at another pose."""

    pixels: Planes
    seen: Masks
    """How much of each pixel the picture shows: 0 for what had to be made up, and off the face."""
    covered: Masks
    """Where the face is."""
    mirrored: Masks | None = None
    """How much of each pixel was taken from the face's other half; None where that was not asked for."""


@dataclass(frozen=True)
class TrainingView:
    """A view whose answer is known: the picture that it was made from."""

    view: View
    angles: Float[Tensor, "batch 3"]
    landmarks: Float[Tensor, "batch points 2"]
    truth: Images
    truth_angles: Float[Tensor, "batch 3"]
    truth_landmarks: Float[Tensor, "batch points 2"]

    @property
    def key_points(self) -> Float[Tensor, "batch 18 2"]:
        """MDFR's 18 of the view; the landmarks are the 68."""
        return key_points(self.landmarks)

    @property
    def truth_key_points(self) -> Float[Tensor, "batch 18 2"]:
        """The same of the photo."""
        return key_points(self.truth_landmarks)


DEFAULT = RotationSettings()


def rotate(
    pictures: Planes,
    face: FittedFace,
    rotation: Rotation,
    settings: RotationSettings = DEFAULT,
    mirror: Int[Tensor, " vertices"] | None = None,
) -> View:
    """The faces turned to `rotation` about face space's origin, through the camera that they were seen by.

    `mirror` names each vertex's partner on the other half, where what is unseen may be taken from.
    """
    return _view(pictures, _make_scene(face, pictures, settings), rotation, settings, mirror)


def rotate_twice(
    pictures: Images, face: FittedFace, rotation: Rotation, settings: RotationSettings = DEFAULT
) -> View:
    """Turned to another pose, drawn, and from the drawing turned back: damage that CFR-GAN learns to mend.

    Section 3.2: what the other pose hides comes back as an afterimage of what was in front of it. `seen` says
    what was visible both ways. The background is black.
    """
    settings = replace(settings, background="black")
    away = rotate(pictures, face, rotation, settings)
    planes = torch.cat((away.pixels, away.covered, away.seen), 1)
    back = rotate(planes, replace(face, rotation=rotation), face.rotation, settings)
    # at a silhouette the black beyond it must not count: colours are means over the face's share alone
    share = back.pixels[:, 3:4]
    pixels = torch.where(share > _LEAST_SHARE, back.pixels[:, :3] / share.clamp(min=_LEAST_SHARE), 0.0)
    return View(pixels * back.covered, back.seen * back.pixels[:, 4:], back.covered)


def training_views(
    pictures: Images,
    face: FittedFace,
    landmarks: Float[Tensor, "batch points 3"],
    yaws: tuple[float, ...] = YAWS,
    settings: RotationSettings = DEFAULT,
    mirror: Int[Tensor, " vertices"] | None = None,
) -> list[TrainingView]:
    """Near-frontal photos turned about the vertical to each yaw in degrees; landmarks in face space."""
    truth_angles = angles_from_rotation(face.rotation)
    truth_landmarks = face.camera.project(turn(landmarks, face.rotation))[..., :2]
    scene = _make_scene(face, pictures, settings)
    views = []
    for yaw in yaws:
        rotation = turned_to_yaw(face.rotation, yaw)
        view = _view(pictures, scene, rotation, settings, mirror)
        places = face.camera.project(turn(landmarks, rotation))[..., :2]
        angles = angles_from_rotation(rotation)
        views.append(TrainingView(view, angles, places, pictures, truth_angles, truth_landmarks))
    return views


def random_angles(angles: Float[Tensor, "batch 3"], generator: torch.Generator) -> Float[Tensor, "batch 3"]:
    """Another pose for each, as CFR-GAN draws it: up to 90 degrees of yaw away, 15 of pitch and roll."""
    reach = angles.new_tensor([90.0, 15.0, 15.0])
    limit = angles.new_tensor([90.0, 30.0, 30.0])
    chance = torch.rand(angles.shape, generator=generator, device=generator.device).to(angles)
    return torch.minimum(torch.maximum(angles + (2 * chance - 1) * reach, -limit), limit)


@dataclass(frozen=True)
class _Scene:
    """A face, and then what is around it if that is drawn: rings that have two sides, and behind them all the
    inside of the face, so that there is no hole where the face is seen from behind."""

    face: FittedFace
    around: Surroundings | None
    triangles: Int[Tensor, "all_triangles 3"]
    origin: Float[Tensor, "batch all 3"]
    """Where in the picture each vertex is, and whether it is seen there; what is around counts as unseen."""

    @property
    def num_face_triangles(self) -> int:
        return len(self.face.closure.triangles)

    def project(self, rotation: Rotation) -> Float[Tensor, "batch all 3"]:
        camera = self.face.camera
        points = camera.project(turn(self.face.closure.add_to(self.face.vertices), rotation))
        if self.around is None:
            return points
        around = self.around.project(rotation, camera, points)
        inside = behind(behind(points, points), points)
        return torch.cat((points, around, inside), 1)

    def mirrored(self, mirror: Int[Tensor, " vertices"]) -> Float[Tensor, "batch all 3"]:
        """The origin of each vertex's partner; the rings have none but themselves."""
        partners = self.face.closure.add_to(self.origin[:, mirror])
        if self.around is None:
            return partners
        rings = self.origin[:, partners.shape[1] :][:, : self.around.pixels.shape[1]]
        return torch.cat((partners, rings, partners), 1)


def _make_scene(face: FittedFace, pictures: Planes, settings: RotationSettings) -> _Scene:
    height, width = pictures.shape[-2:]
    triangles, points = face.closure.triangles, face.points
    visible = visible_vertices(points, triangles, settings.draw(points, triangles, height, width))
    origin = torch.cat((points[..., :2], visible[..., None].to(points)), -1)
    if settings.background != "warped":
        return _Scene(face, None, triangles, origin)
    outline = face.closure.outline
    around = surroundings(face.turned, face.rotation, face.camera, outline, height, width)
    rings = around.triangles + points.shape[1]
    inside = triangles + points.shape[1] + around.pixels.shape[1]
    return _Scene(
        face,
        around,
        torch.cat((triangles, rings, rings.flip(1), inside.flip(1))),
        torch.cat((origin, F.pad(around.pixels, (0, 1)), origin), 1),
    )


def _view(
    pictures: Planes,
    scene: _Scene,
    rotation: Rotation,
    settings: RotationSettings,
    mirror: Int[Tensor, " vertices"] | None,
) -> View:
    if (mirror is None) == (settings.unseen == "mirrored"):
        raise ValueError("what is unseen is mirrored if the vertices' partners are given, and only then")
    height, width = (side * settings.samples for side in pictures.shape[-2:])
    target = scene.project(rotation)
    fragments = settings.draw(_finer(target, settings.samples), scene.triangles, height, width)
    covered = (fragments.covered & (fragments.triangles < scene.num_face_triangles))[:, None].to(pictures)
    areas = signed_areas(target, scene.triangles)
    pixels, shown = _look(pictures, scene.origin, areas, scene.triangles, fragments)
    shown = shown * covered
    mirrored = None
    if mirror is not None:
        # a triangle's mirror image runs the other way round
        other, their_shown = _look(pictures, scene.mirrored(mirror), -areas, scene.triangles, fragments)
        taken = their_shown * covered * (1 - shown)
        pixels, mirrored = torch.lerp(pixels, other, taken), _averaged(taken, settings.samples)
    elif settings.unseen == "black":
        pixels = torch.where((covered > 0) & (shown < 0.5), 0.0, pixels)
    share, shown = (_averaged(part, settings.samples) for part in (covered, shown))
    if settings.background == "warped":
        return View(_averaged(pixels, settings.samples), shown, share, mirrored)
    under = pictures if settings.background == "kept" else torch.zeros_like(pictures)
    drawn = _averaged(pixels * covered, settings.samples) + (1 - share) * under
    return View(drawn, shown, share, mirrored)


def _look(
    pictures: Planes,
    origin: Float[Tensor, "batch all 3"],
    areas: Float[Tensor, "batch all_triangles"],
    triangles: Int[Tensor, "all_triangles 3"],
    fragments: Fragments,
) -> tuple[Float[Tensor, "batch channels _ _"], Float[Tensor, "batch 1 _ _"]]:
    """Each pixel's colour, and how much the picture shows of it: less where little there is much here."""
    before = signed_areas(origin, triangles)
    growth = (STRETCH * before / torch.where(areas == 0, torch.inf, areas)).nan_to_num(0.0).clamp(0, 1)
    number = torch.arange(len(areas), device=areas.device)[:, None, None]
    per_pixel = growth[number, fragments.triangles.clamp(min=0)][:, None]
    places = interpolate(fragments, triangles, origin)
    return sample(pictures, places[:, :2]), (places[:, 2:] * per_pixel).to(pictures)


def _averaged(planes: Planes, samples: int) -> Float[Tensor, "batch channels _ _"]:
    return F.avg_pool2d(planes, samples) if samples > 1 else planes


def _finer(points: Float[Tensor, "batch all 3"], samples: int) -> Float[Tensor, "batch all 3"]:
    """In a picture with so many times the side."""
    return torch.cat(((points[..., :2] + 0.5) * samples - 0.5, points[..., 2:]), -1)
