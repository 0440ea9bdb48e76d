"""`mien render`: a face seen from elsewhere, as a mesh for 3D programs, or as a sheet of what was read."""

import argparse
from pathlib import Path

from mien.cli.arguments import (
    DEFAULT_QUALITY,
    WRITABLE,
    UsageError,
    add_device,
    add_inputs,
    add_reading,
    degrees,
    make_parser,
    refuse_terminals,
    whole_number,
)
from mien.cli.inputs import STANDARD, Found, Problem, collect, one_line
from mien.cli.outputs import OUTPUT_HELP, Job, allow, plan
from mien.cli.progress import Show

NOTES = f"""{OUTPUT_HELP}
The largest face of each photo is cut out, its shape and pose are read, and it is drawn at another pose:
yaw is positive when the nose points to the picture's left, pitch when it points up, roll when the head is
tilted clockwise to your eye. What is not named stays: with --yaw alone a face that looks down still does.

  mien render photo.jpg --yaw 30 -o turned.png
  mien render photo.jpg --mesh face.glb
  mien render album/ --sheet sheet.jpg      a row for each face: crop, fitted mesh, landmarks, three rotations

A mesh looks straight ahead and counts in decimetres; the photo is its texture. Beside OUT.obj lie OUT.mtl and
OUT.png, a .glb file holds everything.
"""
DEFAULT_SIZE = 512
BACKGROUNDS = ("warped", "kept", "black")
UNSEEN = ("mirrored", "smeared", "black")
MESHES = (".obj", ".glb")


class RenderArguments(argparse.Namespace):
    """What `mien render` was asked for."""

    inputs: list[str]
    out: str | None
    mesh: Path | None
    sheet: Path | None
    yaw: float | None
    pitch: float | None
    roll: float | None
    background: str
    unseen: str
    size: int
    device: str
    overwrite: bool
    quality: int
    max_pixels: int
    tolerant: bool


def make_render_parser() -> argparse.ArgumentParser:
    """All options, in the groups that the help shows."""
    parser = make_parser("render", "See a face from elsewhere.", NOTES)
    add_inputs(parser, standard_input=True)
    how = parser.add_argument_group("how faces are seen")
    for angle, most in (("yaw", 90), ("pitch", 180), ("roll", 180)):
        how.add_argument(
            f"--{angle}", type=degrees(most), metavar="DEGREES", help=f"of the head, -{most} to {most}"
        )
    how.add_argument(
        "--background", choices=BACKGROUNDS, default="warped", help="around the face (default warped with it)"
    )
    how.add_argument(
        "--unseen",
        choices=UNSEEN,
        default="mirrored",
        help="what the photo does not show of the face (default mirrored from its other half)",
    )
    how.add_argument(
        "--size",
        type=whole_number(16, 2048),
        default=DEFAULT_SIZE,
        metavar="N",
        help=f"side of the square pictures (default {DEFAULT_SIZE})",
    )
    add_device(how)
    what = parser.add_argument_group("what is written")
    what.add_argument("-o", "--out", metavar="OUT", help="a file or folder, or - for standard output")
    what.add_argument("--mesh", type=Path, metavar="FILE", help="the surface, of one photo: .obj or .glb")
    what.add_argument("--sheet", type=Path, metavar="FILE", help="one picture with a row for each photo")
    what.add_argument("--overwrite", action="store_true", help="replace what exists, inputs too")
    what.add_argument(
        "--quality",
        type=whole_number(1, 100),
        default=DEFAULT_QUALITY,
        metavar="1..100",
        help=f"of JPEG and WebP (default {DEFAULT_QUALITY})",
    )
    add_reading(parser.add_argument_group("how photos are read"))
    return parser


def run(words: list[str]) -> int:
    """Render what is named in the arguments."""
    asked = make_render_parser().parse_args(words, RenderArguments())
    check(asked)
    found = collect(asked.inputs, None if asked.out in (None, STANDARD) else Path(asked.out))
    if asked.mesh is not None and len(found.inputs) > 1:
        raise UsageError(f"a mesh is of one photo, not of {len(found.inputs)}")
    jobs, refusals = plan_all(asked, found)
    with Show(len(jobs)) as show:
        for problem in (*found.problems, *refusals):
            show.fail(problem)
        if jobs:
            from mien.cli.render_photos import render_photos

            render_photos(asked, jobs, show)
    return show.status


def plan_all(asked: RenderArguments, found: Found) -> tuple[list[Job], list[Problem]]:
    """A job for each photo; without -o its target is no file."""
    if asked.out is None:
        return [Job(source, None) for source in found.inputs], []
    jobs = plan(asked.inputs, found, asked.out)
    refuse_twice([*(job.target for job in jobs if job.target), *beside_pictures(asked)])
    return allow(jobs, asked.overwrite)


def beside_pictures(asked: RenderArguments) -> list[Path]:
    """The files of mesh and sheet."""
    return [file for path in (asked.mesh, asked.sheet) if path is not None for file in written_with(path)]


def refuse_twice(files: list[Path]) -> None:
    """One file cannot be two things, as the texture of an OBJ file and a picture."""
    seen: set[Path] = set()
    for file in files:
        if file.absolute() in seen:
            raise UsageError(f"{one_line(str(file))} would be written twice: choose another name")
        seen.add(file.absolute())


def check(asked: RenderArguments) -> None:
    """Refuse what contradicts itself or would replace what exists."""
    if (asked.out, asked.mesh, asked.sheet) == (None, None, None):
        raise UsageError("say what to write: -o PICTURE, --mesh FILE or --sheet FILE")
    for path, suffixes in ((asked.mesh, MESHES), (asked.sheet, WRITABLE)):
        if path is None:
            continue
        if path.suffix.lower() not in suffixes:
            raise UsageError(f"{one_line(str(path))} should end in {' or '.join(suffixes)}")
        if not path.parent.is_dir():
            raise UsageError(f"no such folder: {one_line(str(path.parent))}")
        present = [file for file in written_with(path) if file.exists()]
        if present and not asked.overwrite:
            raise UsageError(f"{one_line(str(present[0]))} exists already; --overwrite replaces it")
    refuse_twice(beside_pictures(asked))
    refuse_terminals(STANDARD in asked.inputs, asked.out == STANDARD)


def written_with(path: Path) -> tuple[Path, ...]:
    """The file and what comes to lie beside it."""
    if path.suffix.lower() == ".obj":
        return (path, path.with_suffix(".mtl"), path.with_suffix(".png"))
    return (path,)
