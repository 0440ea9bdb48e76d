"""What the four papers printed, on their own data: to stand beside ours, never to be ranked with it."""

from collections.abc import Mapping
from dataclasses import dataclass

Values = Mapping[str, float]
"""Column to number, as printed."""


@dataclass(frozen=True)
class PublishedTable:
    """A part of a paper's table."""

    paper: str
    place: str
    data: str
    """Their pictures, and what was done to them."""
    differs: str
    """Why ours is no repetition of it."""
    rows: Mapping[str, Values]


GFRNET = "GFRNet (ECCV 2018)"
MMRB_GAN = "MMRB-GAN (2022)"
MDFR = "MDFR (TCSVT 2021)"
CFR_GAN = "CFR-GAN (WACV 2022)"

PUBLISHED: dict[str, tuple[PublishedTable, ...]] = {
    "blind": (
        PublishedTable(
            paper=GFRNET,
            place="Table 1",
            data="faces of VGGFace2 (1,005) and CASIA-WebFace (1,455), damaged by its eq. 4",
            differs="a second, sharp photo of the person guides its full model; RGB or Y is not said",
            rows={
                "full, VGGFace2 4x": {"PSNR": 28.55, "SSIM": 0.947},
                "full, VGGFace2 8x": {"PSNR": 24.10, "SSIM": 0.898},
                "full, WebFace 4x": {"PSNR": 32.31, "SSIM": 0.973},
                "full, WebFace 8x": {"PSNR": 27.21, "SSIM": 0.935},
                "without guide, VGGFace2 4x": {"PSNR": 25.97, "SSIM": 0.915},
                "without guide, VGGFace2 8x": {"PSNR": 22.91, "SSIM": 0.838},
            },
        ),
        PublishedTable(
            paper=MMRB_GAN,
            place="Table 1",
            data="2,556 faces of CelebA-HQ in complex poses at 512 px, damaged by its eq. 17",
            differs="another damage, other networks behind LPIPS and FID, IFQA's own weights",
            rows={
                "MMRB-GAN": {"PSNR": 26.034, "SSIM": 0.702, "LPIPS": 0.162, "FID": 16.08, "NIQE": 4.285},
                "GPEN": {"PSNR": 25.190, "SSIM": 0.680, "LPIPS": 0.169, "FID": 21.852, "NIQE": 4.712},
                "GFPGAN": {"PSNR": 24.895, "SSIM": 0.688, "LPIPS": 0.172, "FID": 21.160, "NIQE": 4.746},
                "GCFSR": {"PSNR": 25.925, "SSIM": 0.700, "LPIPS": 0.163, "FID": 16.859, "NIQE": 4.963},
                "truth": {"FID": 2.478, "NIQE": 4.188},
            },
        ),
    ),
    "superres": (
        PublishedTable(
            paper=MMRB_GAN,
            place="Table 2",
            data="the first 1,500 of its CelebA-HQ faces at 512 px, bicubic 4x",
            differs="512 px; other networks behind LPIPS and FID; the published model of NIQE",
            rows={
                "bicubic": {"PSNR": 23.757, "SSIM": 0.641, "LPIPS": 0.297, "FID": 148.468, "NIQE": 10.460},
                "MMRB-GAN": {"PSNR": 24.797, "SSIM": 0.674, "LPIPS": 0.189, "FID": 27.403, "NIQE": 4.449},
                "DMDNet": {"PSNR": 24.319, "SSIM": 0.660, "LPIPS": 0.202, "FID": 41.952, "NIQE": 5.869},
                "GPEN": {"PSNR": 24.248, "SSIM": 0.658, "LPIPS": 0.217, "FID": 50.348, "NIQE": 5.886},
                "GFPGAN": {"PSNR": 23.780, "SSIM": 0.656, "LPIPS": 0.190, "FID": 32.894, "NIQE": 4.955},
                "truth": {"FID": 2.413, "NIQE": 4.036},
            },
        ),
    ),
    "single": (
        PublishedTable(
            paper=MDFR,
            place="Table III",
            data="Multi-PIE and CelebA, low resolution only",
            differs="RGB or Y is not said; retrained for this table",
            rows={
                "MDFR, Multi-PIE": {"PSNR": 27.256, "SSIM": 0.898},
                "MDFR, CelebA": {"PSNR": 27.847, "SSIM": 0.907},
            },
        ),
    ),
    "wild": (
        PublishedTable(
            paper=MMRB_GAN,
            place="Tables 3 and 4",
            data="FDDB (1,629), LFW (1,610), WebFace (804), WFLW (775)",
            differs="the published models of NIQE and IFQA, where ours are our own",
            rows={
                "input, FDDB": {"NIQE": 4.262, "IFQA": 0.265},
                "MMRB-GAN, FDDB": {"NIQE": 3.578, "IFQA": 0.436},
                "input, LFW": {"NIQE": 5.454, "IFQA": 0.298},
                "MMRB-GAN, LFW": {"NIQE": 4.548, "IFQA": 0.446},
                "input, WebFace": {"NIQE": 6.197, "IFQA": 0.251},
                "MMRB-GAN, WebFace": {"NIQE": 4.605, "IFQA": 0.427},
                "input, WFLW": {"NIQE": 10.449, "IFQA": 0.230},
                "MMRB-GAN, WFLW": {"NIQE": 4.257, "IFQA": 0.449},
            },
        ),
    ),
    "recognition": (
        PublishedTable(
            paper=MDFR,
            place="Table IV",
            data="LFW degraded by its own chain; 13,729 pairs of IJB-C of low quality, FAR .1",
            differs="its damage and its choice of pairs are not fully told; another embedder",
            rows={
                "as it is": {"LFW-Lq, %": 71.62, "IJBC-Lq, TAR %": 64.25},
                "FRN-S": {"LFW-Lq, %": 93.51, "IJBC-Lq, TAR %": 70.42},
                "FRN-FFN": {"LFW-Lq, %": 93.91, "IJBC-Lq, TAR %": 72.13},
                "FRN-TI": {"LFW-Lq, %": 95.23, "IJBC-Lq, TAR %": 74.18},
            },
        ),
        PublishedTable(
            paper=MDFR,
            place="Table V",
            data="LFW, AgeDB-30 and CFP-FP as they are, recovered before ArcFace sees them, accuracy %",
            differs="another embedder; compare the change, undamaged pictures recovered or not",
            rows={
                "ArcFace": {"LFW": 99.53, "AgeDB-30": 95.15, "CFP-FP": 95.56},
                "ArcFace, MDFR before it": {"LFW": 99.56, "AgeDB-30": 95.20, "CFP-FP": 95.62},
            },
        ),
        PublishedTable(
            paper=CFR_GAN,
            place="Table 1",
            data="6,000 pairs of LFW, an ArcFace ResNet-18",
            differs="its recogniser was trained on recovered faces",
            rows={
                "ResNet-18": {"accuracy, %": 98.85, "AUC, %": 99.90},
                "with CFR-GAN": {"accuracy, %": 99.23, "AUC, %": 99.92},
            },
        ),
    ),
    "pose": (
        PublishedTable(
            paper=CFR_GAN,
            place="Table 4, NME %",
            data="AFLW2000-3D, 68 points projected from space, and a copy with made hands before the faces",
            differs="all of the set, original labels",
            rows={
                "baseline": {"0-30": 2.808, "30-60": 3.332, "60-90": 4.318, "mean": 3.486},
                "CFR-GAN": {"0-30": 2.662, "30-60": 3.404, "60-90": 4.090, "mean": 3.385},
                "baseline, occluded": {"0-30": 3.949, "30-60": 5.530, "60-90": 7.335, "mean": 5.605},
                "CFR-GAN, occluded": {"0-30": 2.773, "30-60": 3.579, "60-90": 4.362, "mean": 3.571},
            },
        ),
    ),
    "guided": (
        PublishedTable(
            paper=GFRNET,
            place="Table 1",
            data="VGGFace2 (1,005) and CASIA-WebFace (1,455), damaged by its eq. 4",
            differs="other people and guides; RGB or Y is not said",
            rows={
                "full, VGGFace2 4x": {"PSNR": 28.55, "SSIM": 0.947},
                "full, VGGFace2 8x": {"PSNR": 24.10, "SSIM": 0.898},
                "another person as guide, 4x": {"PSNR": 27.90, "SSIM": 0.943},
                "without warping, 4x": {"PSNR": 26.03, "SSIM": 0.923},
                "without guide, 4x": {"PSNR": 25.97, "SSIM": 0.915},
            },
        ),
    ),
    "turned": (
        PublishedTable(
            paper=MDFR,
            place="Table I, rank-1 %",
            data="Multi-PIE, Setting-1: 100 people, 11 poses",
            differs="Multi-PIE is licensed and not here",
            rows={
                "as it is": {
                    "±15": 99.40,
                    "±30": 99.23,
                    "±45": 98.30,
                    "±60": 92.21,
                    "±75": 63.82,
                    "±90": 18.80,
                },
                "FRN-TI": {
                    "±15": 99.90,
                    "±30": 99.36,
                    "±45": 98.78,
                    "±60": 94.20,
                    "±75": 88.52,
                    "±90": 79.83,
                },
            },
        ),
    ),
}
"""By protocol."""
