"""Small films, and tools that cost nothing: a red square is a face."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from mien.types import Detection, Recovery
from mien.video.recover import FilmTools

TEMPLATE = torch.tensor([[0.34, 0.4], [0.66, 0.4], [0.5, 0.58], [0.37, 0.76], [0.63, 0.76]])
RED = torch.tensor([0.9, 0.1, 0.1])


def face_in(box, score=0.9):
    low, high = box[:2], box[2:]
    return Detection(box, low + TEMPLATE * (high - low), score)


def find_red(image):
    """The one red square of a picture, to the pixel, and nothing where there is none."""
    is_red = (image[0] > 0.6) & (image[1] < 0.4) & (image[2] < 0.4)
    rows, columns = is_red.nonzero().unbind(1)
    if len(rows) < 30:
        return []
    x0, y0, x1, y1 = (float(n) for n in (columns.min(), rows.min(), columns.max(), rows.max()))
    return [face_in(torch.tensor([x0, y0, x1, y1]))]


def same_person(faces):
    return torch.tensor([[1.0, 0.0]]).expand(len(faces), 2)


@dataclass(frozen=True)
class Green:
    """A model that takes the red out, and adds a little of its own that changes from call to call."""

    grain: float = 0.0
    keeps_pose: bool = True
    crop_size: int = 64
    template: str = "ffhq"

    def with_fidelity(self, fidelity):
        return self

    def with_batch_size(self, batch_size):
        return self

    def __call__(self, crops):
        return [self.recover(crop.pixels) for crop in crops]

    def recover(self, pixels):
        seed = int(pixels.sum() * 1000) % 100_000
        noise = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(seed))
        made = (pixels[[1, 0, 2]] + self.grain * noise).clamp(0, 1)
        return Recovery(made, torch.full_like(pixels[:1], 0.5), self.keeps_pose)


@pytest.fixture
def tools():
    return FilmTools(Green(), find_red, same_person)


@pytest.fixture
def noisy_tools(tools):
    return replace(tools, model=Green(grain=0.1))


def scene(index, width=96, height=64):
    """A red square on its way to the right over something blue with a pattern."""
    rows, columns = np.mgrid[:height, :width]
    picture = np.stack((rows % 40, 60 + rows % 60, 90 + columns), axis=2)
    left = 10 + index
    picture[18:46, left : left + 28] = (230, 26, 26)
    return picture.astype(np.uint8)


@pytest.fixture
def pictures():
    return [scene(index) for index in range(24)]


@pytest.fixture
def save_clip(tmp_path):
    """A film of pictures, shown at these ticks of a 90,000th second."""
    av = pytest.importorskip("av")

    def save(pictures, name="clip.mp4", times=None, rotation=None, color=(1, 1, 1, 1), sound=True):
        path = tmp_path / name
        times = times or [3600 * index for index in range(len(pictures))]
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25, options={"crf": "6", "g": "10"})
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            context = stream.codec_context
            context.time_base = Fraction(1, 90000)
            context.color_range, context.color_primaries, context.color_trc, context.colorspace = color
            if rotation is not None:
                stream.set_display_rotation(rotation)
            voice = container.add_stream("aac", rate=16000, layout="mono") if sound else None
            for picture, time in zip(pictures, times, strict=True):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame = frame.reformat(
                    format="yuv420p",
                    dst_colorspace=color[3],
                    dst_color_range=color[0],
                )
                frame.pts, frame.time_base = time, Fraction(1, 90000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
            if voice is not None:
                wave = (np.sin(np.arange(times[-1] * 16 // 90) / 9) * 9000).astype(np.int16)[None]
                for start in range(0, wave.shape[1], 1024):
                    part = av.AudioFrame.from_ndarray(
                        wave[:, start : start + 1024].copy(), format="s16", layout="mono"
                    )
                    part.sample_rate, part.pts, part.time_base = 16000, start, Fraction(1, 16000)
                    container.mux(voice.encode(part))
                container.mux(voice.encode())
        return path

    return save
