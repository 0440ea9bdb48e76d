"""Every model that comes with mien: what it is, what it learned from, how good it is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace


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


@dataclass(frozen=True)
class Likeness:
    """The chance that two faces are one person, as a logistic function of their cosine.

    For pairs of which half are of one person: where fewer are, a stricter eye is needed.
    """

    slope: float
    even: float
    """The cosine at which both are as likely."""

    def __call__(self, cosine: float) -> float:
        return 1 / (1 + math.exp(-self.slope * (cosine - self.even)))


DATA_LICENCE = "weights Apache-2.0; trained on photographs under research or unclear terms, see `data`"

RESTORE = ModelCard(
    name="restore",
    task="restore",
    summary="a clean face from a blurred, noisy, grainy or small one",
    weights="restore.safetensors",
    sha256="ebc1d4300245248c0119386387754d2ed3911041fc30a8202ef100ff2651043e",
    num_parameters=7_026_672,
    data="4,220 aligned faces of 256 px: FFHQ, CelebAMask-HQ, web portraits, generated faces",
    recipe="restore, then restore-wide",
    date="2026-11-22",
    licence=DATA_LICENCE,
    figures={
        "ffhq256 mixed PSNR gain dB": 1.25,
        "ffhq256 4x PSNR gain dB": 1.21,
        "ffhq256 8x PSNR gain dB": 1.06,
        "ffhq256 grain PSNR gain dB": 3.01,
        "ffhq256 mixed SSIM": 0.701,
        "ffhq256 4x SSIM": 0.702,
        "ffhq256 8x SSIM": 0.621,
    },
)
GUIDED = ModelCard(
    name="guided",
    task="guided",
    summary="a clean face with the help of good photos of the same person",
    weights="guided.safetensors",
    sha256="a03ff328d9eb62d5f6963c20299071b3bfdf495b3dec07b4ed22e39f991416ab",
    num_parameters=10_657_418,
    data="LFW, celebrities' portraits, WebMorph; FFHQ, web portraits, generated faces, each turned a little",
    recipe="guided",
    date="2026-11-21",
    licence=DATA_LICENCE,
    figures={
        "webmorph 8x PSNR over restore dB": 0.41,
        "webmorph 8x identity cosine (restore 0.487)": 0.602,
        "portraits from the web 8x PSNR over restore dB": -0.07,
        "portraits from the web 8x identity cosine (restore 0.525)": 0.568,
        "guide's landmarks px off (as it is 6.48)": 4.35,
    },
)
ROTATE = ModelCard(
    name="rotate",
    task="rotate",
    summary="takes off what is in front of a face, and turns the head",
    weights="rotate.safetensors",
    sha256="929e195a3772b617fc623365e80f7c524ac7953c6b6547d26474eda49118054b",
    num_parameters=5_266_032,
    data="3,000 aligned faces: CelebAMask-HQ, FFHQ, web portraits, generated; covered, swapped and turned",
    recipe="rotate-by-parser",
    date="2026-11-22",
    licence=DATA_LICENCE,
    figures={
        "ffhq256 behind masks: mask IoU": 0.88,
        "the same: PSNR inside the mask dB (covered 8.5)": 16.2,
        "the same: identity cosine (covered 0.499)": 0.577,
        "ffhq256 behind blocks: mask IoU": 0.77,
        "ffhq256 behind glasses: mask IoU": 0.59,
        "ffhq256 behind hands: mask IoU": 0.29,
    },
)
COMPLETE = replace(
    ROTATE,
    name="complete",
    task="complete",
    summary="a clean face first, then what is in front of it taken off",
    num_parameters=RESTORE.num_parameters + ROTATE.num_parameters,
    recipe="restore's weights, then rotate's",
    figures={
        "ffhq256 behind masks: mask IoU": 0.87,
        "the same: PSNR inside the mask dB (covered 8.5)": 15.9,
        "the same: identity cosine (covered 0.499)": 0.572,
        "ffhq256 behind blocks: mask IoU": 0.77,
        "ffhq256 behind glasses: mask IoU": 0.58,
        "ffhq256 behind hands: mask IoU": 0.28,
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
        "lfw points over eye distance, without the second look %": 9.9,
        "false faces per face-free picture, without the second look": 0.101,
    },
)
MORPHABLE = ModelCard(
    name="morphable",
    task="geometry",
    summary="faces in space: how their shape and colour vary",
    weights="morphable.safetensors",
    sha256="f2c98e6ef9afa0622548d050873bf2c2376d3070381317ce9e6d8c27981bf804",
    num_parameters=4_181_548,
    data="shapes: ICT-FaceKit (USC Institute for Creative Technologies, MIT); landmarks of 740 faces, "
    "colours of 565: LFW, AFLW, FFHQ, CelebAMask-HQ, WebMorph, web portraits",
    recipe="mien build-morphable",
    date="2026-11-21",
    licence="Apache-2.0; shapes derived from ICT-FaceKit, MIT, copyright USC ICT",
    figures={
        "vertices": 6374.0,
        "components of identity": 80.0,
        "components of expression": 56.0,
        "components of albedo": 80.0,
        "identity variance kept %": 99.7,
        "aflw2000 fit of 40 + 10 to true points NME %": 1.05,
        "the same, landmarks at their vertices NME %": 2.52,
    },
)
IDENTITY = ModelCard(
    name="identity",
    task="identify",
    summary="who a face is, as a direction; damage hardly turns it",
    weights="identity.safetensors",
    sha256="a4653b764aad5cadba11efba937b5231989b7469334a457aa07d37518e5f50bd",
    num_parameters=2_928_896,
    data="LFW, YouTube Faces, celebrities' portraits, WebMorph, FFHQ, web portraits, UTKFace, AFLW, "
    "generated faces, and mixtures of them; taught by a MobileFaceNet",
    recipe="identity",
    date="2026-11-22",
    licence=DATA_LICENCE,
    figures={"lfw accuracy %": 98.58, "the same, both damaged 6x %": 92.3},
)
LIKENESS = Likeness(slope=18.19, even=0.2103)
"""Of IDENTITY, fitted by `tools/calibrate_identity.py` to clean photos of people held out of its training."""

LOOK = ModelCard(
    name="look",
    task="find",
    summary="a second look at each face found: is it one, and where are its five points",
    weights="look.safetensors",
    sha256="9b3033346d0ba0c8a2290f564b09728b5f6af9acf2d9a469601a00d0ba219f64",
    num_parameters=1_082_983,
    data="what the detector finds in the pictures it was trained on; game textures without faces; "
    "photos turned into profiles",
    recipe="look",
    date="2026-11-22",
    licence=DATA_LICENCE,
    figures={
        "lfw found %": 100.0,
        "aflw2000 found %": 99.8,
        "aflw2000 over 60 degrees of yaw found %": 98.7,
        "real damaged photos found %": 96.6,
        "ffhq256 shrunk 8x found %": 100.0,
        "ffhq256 noise .15 found %": 100.0,
        "false faces per face-free picture": 0.077,
        "lfw points over eye distance %": 7.1,
    },
)

READER = ModelCard(
    name="reader",
    task="read",
    summary="landmarks, pose, shape, colour and light of a face, also behind hands and masks",
    weights="reader.safetensors",
    sha256="197c59e78a6344990c64cc4ab195200269df521cd25032a4e77b8037540ef924",
    num_parameters=3_063_390,
    data="LFW, AFLW, YouTube Faces, UTKFace, FFHQ, CelebAMask-HQ, WebMorph, web photos, generated faces, and "
    "profiles made of them; labelled by 3DDFA_V2",
    recipe="reader, then reader-covered",
    date="2026-11-22",
    licence=DATA_LICENCE,
    figures={
        "aflw2000 NME mean of three bins %": 4.02,
        "aflw2000 NME at 60 to 90 degrees %": 5.17,
        "aflw2000 behind hands NME %": 4.32,
        "aflw2000 damaged 6x NME %": 5.13,
        "aflw2000 yaw degrees": 4.5,
        "aflw2000 pitch degrees": 6.3,
        "aflw2000 roll degrees": 4.7,
    },
)

PARSER = ModelCard(
    name="parser",
    task="parse",
    summary="what each pixel of a face shows: skin, hair, glasses, or something in front",
    weights="parser.safetensors",
    sha256="5d87c213246385aed20468364f6ca01e1cef0a0192bb0af01f487aa47ee5b71b",
    num_parameters=1_844_715,
    data="889 faces of CelebAMask-HQ, moved, damaged, behind masks, hands and shapes",
    recipe="parser",
    date="2026-11-22",
    licence=DATA_LICENCE,
    figures={
        "celebamask256 mean IoU": 0.654,
        "the same, damaged by gfrnet": 0.522,
        "skin IoU": 0.88,
        "hair IoU": 0.84,
        "glasses IoU": 0.66,
        "eyes IoU": 0.64,
    },
)

ZOO: dict[str, ModelCard] = {card.name: card for card in (RESTORE, GUIDED, ROTATE, COMPLETE)}
"""What `mien.load` and `--model` take."""

PARTS: dict[str, ModelCard] = {
    card.name: card for card in (DETECTOR, IDENTITY, LOOK, MORPHABLE, PARSER, READER)
}
"""What works behind the scenes."""
