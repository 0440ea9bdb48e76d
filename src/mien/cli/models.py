"""`mien models`: what comes with mien."""

import argparse
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from mien.cli.arguments import make_parser
from mien.cli.inputs import Found, one_line
from mien.cli.outputs import TextOutput
from mien.zoo.cards import PARTS, ZOO, ModelCard


class ModelsArguments(argparse.Namespace):
    """What `mien models` was asked for."""

    json: str | None


def run(words: list[str]) -> int:
    """List the models, for people or for programs."""
    parser = make_parser("models", "List the models, and the networks that work behind the scenes.")
    parser.add_argument("--json", metavar="FILE", help="write the cards there; - is standard output")
    asked = parser.parse_args(words, ModelsArguments())
    with TextOutput(asked.json, Found((), ())) as output:
        if output.is_wanted:
            output.write({"models": describe(ZOO), "parts": describe(PARTS)}, indent=2)
            return 0
    for title, cards in (("models (for --model)", ZOO), ("parts", PARTS)):
        print(f"{title}:")
        for card in cards.values():
            print(f"  {card.name:12}{card.summary}")
            for name, value in facts(card):
                print(f"  {'':12}{name:11} {value}")
    return 0


def describe(cards: Mapping[str, ModelCard]) -> dict[str, dict[str, object]]:
    """The cards, and where their weights are."""
    return {card.name: {**asdict(card), **asdict(find_file(card))} for card in cards.values()}


def facts(card: ModelCard) -> list[tuple[str, str]]:
    """What there is to say of a model, in lines."""
    file = find_file(card)
    lines = [
        ("size", f"{file.bytes / 1e6:.1f} MB, {card.num_parameters:,} parameters"),
        ("figures", ", ".join(f"{name} {value:g}" for name, value in card.figures.items())),
        ("data", card.data),
        ("date", card.date),
        ("licence", card.licence),
        ("weights", file.problem or one_line(file.path)),
    ]
    return [(name, value) for name, value in lines if value]


@dataclass(frozen=True)
class WeightFile:
    """What would be loaded."""

    path: str
    bytes: int
    is_packaged: bool
    problem: str = ""


def find_file(card: ModelCard) -> WeightFile:
    """The weights of a model; if they are missing, what is wrong."""
    from mien.zoo.files import WeightsError, find_weights

    try:
        path, is_packaged = find_weights(card.weights)
    except WeightsError as error:
        return WeightFile("", 0, False, str(error))
    return WeightFile(str(path), path.stat().st_size, is_packaged)
