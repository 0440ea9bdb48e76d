"""Labels for `mien evaluate pose` from the AFLW2000-3D folder as published, a .mat file for each picture.

python tools/label_aflw2000.py AFLW2000 --out LABELS.npz
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.io import loadmat


def read_face(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """68 points (x, y), and yaw, pitch, roll in degrees; the file has pitch, yaw, roll in radians."""
    labels = loadmat(path)
    pitch, yaw, roll = np.rad2deg(labels["Pose_Para"].ravel()[:3])
    return labels["pt3d_68"][:2].T.astype(np.float32), np.array([yaw, pitch, roll], dtype=np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    files = sorted(options.folder.glob("*.mat"))
    if not files:
        raise SystemExit(f"there are no .mat files in {options.folder}")
    points, angles = zip(*map(read_face, files), strict=True)
    names = np.array([file.with_suffix(".jpg").name for file in files])
    np.savez_compressed(options.out, names=names, points=np.stack(points), angles=np.stack(angles))
    print(f"{len(files)} faces: {options.out}")


if __name__ == "__main__":
    main()
