"""Small pictures, a finder and an embedder that cost nothing, and models that do nearly nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from mien.evaluate.judges import Judges
from mien.evaluate.trial import Trial
from mien.faces.align import detection_of, template_points
from mien.geometry.camera import WeakPerspective
from mien.geometry.pose import turn
from mien.image.io import write_image
from mien.types import Crop, Detection, ReadFace, Reading, Recovery
from mien.zoo.load import load_morphable

SIDE = 32


@dataclass(frozen=True)
class Mixer:
    """Blends each crop with gray; 0 leaves it as it is."""

    gray: float = 0.0
    crop_size: int = SIDE
    template: str = "ffhq"
    keeps_pose: bool = True

    def __call__(self, crops: list[Crop]) -> list[Recovery]:
        size = self.crop_size
        return [
            Recovery(
                torch.lerp(crop.pixels, torch.full((), 0.5), self.gray),
                torch.ones(1, size, size),
                self.keeps_pose,
            )
            for crop in crops
        ]

    def with_fidelity(self, fidelity: float) -> "Mixer":
        return self

    def with_batch_size(self, batch_size: int) -> "Mixer":
        return self


def find_face(photo: torch.Tensor) -> list[Detection]:
    """A face that fills the picture, where it is not black."""
    points = template_points("ffhq", photo.shape[1]).float()
    return [detection_of(points)] if bool(photo.any()) else []


def coarse_structure(faces: torch.Tensor) -> torch.Tensor:
    """Who is who by 6 x 6 colours."""
    coarse = F.adaptive_avg_pool2d(faces, 6).flatten(1)
    return F.normalize(coarse - coarse.mean(1, keepdim=True) + 1e-3, dim=1)


def make_picture(seed: int, side: int = SIDE) -> torch.Tensor:
    coarse = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, size=(side, side), mode="bilinear")[0]


@pytest.fixture
def mixer() -> type[Mixer]:
    return Mixer


@dataclass(frozen=True)
class Guided(Mixer):
    """Wants photos to look at."""

    unused: tuple[int, ...] = ()

    def with_references(self, album: Sequence[torch.Tensor], any_person: bool = False) -> "Guided":
        return self


@pytest.fixture
def guided() -> Guided:
    return Guided()


@pytest.fixture
def picture() -> Callable[..., torch.Tensor]:
    return make_picture


@pytest.fixture
def photos(tmp_path: Path) -> tuple[Path, ...]:
    folder = tmp_path / "aligned"
    folder.mkdir()
    for number, name in enumerate("abc"):
        write_image(folder / f"{name}.png", make_picture(number))
    return tuple(sorted(folder.iterdir()))


@pytest.fixture
def people(tmp_path: Path) -> tuple[Path, ...]:
    """Four people with four pictures each, which differ by noise."""
    for person in range(4):
        folder = tmp_path / "people" / f"person_{person}"
        folder.mkdir(parents=True)
        for number in range(4):
            noise = 0.04 * torch.randn(
                3, SIDE, SIDE, generator=torch.Generator().manual_seed(10 * person + number)
            )
            picture = (make_picture(person) + noise).clamp(0, 1)
            write_image(folder / f"person_{person}_{number + 1:04d}.png", picture)
    return tuple(sorted((tmp_path / "people").rglob("*.png")))


@pytest.fixture
def judges() -> Judges:
    return Judges(identify=coarse_structure, identify_name="coarse structure")


@pytest.fixture
def trial(judges: Judges) -> Callable[..., Trial]:
    """Of some pictures, with a model that does nothing unless others are named."""

    def make(
        photos: tuple[Path, ...], models: dict[str, Mixer] | None = None, num_strips: int = 0, seed: int = 0
    ) -> Trial:
        return Trial(
            models={"still": Mixer()} if models is None else models,
            photos=photos,
            judges=judges,
            find=find_face,
            num_strips=num_strips,
            seed=seed,
        )

    return make


@pytest.fixture
def read_frontal() -> ReadFace:
    """Every crop shows the mean face from ahead, in its middle."""

    def read(crop: Crop) -> Reading:
        model, size = load_morphable("cpu"), crop.pixels.shape[-1]
        camera = WeakPerspective(torch.tensor([size / 4.0]), torch.full((1, 2), (size - 1) / 2))
        points = camera.project(turn(model.landmark_points(model.mean[None]), torch.eye(3)[None]))
        nothing = torch.zeros(1)
        return Reading(
            landmarks=points[0, :, :2],
            rotation=torch.eye(3),
            scale=size / 4.0,
            shift=camera.shift[0],
            identity=nothing,
            expression=nothing,
            albedo=nothing,
            light=torch.zeros(9, 3),
            certainty=1.0,
            occluded=0.0,
        )

    return read
