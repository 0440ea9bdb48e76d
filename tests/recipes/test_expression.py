import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mien.data.expressions import ExpressionsError, read_rafdb
from mien.data.variety import Variety
from mien.image.io import write_image
from mien.models.expression.network import PAPER, ExpressionConfig, ExpressionNetwork
from mien.recipes.expression import expression, further
from mien.recipes.sources import MissingSourceError, Sources
from mien.train.config import TrainConfig
from mien.train.loop import train

TINY = ExpressionConfig(image_size=16, stages=((4,), (4,)), hidden=8, dropout=0.0)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def rafdb(tmp_path: Path) -> Path:
    """Two expressions that differ in brightness, laid out as the set is."""
    basic = tmp_path / "basic"
    (basic / "EmoLabel").mkdir(parents=True)
    (basic / "Image" / "aligned").mkdir(parents=True)
    lines = []
    for kind, count in (("train", 8), ("test", 4)):
        for number in range(count):
            name, label = f"{kind}_{number:04d}", 1 + number % 2
            lines.append(f"{name}.jpg {label}")
            shade = 0.2 + 0.6 * (label - 1)
            write_image(basic / "Image" / "aligned" / f"{name}_aligned.jpg", torch.full((3, 20, 20), shade))
    (basic / "EmoLabel" / "list_patition_label.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "occlusion.txt").write_text("test_0001_aligned.jpg 2\ntest_0002\n")
    return basic


def test_the_layout_is_read(rafdb: Path) -> None:
    faces = read_rafdb(rafdb, (rafdb.parent / "occlusion.txt",))
    assert (len(faces.train), len(faces.test)) == (8, 4)
    assert [face.expression for face in faces.test] == [0, 1, 0, 1]
    assert faces.subsets == {"occlusion": (1, 2)}


def test_what_is_wrong_is_said(rafdb: Path) -> None:
    with pytest.raises(ExpressionsError, match="not laid out"):
        read_rafdb(rafdb / "Image")
    (rafdb.parent / "pose.txt").write_text("train_0001.jpg\n")
    with pytest.raises(ExpressionsError, match="1 of 1 names are no test faces"):
        read_rafdb(rafdb, (rafdb.parent / "pose.txt",))
    labels = rafdb / "EmoLabel" / "list_patition_label.txt"
    labels.write_text(labels.read_text() + "test_0009.jpg 8\n")
    with pytest.raises(ExpressionsError, match="from 1 to 7"):
        read_rafdb(rafdb)
    labels.write_text("test_0009.jpg 7\n")
    with pytest.raises(ExpressionsError, match="there is no"):
        read_rafdb(rafdb)


def test_copies_of_training_faces_count_and_no_others(rafdb: Path, tmp_path: Path) -> None:
    more = tmp_path / "more"
    more.mkdir()
    for name in ("train_0001_aligned.png", "train_0001_aligned_yaw-30.png", "test_0001_aligned.png"):
        write_image(more / name, torch.zeros(3, 8, 8))
    found = further(read_rafdb(rafdb), (more,))
    assert [(face.path.name, face.expression) for face in found] == [
        ("train_0001_aligned.png", 1),
        ("train_0001_aligned_yaw-30.png", 1),
    ]


def test_it_learns_to_tell_them_apart(rafdb: Path, tmp_path: Path) -> None:
    training = TrainConfig(num_steps=30, device="cpu", validate_every=30, log_every=30)
    plain = Variety(largest_shift=0, brightness=0.0, contrast=0.0, gray_share=0.0)
    recipe = replace(
        expression(),
        network=TINY,
        variety=plain,
        batch_size=4,
        learning_rate=1e-2,
        num_warmup=1,
        training=training,
    )
    run = recipe.build(Sources(photos=(rafdb,), labels=(rafdb.parent / "occlusion.txt",)), tmp_path / "run")
    assert train(run).finished
    entries = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    found = [entry["validation"] for entry in entries if "validation" in entry][-1]
    assert found == {"total": 100.0, "occlusion": 100.0}
    with pytest.raises(MissingSourceError, match="--photos"):
        recipe.build(Sources(), tmp_path)


def test_the_papers_network_is_vgg16() -> None:
    with torch.device("meta"):
        network = ExpressionNetwork(PAPER)
    # 138,357,544 with the 1000 classes of ImageNet
    assert sum(one.numel() for one in network.parameters()) == 138_357_544 - 4097 * 993
