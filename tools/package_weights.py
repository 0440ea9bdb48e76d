"""Put a training's averaged weights into the package and print what their card must say.

python tools/package_weights.py runs/restore restore
python tools/package_weights.py runs/prior prior --part network
"""

import argparse
from pathlib import Path

import torch

from mien.train.checkpoint import export_player
from mien.zoo.files import PACKAGED, checksum


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="the folder of the training")
    parser.add_argument("name", help="of the player and of the card")
    parser.add_argument("--part", default="", help="module inside the player's network, if not all of it")
    arguments = parser.parse_args()
    path = PACKAGED / f"{arguments.name}.safetensors"
    step = export_player(arguments.run, arguments.name, path, torch.float16, arguments.part)
    print(f"{path.name} of step {step}, {path.stat().st_size / 2**20:.1f} MB")
    print(f'sha256="{checksum(path)}",')


if __name__ == "__main__":
    main()
