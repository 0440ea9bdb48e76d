"""Who is judged by `mien evaluate`, and by what."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from jaxtyping import Float
from torch import Tensor, nn

from mien.cli.arguments import MODELS, UsageError
from mien.cli.tools import load_judge, load_model
from mien.describe import labels_of
from mien.evaluate.judges import Judges, QualityOf
from mien.faces.identify import Identify
from mien.image.resize import resize
from mien.metrics.backbones import load_lpips
from mien.metrics.niqe import faces_model, read_published_model
from mien.metrics.perceptual import Perception
from mien.models.frontal.recover import Frontalizer
from mien.models.identity.embed import Identifier
from mien.models.quality.measure import NAME as QUALITY
from mien.models.quality.measure import FaceQuality
from mien.models.quality.network import SMALL as QUALITY_SMALL
from mien.models.quality.network import QualityNetwork
from mien.models.restore.recover import Restorer
from mien.types import Images, Recoverer
from mien.zoo.cards import IDENTITY, PARTS, ZOO, ModelCard
from mien.zoo.files import checksum, find_weights
from mien.zoo.load import BUILT_ON, pick_device
from mien.zoo.weights import fill, load_tensors


def load_models(names: Sequence[str] | None, device: str) -> dict[str, Recoverer]:
    """Models, each once, by what a report calls them; without names the first there is."""
    return {called: load_model(name, device) for called, name in labels_of(names or MODELS[:1]).items()}


def load_judges(
    device: str, lpips: list[Path] | None = None, niqe: Path | None = None, quality: Path | None = None
) -> Judges:
    """All that looks at pictures; what a user's files hold takes the place of ours."""
    identify = load_judge(device)
    try:
        name = f"mien identity {mark_of(IDENTITY)[:8]}"
        return Judges(
            identify=identify,
            identify_name=name,
            perception=load_lpips(*lpips) if lpips else stand_in(identify, name),
            quality=None if quality is None else load_quality(quality, device),
            quality_name="none" if quality is None else f"{QUALITY}, {quality.name} {checksum(quality)[:8]}",
            natural=read_published_model(niqe) if niqe else faces_model(),
        )
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from error


def stand_in(identify: Identify, name: str) -> Perception | None:
    """Where a user has no files of LPIPS: its formula over what the embedder sees where."""
    if not isinstance(identify, Identifier):
        return None
    return Perception(f"LPIPS structure over {name}, unweighted", identify.maps, is_stand_in=True)


def load_quality(weights: Path, device: str) -> QualityOf:
    """Our judge of faces, for aligned crops of any size."""
    network = QualityNetwork(QUALITY_SMALL)
    fill(network, load_tensors(weights), weights)
    judge = FaceQuality(network, pick_device(device))

    def quality(images: Images) -> Float[Tensor, " batch"]:
        side = judge.crop_size
        fits = images.shape[2:] == (side, side)
        return judge(images.float() if fits else resize(images.float(), side, side).clamp(0, 1))

    return quality


def checksums_of(names: Sequence[str], judges: Judges, parts: tuple[str, ...]) -> dict[str, str]:
    """What a report's numbers depend on: weights of models and judges, and the files a user gave."""
    try:
        marks = {called: mark_of_model(name) for called, name in labels_of(names).items()}
        marks |= {name: mark_of(PARTS[name]) for name in parts}
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from error
    return marks | {f"judge of {measure}": name for measure, name in judges.backends.items()}


def mark_of_model(name: str) -> str:
    """Of a model of the package or the user's file, and of what works with it."""
    kind, is_from_file, file = name.partition(":")
    own = checksum(Path(file)) if is_from_file else mark_of(ZOO[name])
    return f"{own} with {mark_of(ZOO[BUILT_ON[kind]])}" if kind in BUILT_ON else own


def mark_of(card: ModelCard) -> str:
    """SHA-256 of the weights that are used."""
    return checksum(find_weights(card.weights)[0])


def networks_of(models: Mapping[str, Recoverer]) -> dict[str, nn.Module]:
    """Of those that have one network, which can be timed alone."""
    return {
        name: model.network for name, model in models.items() if isinstance(model, Restorer | Frontalizer)
    }
