"""From a name to a model that works."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.faces.chain import Chain
from mien.faces.detect import FindTwice
from mien.geometry.morphable import LinearMorphable
from mien.geometry.morphable_files import morphable_from_tensors
from mien.models.detector.find import Detector
from mien.models.detector.network import SMALL as DETECTOR_SMALL
from mien.models.detector.network import DetectorNetwork
from mien.models.frontal.network import SMALL as FRONTAL_SMALL
from mien.models.frontal.recover import Frontalizer
from mien.models.frontal.see import LookAhead
from mien.models.guided.network import SMALL as GUIDED_SMALL
from mien.models.guided.network import GuidedNetwork
from mien.models.guided.recover import Guided
from mien.models.identity.embed import Identifier
from mien.models.identity.network import SMALL as IDENTITY_SMALL
from mien.models.identity.network import IdentityNetwork
from mien.models.look.look import SecondLook
from mien.models.look.network import SMALL as LOOK_SMALL
from mien.models.look.network import LookNetwork
from mien.models.parser.network import SMALL as PARSER_SMALL
from mien.models.parser.network import ParserNetwork
from mien.models.parser.parse import Parser, area_of
from mien.models.reader.network import SMALL as READER_SMALL
from mien.models.reader.network import ReaderNetwork
from mien.models.reader.read import Reader
from mien.models.restore.network import SMALL as RESTORE_SMALL
from mien.models.restore.network import RestoreNetwork
from mien.models.restore.recover import Restorer, RestoreSettings
from mien.models.rotate.network import SMALL as ROTATE_SMALL
from mien.models.rotate.network import RotateNetwork
from mien.models.rotate.recover import USUALLY_KEPT, RotateSettings, Rotator
from mien.runtime.choose import Runtime
from mien.types import FindFaces, Images, Recoverer
from mien.zoo.cards import DETECTOR, IDENTITY, LOOK, MORPHABLE, PARSER, READER, RESTORE, ZOO
from mien.zoo.files import checked
from mien.zoo.portable import running
from mien.zoo.prior import load_prior_from
from mien.zoo.settings import load_network
from mien.zoo.spandrel import load_spandrel
from mien.zoo.weights import load_packaged, load_tensors


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
    """The package's, which other models begin with."""
    return load_restore_from(checked(RESTORE.weights, RESTORE.sha256), device)


def load_restore_from(path: Path, device: torch.device) -> Restorer:
    return Restorer(load_network(path, RestoreNetwork, RESTORE_SMALL), device, RestoreSettings())


def load_frontal_from(path: Path, device: torch.device) -> Frontalizer:
    """FRN-TI; reader and 3D face say what of its answer the photo showed."""
    network = load_network(path, RestoreNetwork, FRONTAL_SMALL.shared)
    return Frontalizer(network, LookAhead(load_reader(str(device)), load_morphable("cpu")), device)


def load_rotate_from(path: Path, device: torch.device) -> Rotator:
    """Hair and hats stay on: the parser knows where they are."""
    network = load_network(path, RotateNetwork, ROTATE_SMALL)
    read, model = load_reader(str(device)), load_morphable("cpu")
    settings = RotateSettings(keep=USUALLY_KEPT)
    return Rotator(network, read, model, device, settings, partial(find_parts, device=str(device)))


def load_complete_from(path: Path, device: torch.device) -> Chain:
    """A clean face first: what covers it is then easier to tell."""
    return Chain((load_restore(device), load_rotate_from(path, device)))


def load_guided_from(path: Path, device: torch.device) -> Guided:
    """Faces that no reference shows are restored without one."""
    network = load_network(path, GuidedNetwork, GUIDED_SMALL)
    name = str(device)
    return Guided(network, load_restore(device), load_detector(name), load_identifier(name), device)


