"""`mien evaluate PROTOCOL`: numbers that say how good or how fast a model is."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mien.cli.arguments import (
    EXIT_DONE,
    EXIT_FAILED,
    LIST_FORMATS,
    MODEL_FILES,
    MODELS,
    PROFILES,
    PROTOCOLS,
    Options,
    add_device,
    make_parser,
    model_name,
    whole_number,
)
from mien.cli.evaluate_pose import PoseArguments, add_pose, run_pose
from mien.cli.inputs import STANDARD, Found, Input
from mien.cli.outputs import TextOutput

if TYPE_CHECKING:
    from mien.evaluate.speed import SpeedReport

NOTES = """
mien evaluate PROTOCOL --help says what each one needs. In short: "aligned" is a folder of face crops as
mien faces --save DIR --template ffhq --size 256 cuts them, "people" one that has a folder for each person.

Several --model are judged on the same bytes, with paired differences and their 95 % intervals.

  mien evaluate blind --photos aligned/
  mien evaluate occlusion --photos aligned/
  mien evaluate recognition --photos people/ --model restore
"""
SUMMARIES = {
    "blind": "aligned: damaged, recovered, compared with what they were",
    "superres": "aligned: the same, shrinking alone is the damage",
    "strength": "aligned: the same, as damage grows",
    "single": "aligned: the same, one damage at a time",
    "wild": "any photos, which have no truth to compare with",
    "recognition": "people: whether they are still recognised",
    "pose": "landmarks and angles that the reader finds, against the truth",
    "turned": "people: who is it, seen from the side",
    "domains": "people: how far results are from true faces",
    "occlusion": "aligned: covers put on and taken off",
    "rotation": "aligned: heads turned to five yaws",
    "guided": "people: one photo is damaged, another one guides",
    "speed": "how long a photo takes",
    "all": "everything that the folders of DIR allow, as one page",
}
DESCRIPTIONS = {
    "blind": "Damages aligned pictures, recovers them, and compares with what they were: blur, shrinking, "
    "noise and JPEG, drawn as the profile says and with the shrinking fixed at 4x and 8x.",
    "superres": "The same as blind where bicubic shrinking, 4x and 8x, is all the damage.",
    "strength": "The same as blind at seven strengths of damage.",
    "single": "The same as blind with one damage at a time: shrinking, blur, light, noise, colours, JPEG.",
    "wild": "Any photos, without a truth: naturalness, the detector's confidence, and whether the person is "
    "still the one of the photo.",
    "recognition": "Are they the same person, before and after? Pairs are made inside a folder that has a "
    "folder for each person, or read from LFW's, CFP's, AgeDB's or IJB's lists or a .bin pack.",
    "pose": "The 68 landmarks and the angles that the reader finds, against the truth, as AFLW2000-3D "
    "measures them: on faces as they are, behind hands, damaged at 6x.",
    "turned": "Who is it, seen from the side? Of each person one photo is turned to 12 yaws, recovered, and "
    "looked for among the others. Takes a folder that has a folder for each person.",
    "domains": "How far are results from true faces, to a recogniser? Turned and damaged views are recovered "
    "and compared with the person's true face. Takes a folder that has a folder for each person.",
    "occlusion": "Hands, masks, dark glasses and blocks are put on aligned faces, and models take them off: "
    "what is below, the mask that they found, and what they lost around it.",
    "rotation": "Aligned faces are turned to five yaws from -60 to 60 degrees: does the head look there, and "
    "who is it? The photo's own person is the reference.",
    "guided": "Every pair of pictures inside a person's folder: one is damaged, the other guides; beside a "
    "stranger's photo and no guide at all.",
    "speed": "Recovers a photo again and again: milliseconds for each stage, and the network against the "
    "convolutions of this machine.",
    "all": "Everything that the folders of DIR allow, as one page with tables, curves and pictures. What is "
    "done is kept in OUT, and a run that was stopped goes on where it was.",
}
Protocols: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What argparse makes of subcommands, which has no public name."""
USUAL = {"guided": ("restore", "guided"), "occlusion": ("rotate",), "rotation": ("rotate",)}
"""Who is judged where no model is named; elsewhere the first there is."""


class EvaluateArguments(argparse.Namespace):
    """What `mien evaluate` was asked for."""

    protocol: str
    models: list[str] | None
    model: str
    json: str | None
    device: str
    photos: list[str]
    profile: str
    factor: float | None
    seed: int
    photo: Path
    format: str | None
    lists: list[Path] | None
    out: str
    only: list[str] | None
    most: int | None
    lpips: list[Path] | None
    niqe: Path | None
    quality_weights: Path | None
    clean: Path | None
    pose_labels: Path | None
    workers: int | None


def make_evaluate_parser() -> argparse.ArgumentParser:
    """All options of all protocols."""
    parser = make_parser("evaluate", "Judge models.", NOTES)
    protocols = parser.add_subparsers(dest="protocol", required=True, metavar="PROTOCOL")
    for name in PROTOCOLS:
        protocol = add_protocol(protocols, name)
        if name == "pose":
            add_pose(protocol)
            continue
        if name == "speed":
            add_speed(protocol)
        else:
            add_photos(protocol, needed=name != "recognition")
            add_judging(protocol, " and ".join(USUAL.get(name, MODELS[:1])))
        if name in ("blind", "strength", "recognition"):
            usual = "mdfr" if name == "recognition" else "gfrnet"
            protocol.add_argument(
                "--profile", choices=PROFILES, default=usual, help=f"the damage (default {usual})"
            )
        if name == "recognition":
            add_lists(protocol)
        if name == "wild":
            protocol.add_argument(
                "--clean", type=Path, metavar="DIR", help="aligned, clean faces, to set all results beside"
            )
        protocol.add_argument("--json", metavar="FILE", help="write the numbers there; - is standard output")
        add_device(protocol)
    add_all(add_protocol(protocols, "all"))
    return parser


