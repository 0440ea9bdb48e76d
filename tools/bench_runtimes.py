"""Times every network in every runtime, and a whole recovery; writes the tables of docs/speed.md.

    python tools/bench_runtimes.py [--model rotate:FILE ...] [--write docs/speed.md] [--busy]

On a machine that is busy with other work `--busy` counts the processor's time in one thread instead of the
clock's; such figures compare with each other only.
"""

import argparse
import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mien.cli.memory import keep_freed_memory
from mien.evaluate.speed import PEAK_SHAPES
from mien.faces.detect import FindTwice
from mien.image.io import read_image
from mien.layers.norm import fold_norms
from mien.layers.packed import made_ready
from mien.layers.running import OnTorch
from mien.models.detector.find import Detector
from mien.models.detector.network import SMALL as DETECTOR_SMALL
from mien.models.detector.network import DetectorNetwork
from mien.models.frontal.network import SMALL as FRONTAL_SMALL
from mien.models.look.look import SecondLook
from mien.models.look.network import SMALL as LOOK_SMALL
from mien.models.look.network import LookNetwork
from mien.models.prior.codec import PRIOR_256, PriorNetwork
from mien.models.prior.recover import PriorRestorer
from mien.models.restore.network import RestoreNetwork
from mien.models.restore.recover import Restorer, RestoreSettings
from mien.pipeline import recover
from mien.runtime.choose import is_installed
from mien.runtime.on_onnx import on_onnx, onnx_model
from mien.runtime.on_openvino import compiled, converted, precisions
from mien.runtime.portable import Portable, differences
from mien.types import FindFaces, Images, Recoverer, RunNetwork
from mien.zoo.cards import DETECTOR, LOOK, ZOO
from mien.zoo.load import load, load_detector
from mien.zoo.portable import PORTABLE_PARTS, NotPortableError, portable_of
from mien.zoo.weights import load_packaged

CPU = torch.device("cpu")
BEGIN, END = "<!-- made by tools/bench_runtimes.py -->", "<!-- end -->"
BATCHES = (1, 8)
EAGER = "torch float32"
UNTRAINED = "random weights"


def autocast(network: nn.Module) -> RunNetwork:
    """As the judge of identity and the prior run, parts of which stay precise."""

    def run(*inputs: Tensor) -> tuple[Tensor, ...]:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return told(network(*inputs))

    return run


def ready(network: nn.Module, precise: tuple[type[nn.Module], ...]) -> RunNetwork:
    """As the other networks behind the scenes run."""
    prepared = made_ready(network, CPU, torch.bfloat16, precise)

    def run(*inputs: Tensor) -> tuple[Tensor, ...]:
        halves = (one.to(torch.bfloat16, memory_format=torch.channels_last) for one in inputs)
        return told(prepared(*halves))

    return run


