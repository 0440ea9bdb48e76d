import io

import av
import numpy as np
import pytest
import torch

from mien.video.made import film_of


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_a_film_shows_its_pictures_in_their_colours(suffix):
    colors = torch.tensor([[0.9, 0.2, 0.1], [0.1, 0.7, 0.3], [0.2, 0.2, 0.8]])
    frames = [color[:, None, None].expand(3, 48, 64).contiguous() for color in colors]
    with av.open(io.BytesIO(film_of(frames, 0.2, suffix))) as film:
        stream = film.streams.video[0]
        assert stream.average_rate == 5
        shown = [frame.to_ndarray(format="rgb24") for frame in film.decode(stream)]
    assert len(shown) == 3
    for picture, color in zip(shown, colors, strict=True):
        assert picture.shape == (48, 64, 3)
        np.testing.assert_allclose(picture[8:-8, 8:-8].mean((0, 1)) / 255, color.numpy(), atol=0.02)
