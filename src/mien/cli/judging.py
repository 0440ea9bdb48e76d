"""Who is judged by `mien evaluate`, and by what."""

from collections.abc import Mapping
from pathlib import Path

from torch import nn

from mien.cli.arguments import MODELS, UsageError
from mien.cli.tools import load_judge, load_model
from mien.evaluate.judges import Judges
from mien.metrics.backbones import load_lpips
from mien.metrics.niqe import faces_model, read_published_model
from mien.models.restore.recover import Restorer
from mien.types import Recoverer
from mien.zoo.cards import IDENTITY, PARTS, ZOO, ModelCard
from mien.zoo.weights import checksum, find_weights


def load_models(names: list[str] | None, device: str) -> dict[str, Recoverer]:
    """Models by their names, each once; without names the first there is."""
    return {name: load_model(name, device) for name in names or MODELS[:1]}


def load_judges(device: str, lpips: list[Path] | None = None, niqe: Path | None = None) -> Judges:
    """All that looks at pictures; what a user's files hold takes the place of ours."""
    try:
        return Judges(
            identify=load_judge(device),
            identify_name=f"mien identity {mark_of(IDENTITY)[:8]}",
            perception=load_lpips(*lpips) if lpips else None,
            natural=read_published_model(niqe) if niqe else faces_model(),
        )
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from error


def checksums_of(models: Mapping[str, Recoverer], judges: Judges, parts: tuple[str, ...]) -> dict[str, str]:
    """What a report's numbers depend on: weights of models and judges, and the files a user gave."""
    try:
        marks = {name: mark_of(ZOO[name]) for name in models}
        marks |= {name: mark_of(PARTS[name]) for name in parts}
    except ValueError as error:
        raise UsageError(str(error)) from error
    return marks | {f"judge of {measure}": name for measure, name in judges.backends.items()}


def mark_of(card: ModelCard) -> str:
    """SHA-256 of the weights that are used."""
    return checksum(find_weights(card.weights)[0])


def networks_of(models: Mapping[str, Recoverer]) -> dict[str, nn.Module]:
    """Of those that have one network, which can be timed alone."""
    return {name: model.network for name, model in models.items() if isinstance(model, Restorer)}
