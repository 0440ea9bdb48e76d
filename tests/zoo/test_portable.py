import pytest
import torch

from mien.faces.align import whole_crop
from mien.faces.chain import Chain
from mien.models.foreign.recover import ForeignRestorer
from mien.models.restore.network import RestoreConfig, RestoreNetwork
from mien.models.restore.recover import Restorer
from mien.runtime.on_onnx import on_onnx, onnx_model
from mien.runtime.on_openvino import OnOpenvino
from mien.runtime.portable import Portable, compared, differences
from mien.zoo.cards import ZOO
from mien.zoo.load import device_for, load
from mien.zoo.portable import PORTABLE_PARTS, NotPortableError, portable_of, running

CPU = torch.device("cpu")
TINY = RestoreConfig(
    image_size=16,
    shrink=2,
    channels=(4, 6),
    num_blocks=(1, 1),
    decoder_channels=(4,),
    num_decoder_blocks=1,
    skips=True,
    residual=True,
)


def restorer() -> Restorer:
    network = RestoreNetwork(TINY)
    for parameter in network.parameters():
        parameter.data.normal_(std=0.1, generator=torch.Generator().manual_seed(0))
    return Restorer(network)


def test_a_model_gives_the_same_pictures_in_another_runtime() -> None:
    model = restorer()
    other = running("tiny", model, "openvino", CPU)
    assert isinstance(other, Restorer)
    assert isinstance(other.with_fidelity(0.0).with_batch_size(2).run, OnOpenvino)
    generator = torch.Generator().manual_seed(0)
    faces = [whole_crop(torch.rand(3, 16, 16, generator=generator), 16) for _ in range(3)]
    for one, another in zip(model(faces), other(faces), strict=True):
        assert float((one.pixels - another.pixels).abs().mean()) * 255 < 1


@pytest.mark.slow
def test_a_chain_is_run_link_by_link() -> None:
    chain = running("chain", Chain((restorer(), restorer())), "openvino", CPU)
    assert isinstance(chain, Chain)
    assert all(isinstance(one, Restorer) and isinstance(one.run, OnOpenvino) for one in chain.models)


def test_networks_of_others_stay_with_torch() -> None:
    foreign = ForeignRestorer(torch.nn.Conv2d(3, 3, 1))
    assert running("theirs", foreign, "auto", CPU) is foreign
    with pytest.raises(NotPortableError, match="theirs is not a network"):
        running("theirs", foreign, "openvino", CPU)
    with pytest.raises(NotPortableError, match="several networks"):
        portable_of("both", Chain((restorer(), restorer())))


def test_only_torch_knows_of_other_devices() -> None:
    model = restorer()
    assert running("tiny", model, "auto", torch.device("cuda")) is model
    assert device_for("openvino", "auto") == CPU
    with pytest.raises(ValueError, match="openvino runs on the processor, and not on cuda"):
        device_for("openvino", "cuda")


def check_export(portable: Portable) -> None:
    run = on_onnx(onnx_model(portable).SerializeToString())
    for batch in (1, 2, 5):
        for found in compared(portable, run, batch):
            assert found.mean < found.outlet.bound / 100, str(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PORTABLE_PARTS))
def test_every_network_behind_the_scenes_is_exported_exactly(name: str) -> None:
    check_export(PORTABLE_PARTS[name]())


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*ZOO} - {"complete"}))
def test_every_model_is_exported_exactly(name: str) -> None:
    check_export(portable_of(name, load(name, "cpu")))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ZOO))
def test_the_default_runtime_stays_within_a_grey_level(name: str) -> None:
    running(name, load(name, "cpu"), "openvino", CPU)  # or it raises


@pytest.mark.slow
def test_the_detector_is_exported_for_any_size() -> None:
    portable = PORTABLE_PARTS["detector"]()
    run = on_onnx(onnx_model(portable).SerializeToString())
    for size in ((64, 64), (192, 448)):
        photos = torch.rand((2, 3, *size), generator=torch.Generator().manual_seed(0))
        for found in differences(portable.outputs, portable.answer(photos), run(photos)):
            assert found.most < 1e-2, str(found)
