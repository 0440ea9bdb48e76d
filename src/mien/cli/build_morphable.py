"""`mien build-morphable`: makes the 3D model of faces anew, from another kit's heads and labelled photos."""

import argparse
import random
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mien.cli.arguments import EXIT_DONE, EXIT_FAILED, UsageError, make_parser, whole_number
from mien.cli.inputs import one_line

if TYPE_CHECKING:
    from torch import Tensor

    from mien.types import Image

NOTES = """
SHAPES is the FaceXModel folder of ICT-FaceKit (MIT licence, https://github.com/USC-ICT/ICT-FaceKit).
Labels of many poses tell where the 68 landmarks are on its heads; the photos in which one large face looks at
the camera give the colours. Put the result as morphable.safetensors into a folder named by MIEN_WEIGHTS to
use it in place of the model that comes with mien. It takes some minutes.
"""
SEED = 0


class BuildArguments(argparse.Namespace):
    """What `mien build-morphable` was asked for."""

    shapes: Path
    labels: list[Path]
    output: Path
    num_identity: int
    num_albedo: int
    landmark_faces: int
    color_faces: int


def make_build_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = make_parser("build-morphable", "Make the 3D model of faces from heads and photos.", NOTES)
    parser.add_argument("shapes", type=Path, metavar="SHAPES", help="folder with the heads")
    parser.add_argument(
        "--labels",
        nargs="+",
        type=Path,
        required=True,
        metavar="FILE",
        help="photos and 68 points of the faces in them, from tools/label_faces.py",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help=".safetensors")
    for name, number, meaning in (
        ("num-identity", 80, "components of identity"),
        ("num-albedo", 80, "components of colour"),
        ("landmark-faces", 250, "faces of each labels file to learn landmarks from"),
        ("color-faces", 700, "faces of each labels file to learn colours from"),
    ):
        parser.add_argument(
            f"--{name}",
            type=whole_number(1),
            default=number,
            metavar="N",
            help=f"{meaning} (default {number})",
        )
    return parser


def run(words: list[str]) -> int:
    """Build and save; the exit status."""
    asked = make_build_parser().parse_args(words, BuildArguments())
    missing = [one_line(str(path)) for path in (asked.shapes, *asked.labels) if not path.exists()]
    if missing:
        raise UsageError(f"no such file or folder: {', '.join(missing)}")
    if not asked.output.parent.is_dir():
        raise UsageError(f"no such folder: {one_line(str(asked.output.parent))}")
    if find_spec("scipy") is None:
        raise UsageError("building needs further packages: pip install 'mien[train]'")
    from mien.geometry.build.facekit import SourceError

    try:
        build(asked)
    except (SourceError, OSError) as error:
        print(f"mien build-morphable: error: {error}", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_DONE


def build(asked: BuildArguments) -> None:
    """From files to a file."""
    import torch

    from mien.geometry.build.assemble import ShapeSettings
    from mien.geometry.build.facekit import read_facekit
    from mien.geometry.build.model import BuildSettings, build_morphable
    from mien.geometry.morphable_files import save_morphable

    kit = read_facekit(asked.shapes)
    entries = [read_lone_faces(path) for path in asked.labels]
    landmarks = [points for faces in entries for _, points in faces[: asked.landmark_faces]]
    photos = [entry for faces in entries for entry in faces[: asked.color_faces]]
    model = build_morphable(
        kit,
        torch.stack(landmarks) if landmarks else torch.zeros(0, 68, 2),
        read_photos(photos),
        BuildSettings(ShapeSettings(num_identity=asked.num_identity), asked.num_albedo),
        lambda line: print(line, file=sys.stderr),
    )
    save_morphable(model, asked.output)
    print(f"{one_line(str(asked.output))}: {asked.output.stat().st_size / 1e6:.1f} MB", file=sys.stderr)


def read_lone_faces(path: Path) -> "list[tuple[Path, Tensor]]":
    """Photos with one face and its landmarks, in an order that is random but always the same."""
    from mien.data.facepool import read_labels

    faces = [(file, points[0].float()) for file, points, _ in read_labels(path) if len(points) == 1]
    random.Random(SEED).shuffle(faces)
    return faces


def read_photos(entries: "list[tuple[Path, Tensor]]") -> "Iterator[tuple[Image, Tensor]]":
    """Pictures one at a time, as they are needed."""
    from mien.image.io import read_image

    for file, points in entries:
        yield read_image(file), points
