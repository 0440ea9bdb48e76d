import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mien.metrics.backbones import ALEX, DEVIATION, MEAN, VGG, BackboneError, Plan, load_lpips
from mien.metrics.perceptual import perceptual_distance

VGG_LAYERS = (2, 3, "M", 4, 3, "M", 2, 3, 4, "M", 3, 2, 2, "M", 3, 2, 4)


def tiny_vgg():
    """Numbered as in torchvision, with few channels."""
    layers, before = [], 3
    for layer in VGG_LAYERS:
        if layer == "M":
            layers.append(nn.MaxPool2d(2, 2))
        else:
            layers += [nn.Conv2d(before, layer, 3, padding=1), nn.ReLU()]
            before = layer
    return nn.Sequential(*layers)


def tiny_alex():
    return nn.Sequential(
        nn.Conv2d(3, 4, 11, 4, 2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(4, 3, 5, 1, 2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(3, 2, 3, 1, 1),
        nn.ReLU(),
        nn.Conv2d(2, 4, 3, 1, 1),
        nn.ReLU(),
        nn.Conv2d(4, 3, 3, 1, 1),
        nn.ReLU(),
    )


NETWORKS = {"VGG-16": (tiny_vgg, VGG), "AlexNet": (tiny_alex, ALEX)}


def heads_of(network, plan: Plan):
    channels = [network[tap].out_channels for tap in plan.taps]
    return {f"lin{i}.model.1.weight": torch.rand(1, c, 1, 1) for i, c in enumerate(channels)}


def by_modules(network, plan, images):
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
    features, found = (2 * images - 1 - mean) / deviation, []
    for number, layer in enumerate(network):
        features = layer(features)
        if number - 1 in plan.taps:
            found.append(features)
    return found


@pytest.fixture
def images():
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_published_files_are_read(name, images, tmp_path):
    torch.manual_seed(0)
    make, plan = NETWORKS[name]
    network = make()
    heads = heads_of(network, plan)
    backbone = {f"features.{key}": tensor for key, tensor in network.state_dict().items()}
    classifier = {"classifier.0.weight": torch.zeros(2, 2)}
    torch.save(backbone | classifier, tmp_path / "backbone.pth")
    torch.save(heads, tmp_path / "heads.pth")
    perception = load_lpips(tmp_path / "backbone.pth", tmp_path / "heads.pth")
    assert perception.name == f"LPIPS, {name} of backbone.pth and heads.pth"
    for found, expected in zip(perception.extract(images), by_modules(network, plan, images), strict=True):
        torch.testing.assert_close(found, expected)
    assert [head.tolist() for head in perception.heads] == [
        head.flatten().tolist() for head in heads.values()
    ]
    # as LPIPS saves itself: in slices, with its heads twice
    slices = {f"net.slice{1 + int(k.split('.')[0]) // 6}.{k}": v for k, v in network.state_dict().items()}
    twice = {f"lins.{key[3:]}": value.clone() for key, value in heads.items()}
    save_file(slices | heads | twice, tmp_path / "whole.safetensors")
    whole = load_lpips(tmp_path / "whole.safetensors")
    apart = perceptual_distance(images, images.flip(-1), perception)
    torch.testing.assert_close(perceptual_distance(images, images.flip(-1), whole), apart)


def test_without_heads_the_name_says_so(tmp_path):
    torch.save({f"features.{k}": v for k, v in tiny_alex().state_dict().items()}, tmp_path / "a.pth")
    perception = load_lpips(tmp_path / "a.pth")
    assert perception.name == "LPIPS without heads, AlexNet of a.pth"
    assert perception.heads == ()


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "a.pth"
    for tensors, complaint in (
        ({"weight": torch.zeros(2)}, "no VGG-16 or AlexNet"),
        ({"features.0.weight": torch.zeros(2, 3, 7, 7)}, "side 7 is neither"),
        ({"features.0.weight": torch.zeros(2, 3, 3, 3)}, "lacks the weight of VGG-16's layers 2, 5"),
    ):
        torch.save(tensors, path)
        with pytest.raises(BackboneError, match=complaint):
            load_lpips(path)
    torch.save([1, 2], path)
    with pytest.raises(BackboneError, match="holds a list"):
        load_lpips(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(BackboneError, match="no file of plain tensors"):
        load_lpips(path)


def test_heads_of_another_network_are_refused(tmp_path):
    vgg, alex = tiny_vgg(), tiny_alex()
    tensors = {f"features.{key}": tensor for key, tensor in alex.state_dict().items()}
    torch.save(tensors | heads_of(vgg, VGG), tmp_path / "a.pth")
    with pytest.raises(BackboneError, match="heads do not fit AlexNet"):
        load_lpips(tmp_path / "a.pth")
