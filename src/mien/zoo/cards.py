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
    sha256="c82a6c139fc796eb2d5e43b2687f105c53b6c9c08e977226915d4139218c7b49",
    num_parameters=7_026_672,
    data="4,220 aligned faces of 256 px: FFHQ, CelebAMask-HQ, web portraits, generated faces",
    recipe="restore",
    date="2026-11-21",
    licence=DATA_LICENCE,
    figures={
        "ffhq256 mixed PSNR gain dB": 1.17,
        "ffhq256 4x PSNR gain dB": 1.12,
        "ffhq256 8x PSNR gain dB": 0.99,
        "ffhq256 mixed SSIM": 0.6973,
        "ffhq256 4x SSIM": 0.6991,
        "ffhq256 8x SSIM": 0.6170,
    },
)
DETECTOR = ModelCard(
    name="detector",
    task="find",
    summary="box and five points of every face, at any angle",
    weights="detector.safetensors",
    sha256="1fca9c05fa7fff2a229da664d830eefb45f4d9a7730b7a7b961a33b16696f093",
    num_parameters=1_298_524,
    data="LFW, AFLW, YouTube Faces, UTKFace, FFHQ, CelebAMask-HQ, WebMorph, web photos, generated faces; "
    "labelled by teachers; wallpapers and clip art without faces",
    recipe="detector",
    date="2026-11-21",
    licence=DATA_LICENCE,
    figures={
        "lfw found %": 100.0,
        "aflw2000 found %": 99.4,
        "aflw2000 over 60 degrees of yaw found %": 96.0,
        "ffhq256 shrunk 8x found %": 100.0,
        "ffhq256 noise .15 found %": 100.0,
        "false faces per face-free picture": 0.101,
        "lfw points over eye distance %": 9.9,
    },
)
MORPHABLE = ModelCard(
    name="morphable",
    task="geometry",
    summary="faces in space: how their shape and colour vary",
    weights="morphable.safetensors",
    sha256="2481c86828a5ad6c1bf429d5a94b881d0764956fef3ca4a94654771c464e04ee",
    num_parameters=2_660_940,
    data="shapes: ICT-FaceKit (USC Institute for Creative Technologies, MIT)",
    recipe="mien build-morphable",
    date="2026-11-21",
    licence="Apache-2.0; shapes derived from ICT-FaceKit, MIT, copyright USC ICT",
    figures={"vertices": 6396.0},
)

ZOO: dict[str, ModelCard] = {card.name: card for card in (RESTORE,)}
"""What `mien.load` and `--model` take."""

PARTS: dict[str, ModelCard] = {card.name: card for card in (DETECTOR, MORPHABLE)}
"""What works behind the scenes."""
