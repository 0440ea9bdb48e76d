"""Photos of five coloured dots are put into canvases; the labels must say where the dots are."""

import numpy as np
import pytest
import torch

from mien.data.facepool import FACE, OUTLINE, SIZES, FacePool, bounds
from mien.data.mosaics import MosaicConfig, decide, draw, place
from mien.data.scenes import Scenes, assemble, clip, compose_scenes, join, scramble, tidy

COLORS = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1]])
DOTS = torch.tensor([[104.0, 110], [150, 110], [128, 130], [110, 155], [146, 155]])
PLAIN = MosaicConfig(
    num_whole=3,
    num_split=4,
    fine_share=0.25,
    sizes=((90.0, 140.0), (60.0, 90.0), (35.0, 50.0)),
    empty_share=0.0,
    scrambled_share=0.0,
    piece_share=0.0,
    surrounds=(1.0, 0.0, 0.0, 0.0),
)


def dotted_pool() -> FacePool:
    """One photo; its face is a gray square of 100 px with dots for eyes, nose and mouth."""
    photo = torch.zeros(3, 256, 256)
    photo[:, 78:178, 78:178] = 0.4
    for (x, y), color in zip(DOTS.int().tolist(), COLORS, strict=True):
        photo[:, y - 6 : y + 7, x - 6 : x + 7] = color[:, None, None]
    outline = torch.zeros(1, 4, OUTLINE, 2)
    outline[0, 0, :5] = DOTS
    corners = torch.tensor([[77.5, 77.5], [177.5, 77.5], [77.5, 177.5], [177.5, 177.5]])
    outline[0, 0, 5:] = corners[torch.arange(OUTLINE - 5) % 4]
    kinds = torch.tensor([[FACE, 0, 0, 0]])
    pixels = tuple(
        (torch.nn.functional.avg_pool2d(photo[None], 256 // size) * 255).round().to(torch.uint8).numpy()
        for size in SIZES
    )
    return FacePool(pixels, outline, kinds, torch.tensor([[256.0, 256.0]]), torch.ones(1))


def scenes(config: MosaicConfig = PLAIN, covered: float = 0.0, seed: int = 0) -> Scenes:
    generator = torch.Generator().manual_seed(seed)
    faceless = np.random.default_rng(0).integers(0, 90, (3, 3, 256, 256), dtype=np.uint8)
    draft = draw(dotted_pool(), torch.tensor([0]), faceless, config, generator)
    return compose_scenes(draft, covered, generator)


def test_the_labels_lie_on_the_dots() -> None:
    painted = scenes()
    assert painted.pictures.shape == (7, 3, 256, 256)
    right = total = 0
    for picture, points, kinds in zip(painted.pictures, painted.points, painted.kinds, strict=True):
        for five in points[kinds == FACE]:
            for (x, y), color in zip(five.round().int().tolist(), COLORS, strict=True):
                if 0 <= x < 256 and 0 <= y < 256:
                    total += 1
                    # the nearest of the five colors
                    seen = (COLORS - picture[:, y, x]).norm(dim=1).argmin()
                    right += int(bool((COLORS[seen] == color).all()))
    assert total > 60
    # two may change places in a mirror; the labels follow the picture's left, the dots the face's
    assert right / total > 0.35
    assert_mirrors_account_for_the_rest(painted)


def assert_mirrors_account_for_the_rest(painted: Scenes) -> None:
    for picture, points, kinds in zip(painted.pictures, painted.points, painted.kinds, strict=True):
        for five in points[kinds == FACE]:
            spots = five.round().int().tolist()
            if not all(0 <= x < 256 and 0 <= y < 256 for x, y in spots):
                continue
            seen = [int((COLORS - picture[:, y, x]).norm(dim=1).argmin()) for x, y in spots]
            assert seen in ([0, 1, 2, 3, 4], [1, 0, 2, 4, 3])


def test_points_go_round_the_face_the_same_way_in_a_mirror() -> None:
    """From the left eye over the right eye to the mouth is a turn to the right in every picture."""
    painted = scenes()
    for five in painted.points[painted.kinds == FACE]:
        across, down = five[1] - five[0], five[3] - five[0]
        assert float(across[0] * down[1] - across[1] * down[0]) > 0


def test_a_face_gets_the_size_place_and_angle_it_was_given() -> None:
    box = torch.tensor([[10.0, 20.0, 50.0, 60.0]])
    matrix = place(
        box,
        size=torch.tensor([80.0]),
        degrees=torch.tensor([90.0]),
        mirrored=torch.tensor([False]),
        stretch=torch.tensor([1.0]),
        centre=torch.tensor([[100.0, 120.0]]),
    )[0]
    moved = torch.tensor([[30.0, 40.0], [30.0, 60.0]]) @ matrix[:, :2].T + matrix[:, 2]
    # the chin, below the middle, points to the picture's left: Detection.roll of 90 degrees
    torch.testing.assert_close(moved, torch.tensor([[100.0, 120.0], [60.0, 120.0]]), atol=1e-4, rtol=0)


def test_the_same_generator_draws_the_same() -> None:
    one, other = scenes(seed=3), scenes(seed=3)
    torch.testing.assert_close(one.pictures, other.pictures)
    assert not torch.equal(one.pictures, scenes(seed=4).pictures)


def test_cells_without_faces_have_no_labels() -> None:
    empty = MosaicConfig(num_whole=2, num_split=1, empty_share=1.0, scrambled_share=0.0, piece_share=0.0)
    assert int((scenes(empty).kinds > 0).sum()) == 0
    scrambled = MosaicConfig(num_whole=2, num_split=1, empty_share=0.0, scrambled_share=1.0, piece_share=0.0)
    assert int((scenes(scrambled).kinds > 0).sum()) == 0


def test_pieces_of_huge_faces_are_no_faces() -> None:
    pieces = MosaicConfig(num_whole=4, num_split=2, empty_share=0.0, scrambled_share=0.0, piece_share=1.0)
    assert int((scenes(pieces).kinds == FACE).sum()) == 0


def test_sizes_stay_within_their_range() -> None:
    plan = decide(
        dotted_pool(), torch.tensor([0]), 50, 256, (90.0, 140.0), PLAIN, torch.Generator().manual_seed(0)
    )
    side = 100 * plan.cell_from_photo[:, :, :2].det().abs().sqrt()
    assert float(side.min()) > 80
    assert float(side.max()) < 160


def test_everything_at_once_stays_a_picture() -> None:
    painted = scenes(MosaicConfig(num_whole=6, num_split=3), covered=1.0)
    assert bool(painted.pictures.isfinite().all())
    assert float(painted.pictures.min()) >= 0
    assert float(painted.pictures.max()) <= 1
    real = painted.boxes[painted.kinds == FACE]
    assert bool((real[:, 2:] > real[:, :2]).all())


def make(boxes: list[list[float]], side: int = 8) -> Scenes:
    box = torch.tensor(boxes, dtype=torch.float32)[:, None]
    pictures = torch.arange(len(boxes), dtype=torch.float32)[:, None, None, None].expand(-1, 3, side, side)
    points = box[:, :, None, :2].expand(-1, 1, 5, 2).contiguous()
    return Scenes(pictures.contiguous(), box, points, torch.full((len(boxes), 1), FACE))


def test_four_scenes_become_one() -> None:
    joined = assemble(make([[1, 1, 3, 3]] * 4))
    assert joined.pictures[0, 0, ::8, ::8].tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert joined.boxes[0, :, 0].tolist() == [1.0, 9.0, 1.0, 9.0]
    assert joined.boxes[0, :, 3].tolist() == [3.0, 3.0, 11.0, 11.0]
    assert joined.points[0, 3, 0].tolist() == [9.0, 9.0]


@pytest.mark.parametrize(("left", "kind"), [(0.7, 1), (0.4, 2), (0.1, 0)])
def test_what_is_left_of_a_face_decides(left: float, kind: int) -> None:
    width = 4.0
    x0 = -0.5 - (1 - left) * width
    clipped = clip(make([[x0, 1, x0 + width, 5]]))
    assert int(clipped.kinds[0, 0]) == kind
    assert float(clipped.boxes[0, 0, 0]) == -0.5


def test_joining_makes_room_and_tidying_takes_it_away() -> None:
    four, one = assemble(make([[1, 1, 3, 3]] * 4)), make([[1, 1, 3, 3]], side=16)
    both = join(one, four)
    assert both.kinds.tolist() == [[1, 0, 0, 0], [1, 1, 1, 1]]
    last = Scenes(both.pictures, both.boxes, both.points, torch.tensor([[0, 0, 0, 1], [0, 1, 0, 2]]))
    neat = tidy(last)
    assert neat.kinds.tolist() == [[1, 0], [1, 2]]
    torch.testing.assert_close(neat.boxes[1], both.boxes[1, [1, 3]])


def test_scrambling_keeps_every_block() -> None:
    picture = torch.rand(2, 3, 16, 16)
    mixed = scramble(picture, torch.Generator().manual_seed(0))

    def blocks(image: torch.Tensor) -> list[list[float]]:
        return sorted(image.unfold(1, 4, 4).unfold(2, 4, 4).permute(1, 2, 0, 3, 4).reshape(16, -1).tolist())

    assert blocks(mixed[0]) == blocks(picture[0])
    assert not torch.equal(mixed, picture)


def test_bounds_of_points() -> None:
    assert bounds(torch.tensor([[1.0, 5.0], [3.0, 2.0]])).tolist() == [1.0, 2.0, 3.0, 5.0]
