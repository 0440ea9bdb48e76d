"""`mien inspect`: what files say of how mien changed them."""

import argparse
from importlib.util import find_spec
from pathlib import Path

from mien.cli.arguments import EXIT_DONE, EXIT_FAILED, make_parser
from mien.cli.film import FILMS
from mien.cli.inputs import STANDARD, Input, Problem, collect, one_line, reason
from mien.cli.outputs import TextOutput
from mien.cli.progress import Show
from mien.image.mark import COMPOSITE, GENERATED, FaceMark, Mark, read_marks, source_type
from mien.image.xmp import is_readable

NOTES = """
mien recover and its like leave a mark in the pictures they write (--no-mark does not): which model of which
mien, and for each face how much of it the photo showed and how alike it is to the one there. A mark says
what was done; a picture without one may have been changed all the same, since many programs drop them.
Films have theirs in their comment, without the faces (pip install 'mien[video]').

The JSON is a list with an entry for each picture: input, source_type (IPTC's, whoever wrote it), and runs,
oldest first, with version, model, num_faces, and faces with box, evidence and identity.
"""


class InspectArguments(argparse.Namespace):
    """What `mien inspect` was asked for."""

    inputs: list[str]
    json: str | None


def make_inspect_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = make_parser("inspect", "Read the marks that mien leaves in pictures.", NOTES)
    parser.add_argument("inputs", nargs="+", metavar="FILE", help="pictures, films, folders, patterns")
    parser.add_argument("--json", metavar="FILE", help="write what is found there; - is standard output")
    return parser


def run(words: list[str]) -> int:
    """Say of each picture what it says of itself."""
    asked = make_inspect_parser().parse_args(words, InspectArguments())
    found = collect(asked.inputs)
    entries: list[dict[str, object]] = []
    problems = list(found.problems)
    with TextOutput(asked.json, found) as output, Show(0) as show:
        for source in found.inputs:
            inspected = inspect_file(source)
            if isinstance(inspected, Problem):
                problems.append(inspected)
                continue
            marks, kind = inspected
            entries.append(
                {"input": source.name, "source_type": kind, "runs": [as_json(mark) for mark in marks]}
            )
            if asked.json != STANDARD:
                print("\n".join(lines_on(source.name, marks, kind)), flush=True)
        for problem in problems:
            show.fail(problem)
            entries.append({**problem.as_json()})
        output.write(entries, indent=2)
    return EXIT_FAILED if problems else EXIT_DONE


def inspect_file(source: Input) -> tuple[tuple[Mark, ...], str | None] | Problem:
    """Its marks and its source type, or why there is no saying."""
    if source.path is None:
        return Problem(source.name, "marks are read from files")
    if source.path.suffix.lower() in FILMS:
        return inspect_film(source, source.path)
    try:
        content = source.path.read_bytes()
    except OSError as error:
        return Problem(source.name, reason(error))
    if not is_readable(content):
        return Problem(source.name, "is no film, PNG, JPEG, WebP or TIFF, which marks are read from")
    return read_marks(content), source_type(content)


def inspect_film(source: Input, path: Path) -> tuple[tuple[Mark, ...], str | None] | Problem:
    """The same of what its comment says."""
    if find_spec("av") is None:
        return Problem(source.name, "films need a further package: pip install 'mien[video]'")
    from mien.video.film import FilmError
    from mien.video.sign import read_signatures

    try:
        marks = read_signatures(path)
    except FilmError:
        return Problem(source.name, "is not a film that can be read")
    return marks, COMPOSITE if marks else None


def lines_on(name: str, marks: tuple[Mark, ...], kind: str | None) -> list[str]:
    """For a person."""
    if not marks:
        word = "" if kind is None else f"; it calls itself {one_line(kind.rsplit('/', 1)[-1])}"
        return [f"{name}: no mark of mien{word}"]
    lines = []
    for mark in marks:
        faces = "1 face" if mark.num_faces == 1 else f"{mark.num_faces} faces"
        # of no photo: what was recovered has its faces told
        deed = "drawn" if kind == GENERATED and not mark.faces else "recovered"
        lines.append(f"{name}: {faces} {deed} by mien {one_line(mark.version)} with {one_line(mark.model)}")
        lines += [f"  {describe(face)}" for face in mark.faces]
    return lines


def describe(face: FaceMark) -> str:
    left, top, right, bottom = face.box
    likeness = "" if face.identity is None else f", identity {face.identity:.2f}"
    return f"face at {left} {top} {right} {bottom}: {face.evidence:.0%} seen{likeness}"


def as_json(mark: Mark) -> dict[str, object]:
    """Plain numbers and words."""
    faces = [
        {"box": list(face.box), "evidence": face.evidence, "identity": face.identity} for face in mark.faces
    ]
    return {"version": mark.version, "model": mark.model, "num_faces": mark.num_faces, "faces": faces}
