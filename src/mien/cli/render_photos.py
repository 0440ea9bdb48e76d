"""`mien render` at work: photo after photo."""

import sys
from typing import get_args

import torch
from torch import Tensor

from mien.cli.files import format_of_target, open_photo
from mien.cli.outputs import Job
from mien.cli.progress import Show
from mien.cli.render import RenderArguments
from mien.cli.tools import load_finder, load_reader
from mien.cli.work import work_through
from mien.faces.detect import largest
from mien.geometry.export import write_mesh
from mien.geometry.mesh import close_openings
from mien.geometry.morphable import LinearMorphable
from mien.geometry.pose import angles_from_rotation, rotation_from_angles, turned_to_yaw
from mien.geometry.rotate import Background, FittedFace, RotationSettings, Unseen
from mien.geometry.show import draw_points, draw_surface, textured_mesh
from mien.geometry.subject import Subject, view
from mien.image.blend import contact_sheet
from mien.image.io import ImageError, Photo, encode_photo, write_image
from mien.pipeline import read_subject
from mien.types import Image
from mien.zoo.load import load_morphable

LEAST_CERTAINTY = 0.1
"""A reading that is less sure is said to be doubtful."""
SHEET_YAWS = (-45.0, 0.0, 45.0)
SHEET_SIZE = 256
"""Side of each picture on a sheet, unless the size asked for is less."""


def render_photos(asked: RenderArguments, jobs: list[Job], show: Show) -> None:
    """Find, read and draw the largest face of each photo."""
    find, read = load_finder(asked.device), load_reader(asked.device)
    model = load_morphable("cpu")
    closure = close_openings(model.triangles, len(model.mean))
    rows: list[Image] = []

    def work(job: Job) -> str:
        photo = open_photo(job.source, asked.max_pixels, asked.tolerant).photo.image
        found = largest(find(photo))
        if not found:
            raise ImageError("no face found")
        subject = read_subject(photo, found[0], asked.size, read, model, closure)
        write_all(asked, job, subject, model)
        if asked.sheet is not None:
            rows.extend(sheet_row(subject, model, min(asked.size, SHEET_SIZE)))
        certainty = subject.reading.certainty
        if certainty < LEAST_CERTAINTY:
            show.say(f"{job.name}: the face was hard to read (certainty {certainty:.2f})")
        return f"{job.name}: {say_pose(subject.face)}"

    with torch.no_grad():
        work_through(jobs, work, show)
    if asked.sheet is not None and rows:
        write_image(asked.sheet, contact_sheet(rows, columns=3 + len(SHEET_YAWS)), asked.quality)


def write_all(asked: RenderArguments, job: Job, subject: Subject, model: LinearMorphable) -> None:
    """The picture at another pose, and the mesh, as far as they are wanted."""
    if asked.mesh is not None:
        mesh, texture = textured_mesh(subject.crop.pixels, subject.face, model.uv, 2 * asked.size)
        write_mesh(asked.mesh, mesh, texture)
    if asked.out is None:
        return
    wanted = turned_to(subject.face, asked.yaw, asked.pitch, asked.roll)
    pixels = view(subject, wanted, model, settings_of(asked))
    if job.target is None:
        sys.stdout.buffer.write(encode_photo(Photo(pixels), format_of_target(None, b""), asked.quality))
    else:
        job.target.parent.mkdir(parents=True, exist_ok=True)
        write_image(job.target, pixels, asked.quality)


def settings_of(asked: RenderArguments) -> RotationSettings:
    """Words to what they mean; the parser knows no others."""
    backgrounds: dict[str, Background] = {name: name for name in get_args(Background)}
    unseen: dict[str, Unseen] = {name: name for name in get_args(Unseen)}
    return RotationSettings(backgrounds[asked.background], unseen[asked.unseen], samples=2)


def turned_to(face: FittedFace, yaw: float | None, pitch: float | None, roll: float | None) -> Tensor:
    """The head turned to a yaw, then with the other angles replaced; those that are None stay."""
    rotation = face.rotation if yaw is None else turned_to_yaw(face.rotation, yaw)
    if pitch is None and roll is None:
        return rotation
    angles = angles_from_rotation(rotation)
    for axis, angle in enumerate((yaw, pitch, roll)):
        if angle is not None:
            angles[:, axis] = angle
    return rotation_from_angles(angles)


def sheet_row(subject: Subject, model: LinearMorphable, side: int) -> list[Image]:
    """Crop, mesh, landmarks, and the rotations."""
    settings = RotationSettings(unseen="mirrored", samples=2)
    picture, face = subject.crop.pixels, subject.face
    pictures = [
        picture,
        draw_surface(picture[None], face)[0],
        draw_points(picture[None], subject.reading.landmarks[None])[0],
        *(view(subject, turned_to_yaw(face.rotation, yaw), model, settings) for yaw in SHEET_YAWS),
    ]
    small = torch.nn.functional.interpolate(
        torch.stack(pictures), (side, side), mode="bilinear", antialias=True, align_corners=False
    )
    return list(small.clamp(0, 1))


def say_pose(face: FittedFace) -> str:
    """The angles in whole degrees."""
    yaw, pitch, roll = angles_from_rotation(face.rotation)[0].tolist()
    return f"yaw {yaw:.0f}, pitch {pitch:.0f}, roll {roll:.0f}"
