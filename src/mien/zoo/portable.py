"""Which network each model is, and how exact another runtime has to be about it."""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mien.faces.chain import Chain
from mien.models.detector.find import UNIT
from mien.models.detector.network import SMALL as DETECTOR_SMALL
from mien.models.detector.network import DetectorNetwork
from mien.models.frontal.recover import Frontalizer
from mien.models.guided.recover import Guided
from mien.models.identity.network import FACE_SIZE, IdentityNetwork
from mien.models.identity.network import SMALL as IDENTITY_SMALL
from mien.models.look.network import SMALL as LOOK_SMALL
from mien.models.look.network import LookNetwork
from mien.models.parser.network import SMALL as PARSER_SMALL
from mien.models.parser.network import ParserNetwork
from mien.models.prior.codec import Answering
from mien.models.prior.recover import PriorRestorer
from mien.models.reader.network import SMALL as READER_SMALL
from mien.models.reader.network import ReaderNetwork
from mien.models.restore.recover import Restorer
from mien.models.rotate.recover import Rotator
from mien.runtime.choose import Runtime, start
from mien.runtime.portable import Inlet, Outlet, Portable
from mien.types import Images, Recoverer
from mien.zoo.cards import DETECTOR, IDENTITY, LOOK, PARSER, READER
from mien.zoo.weights import load_packaged

DETECTOR_EXAMPLE = (256, 320)
LOGIT_BOUND, PIXEL_BOUND = 0.05, 0.1


class NotPortableError(ValueError):
    """A model that is not one network of ours."""


class First(nn.Module):
    """The first so many outputs: others are for learning, or say the same of every picture."""

    def __init__(self, network: nn.Module, num: int) -> None:
        super().__init__()
        self.network, self.num = network, num

    def forward(self, pictures: Images) -> tuple[Float[Tensor, "batch ..."], ...]:
        return tuple(self.network(pictures)[: self.num])


def face(name: str, side: int) -> Inlet:
    """Pictures as the networks of families take them."""
    return Inlet(name, (side, side), low=-1.0)


def picture(name: str) -> Outlet:
    """Pictures in [-1, 1]."""
    return Outlet(name, "grey levels", 127.5, 1.0)


def logits(name: str) -> Outlet:
    return Outlet(name, "before the sigmoid", 1.0, LOGIT_BOUND)


def pixels(name: str, scale: float = 1.0) -> Outlet:
    return Outlet(name, "pixels", scale, PIXEL_BOUND)


def plain(name: str) -> Outlet:
    return Outlet(name, "plain numbers", 1.0, LOGIT_BOUND)


def portable_of(name: str, model: Recoverer) -> Portable:
    """Before its network is first run by torch, which may make it less exact."""
    side = model.crop_size
    if isinstance(model, Restorer | Frontalizer):
        return Portable(name, model.network, (face("damaged", side),), (picture("image"),))
    if isinstance(model, PriorRestorer):
        decodes = model.network.config.decodes
        outputs = (picture("image"), picture("decoded")) if decodes else (picture("image"),)
        return Portable(name, Answering(model.network), (face("damaged", side),), outputs)
    if isinstance(model, Rotator):
        inputs = (face("photo", side), face("estimate", side))
        return Portable(name, model.network, inputs, (picture("image"), logits("covered")))
    if isinstance(model, Guided):
        inputs = (face("damaged", side), face("guide", side))
        outputs = (picture("image"), picture("warped"), pixels("flow", (side - 1) / 2))
        return Portable(name, model.network, inputs, outputs)
    if isinstance(model, Chain):
        raise NotPortableError(f"{name} is several networks: take them one by one")
    raise NotPortableError(f"{name} is not a network of mien's own: torch alone runs it")


def running(name: str, model: Recoverer, runtime: Runtime, device: torch.device) -> Recoverer:
    """The same model, its networks run by that runtime; on an accelerator torch runs them."""
    if runtime == "torch" or device.type != "cpu":
        return model
    if isinstance(model, Chain):
        return Chain(tuple(running(name, one, runtime, device) for one in model.models))
    try:
        run = start(portable_of(name, model), runtime)
    except NotPortableError:
        if runtime == "auto":
            return model
        raise
    if run is None:
        return model
    if isinstance(model, Guided):
        return model.with_run(run, running("restore", model.otherwise, runtime, device))
    if isinstance(model, Restorer | Frontalizer | PriorRestorer | Rotator):
        return model.with_run(run)
    return model


def packaged(network: nn.Module, file: str, sha256: str) -> nn.Module:
    """For use; runtimes fold norms into convolutions themselves."""
    load_packaged(network, file, sha256)
    return network.eval()


def portable_detector(name: str) -> Portable:
    network = packaged(DetectorNetwork(DETECTOR_SMALL), DETECTOR.weights, DETECTOR.sha256)
    photo = Inlet("photo", DETECTOR_EXAMPLE, low=0.0, is_sized=False, unit=UNIT)
    return Portable(name, First(network, 3), (photo,), (logits("scores"), pixels("boxes"), pixels("points")))


def portable_look(name: str) -> Portable:
    network = packaged(LookNetwork(LOOK_SMALL), LOOK.weights, LOOK.sha256)
    side = LOOK_SMALL.cut_size
    cut = Inlet("cut", (side, side), low=0.0)
    return Portable(name, network, (cut,), (logits("scores"), pixels("boxes"), pixels("points")))


def portable_identity(name: str) -> Portable:
    network = packaged(IdentityNetwork(IDENTITY_SMALL), IDENTITY.weights, IDENTITY.sha256)
    return Portable(name, network, (face("face", FACE_SIZE),), (plain("embedding"),))


def portable_reader(name: str) -> Portable:
    network = ReaderNetwork(READER_SMALL)
    load_packaged(network, READER.weights, READER.sha256)
    side = READER_SMALL.crop_size
    names = ("identity", "expression", "albedo", "light")
    outputs = (
        pixels("points"),
        plain("turn"),
        pixels("scale"),
        pixels("shift"),
        *map(plain, names),
        logits("certainty"),
        logits("occluded"),
    )
    cut = Inlet("cut", (side, side), low=0.0)
    return Portable(name, First(network.eval(), len(outputs)), (cut,), outputs)


def portable_parser(name: str) -> Portable:
    network = ParserNetwork(PARSER_SMALL)
    load_packaged(network, PARSER.weights, PARSER.sha256)
    side = PARSER_SMALL.image_size
    face_in = Inlet("face", (side, side), low=0.0)
    return Portable(name, network.eval(), (face_in,), (logits("classes"),))


PORTABLE_PARTS: dict[str, Callable[[], Portable]] = {
    name: partial(make, name)
    for name, make in {
        "detector": portable_detector,
        "look": portable_look,
        "identity": portable_identity,
        "reader": portable_reader,
        "parser": portable_parser,
    }.items()
}
"""Networks behind the scenes."""