def told(made: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(one.float() for one in (made if isinstance(made, tuple) else (made,)))


@dataclass(frozen=True)
class Clock:
    """How time is counted, and how often."""

    read: Callable[[], float]
    repeats: int

    def best(self, work: Callable[[], object]) -> float:
        """Milliseconds, the least of several after one to warm up."""
        work()
        times = []
        for _ in range(self.repeats):
            start = self.read()
            work()
            times.append(self.read() - start)
        return 1000 * min(times)


@torch.no_grad()
def runners(portable: Portable) -> Iterator[tuple[str, RunNetwork]]:
    """By name; the first one is what the others are compared with."""
    yield EAGER, lambda *inputs: portable.answer(*inputs)
    yield "torch bfloat16", in_bfloat16(portable)
    if is_installed("onnx"):
        yield "onnx float32", on_onnx(onnx_model(portable).SerializeToString())
    if is_installed("openvino"):
        model = converted(portable)
        names = {"bf16": "bfloat16", "f32": "float32"}
        yield from ((f"openvino {names[one]}", compiled(model, one)) for one in reversed(precisions()))


def in_bfloat16(portable: Portable) -> RunNetwork:
    """A copy, run as its family runs it."""
    if portable.name in ("identity", "prior"):
        return autocast(copy.deepcopy(portable.network))
    if portable.name in PORTABLE_PARTS:
        return ready(portable.network, (nn.Linear,) if portable.name == "reader" else ())
    return OnTorch(fold_norms(portable.network), CPU, torch.bfloat16)


def gigaflops(portable: Portable) -> float:
    """Of one face."""
    portable.network.requires_grad_(False)  # the counter follows gradients, and stumbles over constants
    with FlopCounterMode(display=False) as counter:
        portable.answer(*portable.examples(1))
    return counter.get_total_flops() / 1e9


@torch.inference_mode()
def peak(precision: torch.dtype, clock: Clock) -> float:
    """Billions of operations a second of 3 x 3 convolutions, the best of several shapes."""
    rates = []
    for channels, side in PEAK_SHAPES:
        layers = nn.Sequential(*(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(8)))
        layers = layers.to(CPU, precision)
        layers.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        features = torch.rand(1, channels, side, side, dtype=precision)
        features = features.contiguous(memory_format=torch.channels_last)
        milliseconds = clock.best(lambda layers=layers, features=features: layers(features))
        rates.append(8 * 2 * 9 * channels**2 * side**2 / 1e6 / milliseconds)
    return max(rates)


def rows_on(portable: Portable, is_trained: bool, clock: Clock, peaks: dict[str, float]) -> Iterator[str]:
    """A line of the table for each runtime."""
    cost, truth = gigaflops(portable), portable.answer(*portable.examples(2))
    for name, run in runners(portable):
        found = differences(portable.outputs, truth, run(*portable.examples(2)))
        worst = max(found, key=lambda one: one.mean / one.outlet.bound)
        times = []
        for batch in BATCHES:
            inputs = portable.examples(batch)
            times.append(clock.best(lambda run=run, inputs=inputs: run(*inputs)) / batch)
        rate = cost / (min(times) / 1000)
        share = rate / peaks[name.split()[-1]]
        off = "" if name == EAGER else f"{worst.mean:.3f} {worst.outlet.unit}"
        off = off if is_trained else UNTRAINED
        yield f"| {portable.name} | {name} | {times[0]:.1f} | {times[1]:.1f} | {share:.0%} | {off} |"


def eager(model: Recoverer, portable: Portable) -> Recoverer:
    """The model as it would be without any of this: torch, float32, memory in its usual order."""
    return model.with_run(lambda *inputs: portable.answer(*inputs))  # pyright: ignore[reportAttributeAccessIssue]


def eager_search() -> FindFaces:
    """The package's detector, its two networks as they would be without any of this, too."""
    detector, look = DetectorNetwork(DETECTOR_SMALL), LookNetwork(LOOK_SMALL)
    load_packaged(detector, DETECTOR.weights, DETECTOR.sha256)
    load_packaged(look, LOOK.weights, LOOK.sha256)
    first, second = Detector(detector, CPU), SecondLook(look, CPU)
    first.network, second.network = Plain(detector), Plain(look)
    return FindTwice(first, second)


class Plain(nn.Module):
    """A network that brings what it is given back to float32, in the usual order."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.eval()

    def forward(self, images: Images) -> tuple[Tensor, ...]:
        return self.network(images.float().contiguous())


@torch.no_grad()
def whole_recovery(photo: Path, clock: Clock) -> list[str]:
    """`recover` from pixels to pixels, for each face."""
    image, usual = read_image(photo), load_detector("cpu")
    slow = load("restore", "cpu")
    slow = eager(slow, portable_of("restore", slow))
    ways: dict[str, tuple[Recoverer, FindFaces]] = {
        EAGER: (slow, eager_search()),
        f"{EAGER}, but for the search": (slow, usual),
        "torch": (load("restore", "cpu"), usual),
        "auto": (load("restore", "cpu", "auto"), usual),
    }
    lines, first = [], 0.0
    for name, (model, find) in ways.items():
        faces = recover(image, model, find=find).faces
        found, crops = [face.detection for face in faces], [face.crop for face in faces]
        whole = clock.best(lambda model=model, find=find: recover(image, model, find=find)) / len(faces)
        search = clock.best(lambda find=find: find(image)) / len(found)
        alone = clock.best(lambda model=model, crops=crops: model(crops)) / len(faces)
        first = first or whole
        lines.append(f"| {name} | {whole:.1f} | {first / whole:.2f} | {search:.1f} | {alone:.1f} |")
    return lines


def untrained_frontal() -> Recoverer:
    return Restorer(RestoreNetwork(FRONTAL_SMALL.shared), CPU, RestoreSettings())


def untrained_prior() -> Recoverer:
    return PriorRestorer(PriorNetwork(PRIOR_256), CPU)


UNTRAINED_NETWORKS = {"frontal": untrained_frontal, "prior": untrained_prior}
"""Their weights are not in the package; time does not depend on weights, but for `--model`."""


def portables(files: list[str]) -> Iterator[tuple[Portable, bool]]:
    """The package's models, those of files, others, and those behind the scenes; whether trained."""
    known = set()
    for name in (*ZOO, *files):
        kind = name.partition(":")[0]
        try:
            yield portable_of(kind, load(name, "cpu")), True
            known.add(kind)
        except NotPortableError as error:
            print(f"left out: {error}")
    for name, made in UNTRAINED_NETWORKS.items():
        if name not in known:
            yield portable_of(name, made()), False
    for load_part in PORTABLE_PARTS.values():
        yield load_part(), True


def tables(asked: argparse.Namespace) -> str:
    counted = "processor time" if asked.busy else "time"
    clock = Clock(time.process_time if asked.busy else time.perf_counter, asked.repeats)
    peaks = {name: peak(getattr(torch, name), clock) for name in ("float32", "bfloat16")}
    told = ", ".join(f"{rate:.0f} GFLOP/s in {name}" for name, rate in peaks.items())
    lines = [
        f"{torch.get_num_threads()} thread(s), least {counted} of {asked.repeats}; 3 x 3 convolutions "
        f"reach {told} here.",
        "",
        "| network | run by | ms a face, batch 1 | batch 8 | of the peak | off torch float32, on average |",
        "|---|---|---|---|---|---|",
    ]
    for portable, is_trained in portables(asked.model):
        for row in rows_on(portable, is_trained, clock, peaks):
            lines.append(row)
            print(row, flush=True)
    lines += [
        "",
        f"`recover` of {asked.photo.name}, all stages but the identity figure:",
        "",
        "| --runtime | ms a face | times as fast | search alone | model alone |",
        "|---|---|---|---|---|",
        *whole_recovery(asked.photo, clock),
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", action="append", default=[], help="kind:FILE, beside the package's")
    parser.add_argument("--photo", type=Path, default=Path("examples/damaged.jpg"))
    parser.add_argument("--write", type=Path, help="a page with the two comments that the tables go between")
    parser.add_argument("--busy", action="store_true", help="count the processor's time, in one thread")
    parser.add_argument("--repeats", type=int, default=15)
    asked = parser.parse_args()
    keep_freed_memory()  # as the command does
    if asked.busy:
        torch.set_num_threads(1)
    made = tables(asked)
    print(made)
    if asked.write is not None:
        text = asked.write.read_text()
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        asked.write.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{after}")


if __name__ == "__main__":
    main()
