"""Everything that results depend on beside the picture, for the journal."""

from importlib.metadata import version
from pathlib import Path

from mien.archive.journal import digest
from mien.cli.arguments import UsageError
from mien.cli.inputs import collect, one_line, reason
from mien.cli.recover import RecoverArguments
from mien.zoo.cards import PARTS, ZOO, ModelCard
from mien.zoo.files import WeightsError, checksum, find_weights
from mien.zoo.load import BUILT_ON

INDIFFERENT = {
    "inputs",
    "out",
    "report",
    "overwrite",
    "device",
    "batch_size",
    "max_pixels",
    "workers",
    "engine",
}
"""Options that change no result: all others count, also those that are yet to be thought of."""
FILES = {"reference", "mask"}
"""Options that name files, which count by what they hold."""


def settings_of(asked: RecoverArguments) -> dict[str, object]:
    """As JSON."""
    options = {name: plain(value) for name, value in vars(asked).items() if name not in INDIFFERENT | FILES}
    try:
        return {
            "mien": version("mien"),
            "options": options,
            "files": hashes_of_files(asked),
            "weights": hashes_of_weights(asked),
        }
    except OSError as error:
        raise UsageError(f"{one_line(str(error.filename))}: {reason(error)}") from error
    except WeightsError as error:
        raise UsageError(str(error)) from error


def plain(value: object) -> object:
    """A value of an option as JSON has it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return [plain(one) for one in value] if isinstance(value, list | tuple) else str(value)


def hashes_of_files(asked: RecoverArguments) -> list[str]:
    """In the order in which they are looked at."""
    sources = collect(asked.reference).inputs if asked.reference else ()
    paths = [source.path for source in sources] + [asked.mask]
    return [digest(path) for path in paths if path is not None]


def hashes_of_weights(asked: RecoverArguments) -> dict[str, str]:
    """Of the model, and of all parts whether this model needs them or not."""
    kind, is_from_file, file = asked.model.partition(":")
    used = {asked.model, BUILT_ON.get(kind)}
    cards = [*PARTS.values(), *(card for name, card in ZOO.items() if name in used)]
    hashes = {card.name: hash_of_card(card) for card in cards}
    if is_from_file:
        hashes[asked.model] = checksum(Path(file))
    return hashes


def hash_of_card(card: ModelCard) -> str:
    """A packaged file is what its card says: loading it makes sure."""
    path, is_packaged = find_weights(card.weights)
    return card.sha256 if is_packaged else checksum(path)
