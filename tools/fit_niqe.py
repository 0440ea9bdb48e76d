"""Fit NIQE's model of pristine pictures on the sharper part of some folders of faces.

python tools/fit_niqe.py FOLDER ... --size 256 --block 64 -o src/mien/metrics/niqe_faces256.safetensors
"""

import argparse
from pathlib import Path

import torch

from mien.data.photos import find_photos, square
from mien.image.io import read_image
from mien.metrics.niqe import NaturalFit, write_model
from mien.metrics.sharpness import laplacian_variance


def sharpest(folders: tuple[Path, ...], size: int, share: float) -> list[Path]:
    """Of the pictures that need no enlarging, those with the most variance of the Laplacian."""
    values = {}
    for path in find_photos(folders):
        image = read_image(path)
        if min(image.shape[1:]) >= size:
            values[path] = float(laplacian_variance(square(image, size)[None]))
    ranked = sorted(values, key=lambda path: values[path], reverse=True)
    return ranked[: round(share * len(ranked))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--size", type=int, default=256, help="side of the faces in pixels")
    parser.add_argument("--block", type=int, default=64, help="side of the blocks in pixels")
    parser.add_argument("--share", type=float, default=0.8, help="of the pictures, the sharpest first")
    parser.add_argument("--name", default="mien faces256")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    fit = NaturalFit.nothing(arguments.block)
    photos = sharpest(tuple(arguments.folders), arguments.size, arguments.share)
    with torch.no_grad():
        for path in photos:
            fit += NaturalFit.of(square(read_image(path), arguments.size)[None], arguments.block)
    write_model(arguments.output, fit.model(arguments.name))
    print(f"{len(photos)} pictures, {fit.count} sharp blocks of {arguments.block} pixels")


if __name__ == "__main__":
    main()
