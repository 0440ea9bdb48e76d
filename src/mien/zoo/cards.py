"""Every model that comes with mien: what it is, what it learned from, how good it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ModelCard:
    """What a user should know before trusting a model."""

    name: str
    task: str
    summary: str
    weights: str
    """File name in the package or in the user's own folder."""
    sha256: str
    num_parameters: int
    data: str
    recipe: str
    date: str
    licence: str
    figures: Mapping[str, float] = field(default_factory=dict)
    """Measured on pictures that nothing was trained on."""


DATA_LICENCE = "weights Apache-2.0; trained on photographs under research or unclear terms, see `data`"

RESTORE = ModelCard(
    name="restore",
    task="restore",
    summary="a clean face from a blurred, noisy, dark or small one",
    weights="restore.safetensors",
    sha256="3386cd55e60104943b48efb7dc7bc7f4586621fdaee0e60feb9a5bb0f5de1325",
    num_parameters=7_026_672,
    data="4,220 aligned faces of 256 px: FFHQ, CelebAMask-HQ, web portraits, generated faces",
    recipe="restore",
    date="2026-11-21",
    licence=DATA_LICENCE,
    figures={},
)
DETECTOR = ModelCard(
    name="detector",
    task="find",
    summary="box and five points of every face, at any angle",
    weights="detector.safetensors",
    sha256="b6a5969f9adb63ae32859d8c57309e5d8ffd4b66a472aa25b39ce5bc315a05e9",
    num_parameters=1_298_524,
    data="",
    recipe="detector",
    date="2026-11-21",
    licence=DATA_LICENCE,
    figures={},
)

ZOO: dict[str, ModelCard] = {card.name: card for card in (RESTORE,)}
"""What `mien.load` and `--model` take."""

PARTS: dict[str, ModelCard] = {card.name: card for card in (DETECTOR,)}
"""Networks that work behind the scenes."""
