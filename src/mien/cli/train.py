"""`mien train`: carries out a recipe."""

import argparse
import logging
import shlex
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mien.cli.arguments import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    MODEL_FILES,
    RECIPES,
    UsageError,
    make_parser,
    whole_number,
)
from mien.cli.inputs import one_line

if TYPE_CHECKING:
    from mien.recipes.catalog import Recipe

NOTES = """
The folder gets the settings (config.json), the log (log.jsonl, log.png), checkpoints, pictures, and what has
been learned so far (NAME.safetensors), which --model of the other commands takes.
Ctrl-C or SIGTERM saves and ends; the same command goes on from there, exactly as if it had not ended.
To train on several GPUs, or with settings of your own, call the recipe from Python (TRAINING.md).
"""


class TrainArguments(argparse.Namespace):
    """What `mien train` was asked for."""

    recipe: str
    photos: list[Path]
    labels: list[Path]
    maps: list[Path]
    backgrounds: list[Path]
    masks: Path | None
    glasses: Path | None
    embedder: Path | None
    vgg11: Path | None
    teacher: Path | None
    parser: Path | None
    pretrained: Path | None
    features: Path | None
    folder: Path
    steps: int | None
    device: Literal["auto", "cpu", "cuda"] | None


def make_train_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = make_parser("train", "Train a model by a recipe.", NOTES)
    parser.add_argument("recipe", choices=RECIPES, metavar="RECIPE", help=", ".join(RECIPES))
    for name, kind, meaning in (
        ("photos", "DIR", "folders of pictures to learn from"),
        ("labels", "FILE", "where the faces are in them, from tools/label_faces.py"),
        ("maps", "DIR", "folders of maps of classes, named as their photos"),
        ("backgrounds", "DIR", "folders of pictures without faces"),
    ):
        parser.add_argument(f"--{name}", nargs="+", type=Path, default=[], metavar=kind, help=meaning)
    for name, kind, meaning in (
        ("masks", "DIR", "face masks cut out (PNG) for faces to wear"),
        ("glasses", "DIR", "glasses cut out (PNG) for faces to wear"),
        ("embedder", "FILE", "a face recogniser (.pt2 of torch.export) for an identity loss"),
        ("vgg11", "FILE", "a VGG-11 for the critics of frontal-paper to start from"),
        ("teacher", "FILE", "weights of the network to learn from, where a recipe has one"),
        ("parser", "FILE", "weights of a face parser, which helps to find what covers faces"),
        (
            "pretrained",
            "PATH",
            "start: run of prior-pretraining, converted weights, or a file for restore-wide",
        ),
        ("features", "FILE", "a network (.pt2 of torch.export) whose layers a perceptual loss compares"),
    ):
        parser.add_argument(f"--{name}", type=Path, metavar=kind, help=meaning)
    parser.add_argument(
        "--folder",
        type=Path,
        required=True,
        metavar="RUN",
        help="where the run is kept, or goes on",
    )
    parser.add_argument("--steps", type=whole_number(1), metavar="N", help="else as many as the recipe says")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), help="else as the recipe says")
    return parser


def run(words: list[str]) -> int:
    """Train until the recipe's end or a signal."""
    asked = make_train_parser().parse_args(words, TrainArguments())
    files = (asked.masks, asked.glasses, asked.embedder, asked.vgg11, asked.teacher, asked.parser)
    single = [path for path in (*files, asked.pretrained, asked.features) if path]
    named = (*asked.photos, *asked.labels, *asked.maps, *asked.backgrounds, *single)
    missing = [one_line(str(path)) for path in named if not path.exists()]
    if missing:
        raise UsageError(f"no such file or folder: {', '.join(missing)}")
    if find_spec("lightning_fabric") is None:
        raise UsageError("training needs further packages: pip install 'mien[train]'")
    return carry_out(asked)


def carry_out(asked: TrainArguments) -> int:
    """Build the run and train it; the exit status."""
    from mien.recipes.sources import MissingSourceError, Sources
    from mien.recipes.vgg import VggError
    from mien.train.log import NotFiniteError
    from mien.train.loop import train
    from mien.zoo.files import WeightsError

    recipe = adapted_recipe(asked)
    sources = Sources(
        photos=tuple(asked.photos),
        labels=tuple(asked.labels),
        maps=tuple(asked.maps),
        backgrounds=tuple(asked.backgrounds),
        masks=asked.masks,
        glasses=asked.glasses,
        embedder=asked.embedder,
        vgg11=asked.vgg11,
        teacher=asked.teacher,
        parser=asked.parser,
        pretrained=asked.pretrained,
        features=asked.features,
    )
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        # a run of one kind of batch or another, which the checker takes for one of no kind
        outcome = train(recipe.build(sources, asked.folder))  # pyright: ignore[reportArgumentType]
    except MissingSourceError as error:
        raise UsageError(str(error)) from error
    except (FileNotFoundError, NotFiniteError, VggError, WeightsError) as error:
        print(f"mien train: error: {error}", file=sys.stderr)
        return EXIT_FAILED
    for line in usage_of(outcome.weights):
        print(line)
    if outcome.finished:
        return EXIT_DONE
    print(f"stopped at step {outcome.step} and saved; the same command goes on", file=sys.stderr)
    return EXIT_INTERRUPTED


def usage_of(weights: dict[str, Path]) -> list[str]:
    """Where the weights are that can be used at once, and how; of others where they are."""
    usable = {kind: path for kind, path in weights.items() if kind in MODEL_FILES}
    if not usable:
        return [f"weights: {', '.join(one_line(str(path)) for path in weights.values())}"] if weights else []
    return [
        line
        for kind, path in usable.items()
        for line in (
            f"weights: {one_line(str(path))}",
            f"mien recover photo.jpg -o new.jpg --model {shlex.quote(f'{kind}:{path}')}",
        )
    ]


def adapted_recipe(asked: TrainArguments) -> "Recipe":
    """The recipe, with what was asked for in place of what it says."""
    from mien.recipes.catalog import RECIPES as CATALOG

    recipe = CATALOG[asked.recipe]()
    training = replace(
        recipe.training,
        num_steps=asked.steps or recipe.training.num_steps,
        device=asked.device or recipe.training.device,
    )
    return replace(recipe, training=training)
