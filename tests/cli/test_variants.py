"""`--variants`, and models from files."""

from argparse import ArgumentTypeError
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from mien.cli.arguments import MODEL_FILES, model_name
from mien.cli.inputs import Input
from mien.cli.outputs import Job
from mien.cli.variants import VariantArguments, bind_variants, variant_endings, write_variants
from mien.models.prior.codec import PriorConfig, PriorNetwork
from mien.models.prior.network import GeneratorConfig, Widths
from mien.models.prior.recover import PriorRestorer
from mien.pipeline import RecoverOptions, recover_aligned
from mien.zoo.files import WeightsError
from mien.zoo.load import LOADERS, load

SIDE = 32
TINY = PriorConfig(GeneratorConfig(Widths(SIDE, most=8, budget=128), style_channels=6, num_mapping_layers=2))


@pytest.fixture
def model(tmp_path: Path) -> PriorRestorer:
    torch.manual_seed(0)
    path = tmp_path / "mine.safetensors"
    save_file(PriorNetwork(TINY).state_dict(), path)
    loaded = load(f"prior:{path}", "cpu")
    assert isinstance(loaded, PriorRestorer)
    return loaded


def test_a_prior_of_the_user_s_own(model: PriorRestorer) -> None:
    assert model.crop_size == SIDE
    assert model.network.config == TINY


def test_other_answers_lie_beside_the_first(model: PriorRestorer, tmp_path: Path) -> None:
    asked = VariantArguments(variants=3, variants_seed=5)
    options = RecoverOptions(identity=True)
    identify = lambda faces: torch.nn.functional.normalize(faces.mean((2, 3)) + 0.01)  # noqa: E731
    photo = torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    result = recover_aligned(photo, model, options, identify)
    others = bind_variants(model, asked, True, options, identify)(photo, result)
    assert len(others) == 2
    assert not torch.allclose(others[0].photo, result.photo)
    job = Job(Input(Path("photo.png"), Path("photo.png")), tmp_path / "photo.png")
    notes = write_variants(job, others, lambda result: None)
    assert [note.startswith(f"variant {number}: identity") for number, note in enumerate(notes, 1)] == [
        True
    ] * 2
    assert {path.name for path in tmp_path.glob("photo_*")} == {
        f"photo_{name}" for name in variant_endings(asked)
    }


def test_names_of_models() -> None:
    assert set(MODEL_FILES) == set(LOADERS)
    for name in ("restore", "prior:a.safetensors", "spandrel:GFPGANv1.4.pth"):
        assert model_name(name) == name
    for name in ("prior:", "other:file", "none"):
        with pytest.raises(ArgumentTypeError, match="invalid choice"):
            model_name(name)


def test_without_spandrel_it_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("mien.zoo.spandrel.find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="needs the package spandrel and a torchvision that works"):
        load(f"spandrel:{tmp_path / 'GFPGANv1.4.pth'}", "cpu")
