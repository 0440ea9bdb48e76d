"""Models for the commands: what cannot be loaded is an error of one line."""

from pathlib import Path

from torch import nn

from mien.cli.arguments import UsageError
from mien.evaluate.pose import BoxReader
from mien.faces.identify import Identify
from mien.models.frontal.recover import Frontalizer
from mien.models.reader.network import SMALL as READER_SMALL
from mien.models.reader.network import ReaderNetwork
from mien.models.reader.read import Reader
from mien.models.restore.recover import Restorer
from mien.runtime.choose import Runtime
from mien.types import FindFaces, ReadFace, Recoverer
from mien.zoo import load as zoo
from mien.zoo.weights import fill, load_tensors


def load_model(name: str, device: str, runtime: Runtime = "torch") -> Recoverer:
    """A model of the zoo."""
    try:
        return zoo.load(name, device, runtime)
    except (ValueError, OSError) as error:  # weights missing or damaged, a device that is not there
        raise UsageError(str(error)) from error


def load_finder(device: str) -> FindFaces:
    """The face detector."""
    try:
        return zoo.load_detector(device)
    except ValueError as error:
        raise UsageError(str(error)) from error


def load_judge(device: str) -> Identify:
    """The network that tells who is who."""
    try:
        return zoo.load_identifier(device)
    except ValueError as error:
        raise UsageError(str(error)) from error


def check_parser() -> None:
    """The parser of faces is loaded where it is first used; what is wrong with it is better said before."""
    try:
        zoo.load_parser("cpu")
    except ValueError as error:
        raise UsageError(str(error)) from error


def load_reader(device: str) -> ReadFace:
    """The network that reads shape and pose."""
    try:
        return zoo.load_reader(device)
    except ValueError as error:
        raise UsageError(str(error)) from error


def load_box_reader(device: str) -> BoxReader:
    """The same where only the face's box is known."""
    try:
        return zoo.load_reader(device)
    except ValueError as error:
        raise UsageError(str(error)) from error


def load_reader_from(weights: Path, device: str) -> BoxReader:
    """A reader whose weights are not in the package."""
    network = ReaderNetwork(READER_SMALL)
    try:
        fill(network, load_tensors(weights), weights)
        return Reader(network, zoo.pick_device(device))
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from error


def network_of(model: Recoverer) -> nn.Module:
    """The network inside a model."""
    if not isinstance(model, Restorer | Frontalizer):
        raise UsageError("this model has not one network to be timed")
    return model.network
