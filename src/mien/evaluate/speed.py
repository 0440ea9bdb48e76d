"""How long a face takes, stage by stage, and how close the network comes to what the machine can do."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mien.evaluate.findings import Findings
from mien.evaluate.sheets import EvaluationError, Row
from mien.evaluate.trial import Bench, Part, Trial
from mien.image.io import read_image
from mien.metrics.score import Score
from mien.pipeline import detect_faces, recover
from mien.types import FindFaces, Image, Recoverer

PEAK_SHAPES = ((64, 64), (96, 64), (128, 32), (256, 32), (256, 16))
"""Channels and side of the convolutions whose best stands for the machine's peak."""
REPEATS = 7
MOST_TRIED = 20
"""Photos looked at for one with a face, when a report times models."""


@dataclass(frozen=True)
class SpeedReport:
    """Medians, in milliseconds."""

    model: str
    device: str
    num_threads: int
    photo_size: tuple[int, int]
    num_faces: int
    stages: Mapping[str, float]
    """find and paste take in the whole photo; align and recover are sums over its faces."""
    per_photo: float
    per_face: float
    network: float
    """One crop through the network alone."""
    network_gigaflops: float
    """Floating point operations of one crop, in billions: two for every multiplication and addition."""
    peak_gigaflops_per_second: float
    """Of 3 x 3 convolutions in the network's precision, the best of several shapes."""

    @property
    def share_of_peak(self) -> float:
        """What the network makes of the machine's convolutions."""
        return self.network_gigaflops / (self.network / 1000) / self.peak_gigaflops_per_second

    def as_json(self) -> dict[str, object]:
        """Plain numbers and words."""
        return {"protocol": "speed", **asdict(self), "share_of_peak": self.share_of_peak}


def median_milliseconds(work: Callable[[], object], repeats: int) -> float:
    """After one run to warm up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def peak(device: torch.device, precision: torch.dtype, repeats: int) -> float:
    """Billions of operations a second in 3 x 3 convolutions, one picture at a time."""
    best = 0.0
    for channels, side in PEAK_SHAPES:
        convolutions = nn.Sequential(*(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(8)))
        convolutions = convolutions.to(device, precision)
        convolutions.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        features = torch.rand(1, channels, side, side, device=device, dtype=precision)
        features = features.contiguous(memory_format=torch.channels_last)
        milliseconds = timed_forward(convolutions, features, repeats)
        best = max(best, 8 * 2 * 9 * channels**2 * side**2 / 1e6 / milliseconds)
    return best


@torch.inference_mode()
def timed_forward(network: nn.Module, inputs: Tensor, repeats: int) -> float:
    """Milliseconds of one pass; waits for a device that works on its own."""

    def work() -> None:
        network(inputs)
        if inputs.device.type == "cuda":
            torch.cuda.synchronize(inputs.device)

    return median_milliseconds(work, repeats)


def operations(network: nn.Module, inputs: Tensor) -> float:
    """Billions of floating point operations of one pass."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(inputs)
    return counter.get_total_flops() / 1e9


def measure_speed(
    model: Recoverer,
    network: nn.Module,
    photo: Image,
    model_name: str,
    find: FindFaces | None = None,
    repeats: int = 15,
) -> SpeedReport:
    """Recover one photo again and again; then the model's `network` alone."""
    stages, faces = stage_times(model, photo, find, repeats)
    inputs = a_crop(network, model.crop_size)
    per_photo = sum(stages.values())
    return SpeedReport(
        model=model_name,
        device=str(inputs.device),
        num_threads=torch.get_num_threads(),
        photo_size=(photo.shape[2], photo.shape[1]),
        num_faces=faces,
        stages=stages,
        per_photo=per_photo,
        per_face=per_photo / faces,
        network=timed_forward(network, inputs, 2 * repeats),
        network_gigaflops=operations(network, inputs),
        peak_gigaflops_per_second=peak(inputs.device, inputs.dtype, repeats),
    )


def a_crop(network: nn.Module, side: int) -> Float[Tensor, "1 3 side side"]:
    """Noise, where the network is and in its precision."""
    parameter = next(network.parameters())
    made = torch.rand(1, 3, side, side, device=parameter.device, dtype=parameter.dtype)
    return made.contiguous(memory_format=torch.channels_last)


def stage_times(
    model: Recoverer, photo: Image, find: FindFaces | None, repeats: int
) -> tuple[dict[str, float], int]:
    """Medians in milliseconds, after one run to warm up; and how many faces the photo has."""
    results = [recover(photo, model, find=find) for _ in range(repeats + 1)][1:]
    num_faces = len(results[0].faces)
    if num_faces == 0:
        raise ValueError("the photo to time with holds no face")
    stages = {
        stage: statistics.median(result.seconds[stage] for result in results) * 1000
        for stage in results[0].seconds
    }
    return stages, num_faces


def evaluate_speed(trial: Trial) -> Findings:
    """Every model on the first photo that holds a face; of those that are one network also that alone."""
    trial, unsuited = trial.suited()
    path = first_with_face(trial)
    photo = read_image(path)
    rows: list[Row] = []
    num_faces = 0
    for name, model in trial.models.items():
        stages, num_faces = stage_times(model, photo, trial.finder, REPEATS)
        rows += [row_of(stage, name, milliseconds) for stage, milliseconds in stages.items()]
        rows.append(row_of("per photo", name, sum(stages.values())))
        if name in trial.networks:
            rows.append(network_row(name, trial.networks[name], model.crop_size))
        trial.advance()
    height, width = photo.shape[1:]
    timed = [name for name in trial.models if name not in trial.networks]
    return Findings(
        protocol="speed",
        title="Speed",
        settings={
            "models": ", ".join(trial.models),
            "photo": f"{path.name}, {width} x {height}, {num_faces} face(s)",
            "machine": f"{torch.get_num_threads()} threads",
        },
        rows=tuple(rows),
        notes=(*unsuited, *(f"{name} has not one network to be timed alone" for name in timed)),
    )


def first_with_face(trial: Trial) -> Path:
    for path in trial.photos:
        if detect_faces(read_image(path), trial.finder):
            return path
    raise EvaluationError(f"none of {len(trial.photos)} photos to time with holds a face")


def row_of(stage: str, name: str, milliseconds: float) -> Row:
    return Row(stage, name, (Score("milliseconds", milliseconds, REPEATS, "none"),))


def network_row(name: str, network: nn.Module, side: int) -> Row:
    """One crop through the network, and its rate over that of plain convolutions."""
    inputs = a_crop(network, side)
    milliseconds = timed_forward(network, inputs, 2 * REPEATS)
    rate = operations(network, inputs) / (milliseconds / 1000)
    share = rate / peak(inputs.device, inputs.dtype, REPEATS)
    scores = (("milliseconds", milliseconds), ("peak_share", share))
    return Row(
        "network alone",
        name,
        tuple(Score(measure, value, REPEATS, "none", str(inputs.device)) for measure, value in scores),
    )


def plan_speed(bench: Bench) -> list[Part]:
    """On a photo that is no crop."""
    sets = [*bench.of_role("people"), *bench.of_role("wild")]
    if not sets:
        return []
    return [Part(f"speed, {sets[0].name}", sets[0].some(MOST_TRIED), 1, evaluate_speed, alone=True)]
