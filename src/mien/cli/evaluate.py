"""`mien evaluate PROTOCOL`: numbers that say how good or how fast a model is."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mien.cli.arguments import EXIT_DONE, EXIT_FAILED, MODELS, PROFILES, add_device, make_parser, whole_number
from mien.cli.inputs import STANDARD, Found, Input, collect
from mien.cli.outputs import TextOutput
from mien.cli.progress import Show

if TYPE_CHECKING:
    from mien.evaluate.blind import BlindReport
    from mien.evaluate.speed import SpeedReport

NOTES = """
blind    damages pictures, recovers them, and compares with what they were: PSNR and SSIM of the
         damaged pictures (input) and of the recovered ones (result), mixed, at 4x and at 8x
speed    recovers a photo again and again: milliseconds for each stage, and the network against
         the convolutions of this machine
"""


class EvaluateArguments(argparse.Namespace):
    """What `mien evaluate` was asked for."""

    protocol: str
    model: str
    json: str | None
    device: str
    photos: list[str]
    profile: str
    seed: int
    photo: Path


def make_evaluate_parser() -> argparse.ArgumentParser:
    """All options of all protocols."""
    parser = make_parser("evaluate", "Judge a model.", NOTES)
    protocols = parser.add_subparsers(dest="protocol", required=True, metavar="PROTOCOL")
    blind = protocols.add_parser("blind", help="against the truth, after damage", allow_abbrev=False)
    blind.add_argument(
        "--photos", nargs="+", required=True, metavar="DIR", help="folders of aligned face pictures"
    )
    blind.add_argument("--profile", choices=PROFILES, default="gfrnet", help="the damage (default gfrnet)")
    blind.add_argument("--seed", type=whole_number(0), default=0, metavar="N", help="default 0")
    speed = protocols.add_parser("speed", help="how long it takes", allow_abbrev=False)
    speed.add_argument("--photo", type=Path, required=True, metavar="FILE", help="a photo with faces")
    for protocol in (blind, speed):
        protocol.add_argument("--model", choices=MODELS, default="restore", help="default restore")
        protocol.add_argument("--json", metavar="FILE", help="write the numbers there; - is standard output")
        add_device(protocol)
    return parser


def run(words: list[str]) -> int:
    """Evaluate, and say what came out."""
    asked = make_evaluate_parser().parse_args(words, EvaluateArguments())
    return run_blind(asked) if asked.protocol == "blind" else run_speed(asked)


def run_blind(asked: EvaluateArguments) -> int:
    """PSNR and SSIM before and after."""
    found = collect(asked.photos)
    paths = [source.path for source in found.inputs if source.path is not None]
    with TextOutput(asked.json, found) as output:
        if found.problems or not paths:
            show = Show(0)
            for problem in found.problems:
                show.fail(problem)
            return EXIT_FAILED
        from mien.cli.tools import load_model
        from mien.evaluate.blind import CONDITIONS, evaluate_blind
        from mien.image.io import ImageError

        model = load_model(asked.model, asked.device)
        with Show(len(paths) * len(CONDITIONS)) as show:
            try:
                report = evaluate_blind(model, asked.model, paths, asked.profile, asked.seed, show.advance)
            except ImageError as error:
                show.say(f"mien evaluate: error: {error}")
                return EXIT_FAILED
        output.write(report.as_json(), indent=2)
        if asked.json != STANDARD:
            print("\n".join(blind_table(report)))
    return EXIT_DONE


def blind_table(report: "BlindReport") -> list[str]:
    """A row for each condition, with what was gained over the input."""
    lines = [
        f"{report.model}: {report.num_photos} pictures of {report.size} px, damage {report.profile}, "
        f"seed {report.seed}",
        f"{'':8}{'PSNR input':>12}{'result':>9}{'gain':>8}{'SSIM input':>13}{'result':>9}{'gain':>8}",
    ]
    for condition, scores in report.scores.items():
        before, after = scores["input"], scores["result"]
        gain = after.ssim.value - before.ssim.value
        lines.append(
            f"{condition:8}{before.psnr.value:12.2f}{after.psnr.value:9.2f}{report.gain(condition):+8.2f}"
            f"{before.ssim.value:13.4f}{after.ssim.value:9.4f}{gain:+8.4f}"
        )
    return lines


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