def add_protocol(protocols: Protocols, name: str) -> argparse.ArgumentParser:
    """Its help says what it does and needs."""
    return protocols.add_parser(
        name, help=SUMMARIES[name], description=DESCRIPTIONS[name], allow_abbrev=False
    )


def add_photos(options: Options, needed: bool) -> None:
    options.add_argument(
        "--photos", nargs="+", required=needed, default=[], metavar="DIR", help="folders of pictures"
    )


def add_judging(options: Options, usual: str) -> None:
    """Who is judged, and by what; `usual` is who if nobody is named."""
    options.add_argument(
        "--model",
        dest="models",
        action="append",
        type=model_name,
        metavar="NAME",
        help=f"once for each model (default {usual}); there is {', '.join(MODELS)}, and from your own "
        f"files {', '.join(f'{kind}:FILE' for kind in MODEL_FILES)}",
    )
    options.add_argument("--seed", type=whole_number(0), default=0, metavar="N", help="default 0")
    options.add_argument(
        "--lpips", nargs="+", type=Path, metavar="FILE", help="your VGG-16 or AlexNet and LPIPS heads"
    )
    options.add_argument("--niqe", type=Path, metavar="FILE", help="NIQE's published parameters")
    options.add_argument(
        "--quality-weights", type=Path, metavar="FILE", help="our judge of faces, made by mien train quality"
    )


def add_lists(options: Options) -> None:
    """Official protocols, from a user's own copies."""
    options.add_argument(
        "--factor", type=float, metavar="X", help="shrink X times instead of as the profile draws"
    )
    options.add_argument("--format", choices=LIST_FORMATS, help="what --list is; pictures are below --photos")
    options.add_argument(
        "--list",
        dest="lists",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="lfw: pairs.txt; cfp-fp, cfp-ff: the folder Protocol; labelled: AgeDB-30 and its likes; pack: a "
        ".bin file; ijb-tables: tables of templates, then that of matches; ijb-lists: face_tid_mid, "
        "template_pair_label and name_5pts_score",
    )


def add_speed(options: Options) -> None:
    options.add_argument("--photo", type=Path, required=True, metavar="FILE", help="a photo with faces")
    options.add_argument(
        "--model", type=model_name, metavar="NAME", default=MODELS[0], help=f"default {MODELS[0]}"
    )


def add_all(options: Options) -> None:
    options.add_argument(
        "--photos",
        nargs=1,
        required=True,
        metavar="DIR",
        help="a folder of folders, named for their use (docs/protocols/report.md)",
    )
    options.add_argument(
        "-o", "--out", required=True, metavar="OUT", help="folder for the page and what is kept"
    )
    options.add_argument("--only", nargs="+", choices=PROTOCOLS, metavar="PROTOCOL", help="just these")
    options.add_argument(
        "--most",
        type=whole_number(1),
        metavar="N",
        help="at most N pictures of each folder, or of a folder of people N people, evenly spread",
    )
    options.add_argument(
        "--pose-labels", type=Path, metavar="FILE", help="labels for pose (default DIR/<folder>_labels.npz)"
    )
    options.add_argument(
        "--workers",
        type=whole_number(1),
        metavar="N",
        help="processes that share the work (default: one for each core, at most 4; with a GPU one)",
    )
    add_judging(options, "all that come with mien")
    add_device(options)


def run(words: list[str]) -> int:
    """Evaluate, and say what came out."""
    asked = make_evaluate_parser().parse_args(words, EvaluateArguments())
    if asked.protocol == "speed":
        return run_speed(asked)
    if asked.protocol == "pose":
        return run_pose(make_evaluate_parser().parse_args(words, PoseArguments()))
    if asked.protocol == "all":
        from mien.cli.evaluate_all import run_all

        return run_all(asked)
    from mien.cli.evaluate_photos import run_photos

    return run_photos(asked)


def run_speed(asked: EvaluateArguments) -> int:
    """Milliseconds, and the share of the machine's peak."""
    from mien.cli.tools import load_finder, load_model, network_of
    from mien.evaluate.speed import measure_speed
    from mien.image.io import ImageError, read_image

    found = Found((Input(asked.photo, Path(asked.photo.name)),), ())
    with TextOutput(asked.json, found) as output:
        model, find = load_model(asked.model, asked.device), load_finder(asked.device)
        network = network_of(model)
        try:
            report = measure_speed(model, network, read_image(asked.photo), asked.model, find)
        except (ImageError, ValueError) as error:
            print(f"mien evaluate: error: {error}", file=sys.stderr)
            return EXIT_FAILED
        output.write(report.as_json(), indent=2)
        if asked.json != STANDARD:
            print("\n".join(speed_table(report)))
    return EXIT_DONE


def speed_table(report: "SpeedReport") -> list[str]:
    """What each stage takes, and what the network makes of the machine."""
    width, height = report.photo_size
    speed = report.network_gigaflops / report.network * 1000
    return [
        f"{report.model} on {report.device} ({report.num_threads} threads): "
        f"a photo of {width} x {height} with {report.num_faces} face(s)",
        *(f"  {stage:12}{milliseconds:9.1f} ms" for stage, milliseconds in report.stages.items()),
        f"  {'per photo':12}{report.per_photo:9.1f} ms",
        f"  {'per face':12}{report.per_face:9.1f} ms",
        f"network alone: {report.network:.1f} ms for {report.network_gigaflops:.1f} GFLOP, "
        f"{speed:.0f} GFLOP/s, {report.share_of_peak:.0%} of this machine's convolutions",
    ]
