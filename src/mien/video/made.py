"""Films of pictures that were made here: no sound, no times to keep."""

import io
from fractions import Fraction

import av
from av.video.frame import VideoFrame

from mien.image.io import Photo, to_levels
from mien.image.mark import Mark
from mien.types import Image
from mien.video.sign import signed
from mien.video.write import CONTAINERS, NUM_THREADS, rate_factor

BT709, LIMITED_RANGE = 1, 1
"""FFmpeg's numbers for them."""


def film_of(
    frames: list[Image], seconds: float, suffix: str, quality: int = 95, mark: Mark | None = None
) -> bytes:
    """Frames of one size, each shown so long, as the bytes of an .mp4 or its like."""
    rate = Fraction(1 / seconds).limit_denominator(1000)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=CONTAINERS[suffix], options={"fflags": "+bitexact"}) as container:
        if mark is not None:
            container.metadata["comment"] = signed("", mark)
        codec = "libvpx-vp9" if suffix == ".webm" else "libx264"
        stream = container.add_stream(codec, rate=rate, options={"crf": str(rate_factor(quality))})
        stream.height, stream.width = frames[0].shape[1:]
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.thread_count = NUM_THREADS
        context.color_range, context.colorspace = LIMITED_RANGE, BT709
        context.color_primaries = context.color_trc = BT709
        for image in frames:
            picture = VideoFrame.from_ndarray(to_levels(Photo(image), 8, with_alpha=False), format="rgb24")
            colored = picture.reformat(format="yuv420p", dst_colorspace=BT709, dst_color_range=LIMITED_RANGE)
            container.mux(stream.encode(colored))
        container.mux(stream.encode())
    return buffer.getvalue()
