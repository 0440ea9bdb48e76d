"""Models for the commands: what cannot be loaded is an error of one line."""

from torch import nn

from mien.cli.arguments import UsageError
from mien.models.restore.recover import Restorer
from mien.types import FindFaces, Recoverer
from mien.zoo import load as zoo


def load_model(name: str, device: str) -> Recoverer:
    """A model of the zoo."""
    try:
        return zoo.load(name, device)
    except ValueError as error:  # weights that are missing or damaged, a device that is not there
        raise UsageError(str(error)) from error


def load_finder(device: str) -> FindFaces:
    """The face detector."""
    try:
        return zoo.load_detector(device)
    except ValueError as error:
        raise UsageError(str(error)) from error


def network_of(model: Recoverer) -> nn.Module:
    """The network inside a model."""
    if not isinstance(model, Restorer):
        raise UsageError("this model has not one network to be timed")
    return model.network