def find_parts(
    faces: Images, groups: tuple[tuple[str, ...], ...], device: str = "cpu"
) -> Float[Tensor, "batch groups height width"]:
    """Where an aligned face of any size has any of each group's classes of the parser."""
    parser, (height, width) = load_parser(device), faces.shape[-2:]
    chances = parser(resized(faces, (parser.image_size, parser.image_size)))
    return resized(torch.cat([area_of(chances, names) for names in groups], dim=1), (height, width))


def resized(
    planes: Float[Tensor, "batch planes height width"], size: tuple[int, int]
) -> Float[Tensor, "batch planes new_height new_width"]:
    """The same of another size; of that size already they are left alone."""
    if planes.shape[-2:] == size:
        return planes
    return F.interpolate(planes, size, mode="bilinear", antialias=True).clamp(0, 1)


LOADERS: dict[str, Callable[[Path, torch.device], Recoverer]] = {
    "complete": load_complete_from,
    "frontal": load_frontal_from,
    "guided": load_guided_from,
    "prior": load_prior_from,
    "restore": load_restore_from,
    "rotate": load_rotate_from,
    "spandrel": load_spandrel,
}
"""What is made of a file of weights: the package's, or one of the user's own such as `mien train` makes."""
BUILT_ON = {"complete": "restore", "guided": "restore"}
"""Kind of model to the one of ZOO that works with it."""


def load(name: str, device: str = "auto", runtime: Runtime = "torch") -> Recoverer:
    """A model by its name in ZOO, or of a file by its kind, `rotate:FILE`; ready to use.

    `runtime` runs its networks on the processor: `openvino` or `onnx` where they are installed, or `auto`,
    the quickest that is and whose results differ by less than a grey level on average.
    """
    place = device_for(runtime, device)
    kind, colon, file = name.partition(":")
    if colon and kind in LOADERS:
        return running(name, LOADERS[kind](Path(file), place), runtime, place)
    if name not in ZOO:
        raise ValueError(f"there is no model {name!r}; there is {', '.join(ZOO)}")
    model = LOADERS[name](checked(ZOO[name].weights, ZOO[name].sha256), place)
    return running(name, model, runtime, place)


def device_for(runtime: Runtime, device: str) -> torch.device:
    """Only torch knows of anything but the processor."""
    if runtime in ("auto", "torch"):
        return pick_device(device)
    if device not in ("auto", "cpu"):
        raise ValueError(f"{runtime} runs on the processor, and not on {device}")
    return torch.device("cpu")


@cache
def load_detector(device: str = "auto") -> FindFaces:
    """The face detector; one per process and device, since it never changes."""
    place = pick_device(device)
    first, second = DetectorNetwork(DETECTOR_SMALL), LookNetwork(LOOK_SMALL)
    load_packaged(first, DETECTOR.weights, DETECTOR.sha256)
    load_packaged(second, LOOK.weights, LOOK.sha256)
    return FindTwice(Detector(first, place), SecondLook(second, place))


@cache
def load_morphable(device: str = "auto") -> LinearMorphable:
    """The 3D model of faces with all its components; `cut` leaves the first ones."""
    path = checked(MORPHABLE.weights, MORPHABLE.sha256)
    return morphable_from_tensors(load_tensors(path), str(path)).to(pick_device(device))


@cache
def load_identifier(device: str = "auto") -> Identifier:
    """The judge of who is who; nothing here was trained to please it."""
    network = IdentityNetwork(IDENTITY_SMALL)
    load_packaged(network, IDENTITY.weights, IDENTITY.sha256)
    return Identifier(network, pick_device(device))


@cache
def load_reader(device: str = "auto") -> Reader:
    """The reader of shape, pose and landmarks."""
    network = ReaderNetwork(READER_SMALL)
    load_packaged(network, READER.weights, READER.sha256)
    return Reader(network, pick_device(device))


@cache
def load_parser(device: str = "auto") -> Parser:
    """What each pixel of an aligned face shows."""
    network = ParserNetwork(PARSER_SMALL)
    load_packaged(network, PARSER.weights, PARSER.sha256)
    return Parser(network, pick_device(device))
