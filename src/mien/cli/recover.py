"""`mien recover`: what it may be asked for; `recover_photos` then does it."""

import argparse
from pathlib import Path

from mien.cli.archive_arguments import (
    ARCHIVE_NOTES,
    ArchiveArguments,
    add_archive,
    check_archive,
    in_journal,
    is_archive,
)
from mien.cli.arguments import (
    DEFAULT_BATCH_SIZE,
    DEFAULT_QUALITY,
    MODEL_FILES,
    Options,
    Runtime,
    UsageError,
    add_device,
    add_inputs,
    add_reading,
    add_runtime,
    cosine,
    make_parser,
    model_name,
    refuse_terminals,
    share,
    whole_number,
)
from mien.cli.film import (
    FILM,
    FILM_NOTES,
    FilmArguments,
    add_film,
    are_films,
    left_out,
    recover_films,
    refuse_film_options,
)
from mien.cli.inputs import PICTURE, STANDARD, gather, look_up
from mien.cli.outputs import OUTPUT_HELP, TextOutput, allow, plan
from mien.cli.progress import Show
from mien.cli.references import REFERENCE_NOTES, WARP, ReferenceArguments, add_references, model_for
from mien.cli.turning import TurningArguments, add_turning
from mien.cli.variants import MOST, VariantArguments, add_variants, variant_ending, variant_endings

NOTES = f"""{OUTPUT_HELP}
A result that exists already is not replaced without --overwrite: that photo counts as failed, and
the others are done. With --overwrite nothing stays beside it that is no longer so: files of
--save-faces of more faces than there are now, or a picture that was asked for then and not now, if
it has a mark (see --no-mark) and is thus known not to be your own. Two photos with one result between
them are refused before anything begins. A photo without a face is copied as it is. A folder without
pictures counts as a failed input.

The line of a photo says how much of its face was seen there, the rest being imagined, and its identity.
Identity is how alike the recovered face and the one in the photo are to a network that no model was
trained to please: a cosine, 1 for the same, near 0 for strangers. "Same person" is the chance that
two photos as alike show one person. Of a face too damaged to be known both say little.

beside OUT/photo.jpg come to lie:
  --compare     photo_compare.png: before on the left, after on the right
  --save-faces  photo_faces/: for each face 00_crop.png, 00_recovery.png and 00_evidence.png,
                which is white where the recovery shows what the photo showed, black where it is imagined
  --evidence    photo_evidence.png: a row for each face, before, after, and in colours what of it was
                seen (green), mirrored from its other half (yellow), taken from a reference (blue) and
                guessed (red)

  mien recover old.jpg -o new.jpg
  mien recover album/ 'scans/**/*.tif' -o recovered --compare --report report.jsonl
  mien recover album/ -o recovered --min-identity 0.4
  mien recover - -o - < old.jpg > new.jpg
"""
COMPARE = "compare.png"
FACES = "faces"
EVIDENCE = "evidence.png"
EVERY_ENDING = (COMPARE, FACES, EVIDENCE, WARP, *map(variant_ending, range(1, MOST)))
"""Whatever may come to lie beside a result."""


class RecoverArguments(
    TurningArguments, ReferenceArguments, VariantArguments, ArchiveArguments, FilmArguments
):
    """What `mien recover` was asked for."""

    inputs: list[str]
    out: str | None
    model: str
    aligned: bool
    only_largest: bool
    scale: int
    fidelity: float
    match_colors: bool
    only_face: bool
    min_identity: float | None
    no_identity: bool
    save_faces: bool
    compare: bool
    evidence: bool
    report: str | None
    device: str
    runtime: Runtime
    batch_size: int
    overwrite: bool
    quality: int
    no_mark: bool
    max_pixels: int
    tolerant: bool


def make_recover_parser() -> argparse.ArgumentParser:
    """All options, in the groups that the help shows."""
    parser = make_parser(
        "recover", "Recover the faces in photos.", NOTES + REFERENCE_NOTES + ARCHIVE_NOTES + FILM_NOTES
    )
    add_inputs(parser, standard_input=True)
    add_how(parser.add_argument_group("how faces are recovered"))
    add_turning(parser.add_argument_group("models that uncover and turn faces"))
    add_references(parser.add_argument_group("with other photos of the same people"))
    add_what(parser.add_argument_group("what is written"))
    add_reading(parser.add_argument_group("how photos are read"))
    add_archive(parser.add_argument_group("many photos"))
    add_film(parser.add_argument_group("films"))
    return parser


