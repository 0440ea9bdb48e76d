"""From a name to a model that works."""

from collections.abc import Callable
from functools import cache

import torch

from mien.geometry.morphable import LinearMorphable
from mien.geometry.morphable_files import morphable_from_tensors
from mien.models.detector.find import Detector
from mien.models.detector.network import SMALL as DETECTOR_SMALL
from mien.models.detector.network import DetectorNetwork
from mien.models.restore.network import SMALL as RESTORE_SMALL
from mien.models.restore.network import RestoreNetwork
from mien.models.restore.recover import Restorer, RestoreSettings
from mien.types import Recoverer
from mien.zoo.cards import DETECTOR, MORPHABLE, RESTORE, ZOO
from mien.zoo.weights import find_weights, load_packaged, load_tensors


def pick_device(name: str) -> torch.device:
    """`auto` takes an accelerator where there is one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device {name!r} cannot be used here: {str(error).splitlines()[0]}") from error
    return device


def load_restore(device: torch.device) -> Restorer:
    network = RestoreNetwork(RESTORE_SMALL)
    load_packaged(network, RESTORE.weights, RESTORE.sha256)
    return Restorer(network, device, RestoreSettings())


LOADERS: dict[str, Callable[[torch.device], Recoverer]] = {"restore": load_restore}


def load(name: str, device: str = "auto") -> Recoverer:
    """A model by its name in ZOO, ready to use."""
    if name not in ZOO:
        raise ValueError(f"there is no model {name!r}; there is {', '.join(ZOO)}")
    return LOADERS[name](pick_device(device))


@cache
def load_detector(device: str = "auto") -> Detector:
    """The face detector; one per process and device, since it never changes."""
    network = DetectorNetwork(DETECTOR_SMALL)
    load_packaged(network, DETECTOR.weights, DETECTOR.sha256)
    return Detector(network, pick_device(device))


@cache
def load_morphable(device: str = "auto") -> LinearMorphable:
    """The 3D model of faces with all its components; `cut` leaves the first ones."""
    path, is_packaged = find_weights(MORPHABLE.weights)
    tensors = load_tensors(path, MORPHABLE.sha256 if is_packaged else None)
    return morphable_from_tensors(tensors, str(path)).to(pick_device(device))