def add_how(group: Options) -> None:
    """Options that change the result."""
    group.add_argument(
        "--model",
        type=model_name,
        default="restore",
        metavar="MODEL",
        help=f"see mien models, or {' or '.join(f'{kind}:FILE' for kind in MODEL_FILES)} (default restore)",
    )
    group.add_argument(
        "--aligned", action="store_true", help="inputs are face crops already; results have their size"
    )
    group.add_argument("--only-largest", action="store_true", help="leave all faces but the largest")
    group.add_argument(
        "--scale", type=int, choices=(1, 2, 4), default=1, help="enlarge photos so many times (default 1)"
    )
    group.add_argument(
        "--fidelity",
        type=share,
        default=0.0,
        metavar="0..1",
        help="share of the input in the result: 0 recovery alone (default), 1 input alone",
    )
    group.add_argument("--match-colors", action="store_true", help="give faces the colours of their photo")
    group.add_argument(
        "--only-face",
        action="store_true",
        help="paste faces alone: hair, hats and hands before them stay as they were",
    )
    identity = group.add_mutually_exclusive_group()
    identity.add_argument(
        "--min-identity",
        type=cosine,
        metavar="-1..1",
        help="keep the photo's own face where the recovered one is less alike, and say so",
    )
    identity.add_argument(
        "--no-identity",
        action="store_true",
        help="do not compare faces with their recoveries: a little faster",
    )
    add_variants(group)
    add_device(group)
    add_runtime(group)
    group.add_argument(
        "--batch-size",
        type=whole_number(1),
        default=DEFAULT_BATCH_SIZE,
        metavar="N",
        help=f"faces at a time in the network (default {DEFAULT_BATCH_SIZE})",
    )


def add_what(group: Options) -> None:
    """Options on the files that come out."""
    group.add_argument(
        "-o", "--out", metavar="OUT", help="file or folder, or - (default for -) for standard output"
    )
    group.add_argument("--overwrite", action="store_true", help="replace what exists, inputs too")
    group.add_argument("--save-faces", action="store_true", help="crop, recovery and evidence of each face")
    group.add_argument("--compare", action="store_true", help="a picture of before and after")
    group.add_argument("--evidence", action="store_true", help="what of each face was seen, as a picture")
    group.add_argument(
        "--no-mark", action="store_true", help="do not say in the files that faces were recovered"
    )
    group.add_argument("--report", metavar="FILE", help="a line of JSON on each photo; - is standard output")
    group.add_argument(
        "--quality",
        type=whole_number(1, 100),
        default=DEFAULT_QUALITY,
        metavar="1..100",
        help=f"of JPEG and WebP (default {DEFAULT_QUALITY})",
    )


def run(arguments: list[str]) -> int:
    """Recover what is named in the arguments."""
    asked = make_recover_parser().parse_args(arguments, RecoverArguments())
    out = check(asked)
    words = look_up(asked.inputs, None if out == STANDARD else Path(out), (PICTURE, FILM))
    if are_films(words, asked, out):
        return recover_films(asked, gather(words, FILM), out)
    refuse_film_options(asked)
    found = gather(words, PICTURE)
    jobs = plan(asked.inputs, found, out, beside=endings_of(asked))
    allowed, refusals = allow(jobs, asked.overwrite, in_journal(jobs, out))
    with TextOutput(asked.report, found) as report, Show(len(allowed)) as show:
        for line in left_out(words):
            show.say(line)
        for problem in (*found.problems, *refusals):
            show.fail(problem)
            report.write(problem.as_json())
        if allowed and is_archive(jobs, out):
            from mien.cli.recover_archive import recover_archive

            recover_archive(asked, allowed, Path(out), report, show)
        elif allowed:
            from mien.cli.recover_photos import recover_photos

            recover_photos(asked, allowed, report, show)
    return show.status


def endings_of(asked: RecoverArguments) -> tuple[str, ...]:
    """What comes to lie beside each result."""
    wanted = {
        COMPARE: asked.compare,
        FACES: asked.save_faces,
        EVIDENCE: asked.evidence,
        WARP: asked.save_warp,
    }
    return (*(ending for ending, is_wanted in wanted.items() if is_wanted), *variant_endings(asked))


def check(asked: RecoverArguments) -> str:
    """Refuse what contradicts itself; where results go."""
    check_archive(asked)
    asked.model = model_for(asked.model, asked)
    if asked.aligned:
        ignored = {"--only-largest": asked.only_largest, "--scale": asked.scale > 1}
        ignored |= {"--match-colors": asked.match_colors, "--only-face": asked.only_face}
        if any(ignored.values()):
            names = ", ".join(name for name, is_asked in ignored.items() if is_asked)
            raise UsageError(f"{names} cannot be had with --aligned: a face crop is recovered as a whole")
    if asked.out is None and asked.inputs != [STANDARD]:
        raise UsageError("say with -o where the result should go: a file, a folder, or -")
    out = STANDARD if asked.out is None else asked.out
    if out == asked.report == STANDARD:
        raise UsageError("picture and report cannot both go to standard output")
    refuse_terminals(STANDARD in asked.inputs, out == STANDARD)
    return out
