"""Boxes by hand numbers and by counting pixels."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mien.faces.detect import FindTwice, box_areas, distinct, largest, shared_part
from mien.types import Detection

corners = st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(1, 8), st.integers(1, 8))


def painted(corner):
    x, y, width, height = corner
    grid = torch.zeros(24, 24, dtype=torch.bool)
    grid[y : y + height, x : x + width] = True
    return grid


def face(x, y, width, height, score=1.0):
    return Detection(torch.tensor([x, y, x + width, y + height]).float(), torch.zeros(5, 2), score)


@given(corners, corners)
def test_the_shared_part_counts_pixels(first, second):
    one, other = painted(first), painted(second)
    expected = float((one & other).sum() / torch.minimum(one.sum(), other.sum()))
    assert shared_part(face(*first), face(*second)) == pytest.approx(expected)


def test_boxes_without_area_share_nothing():
    empty = torch.tensor([[1.0, 1.0, 1.0, 5.0], [4.0, 4.0, 2.0, 6.0]])
    assert torch.equal(box_areas(empty), torch.zeros(2))
    assert shared_part(face(1, 1, 0, 4), face(0, 0, 9, 9)) == 0


def test_of_boxes_in_each_other_the_surest_stays():
    large, inside = face(10, 10, 20, 20), face(12, 12, 8, 8)
    beside, around = face(26, 10, 20, 20), face(5, 5, 40, 40)
    assert distinct([large, inside, beside], 0.75) == [large, beside]
    assert distinct([inside, large, around], 0.75) == [inside]
    assert distinct([], 0.75) == []


@given(st.lists(corners, min_size=1, max_size=12))
def test_no_two_that_stay_mean_one_face_and_no_face_is_lost(all_corners):
    faces = [face(*corner) for corner in all_corners]
    kept = distinct(faces, 0.5)
    assert all(shared_part(a, b) <= 0.5 for i, a in enumerate(kept) for b in kept[:i])
    assert all(any(one is other or shared_part(one, other) > 0.5 for other in kept) for one in faces)


def test_the_largest_face():
    small, large = face(0, 0, 5, 5, 0.9), face(0, 0, 9, 9, 0.5)
    assert largest([small, large]) == [large]
    assert largest([]) == []


def test_only_faces_both_looks_agree_on_are_found():
    photo = torch.zeros(3, 64, 64)
    sure, doubted, hidden = face(0, 0, 10, 10, 0.4), face(30, 0, 10, 10, 0.9), face(1, 1, 9, 9, 0.5)
    second = {0: 0.9, 30: 0.05, 1: 0.7}

    def look(seen, faces):
        assert seen is photo
        return [replace(one, score=second[int(one.box[0])]) for one in faces]

    find = FindTwice(lambda _: [sure, doubted, hidden], look, threshold=0.5, first_share=0.5, doubtful=0.0)
    (found,) = find(photo)
    assert torch.equal(found.box, sure.box)
    # odds of 2/3 and of 9
    assert found.score == pytest.approx(1 / (1 + (6) ** -0.5))


def test_a_doubtful_face_is_put_where_most_of_it_is_seen():
    looks = []

    def look(photo, faces):
        looks.append(len(faces))
        # the face is at 7, and what is farther away looks less like one
        return [replace(one, score=1 - abs(float(one.box[0]) - 7) / 20) for one in faces]

    ear, whole = face(10, 0, 10, 10, 0.5), face(40, 20, 10, 10, 0.999999)
    find = FindTwice(lambda _: [whole, ear], look, threshold=0.1, first_share=0.8, doubtful=0.85)
    sure, doubted = find(torch.zeros(3, 64, 64))
    assert torch.equal(sure.box, whole.box)
    assert torch.equal(doubted.box, torch.tensor([7.0, 0.0, 17.0, 10.0]))
    assert torch.equal(doubted.points, ear.points - torch.tensor([3.0, 0.0]))
    assert doubted.score == pytest.approx(find.agreed(0.5, 0.85))
    assert looks == [2, 2, 5, 1]


def test_what_both_doubt_is_not_looked_at_again():
    asked = []

    def look(photo, faces):
        asked.append([int(one.box[0]) for one in faces])
        return [replace(one, score=0.9 if one.box[0] == 0 else 0.05) for one in faces]

    find = FindTwice(lambda _: [face(0, 0, 10, 10, 0.6), face(30, 0, 10, 10, 0.2)], look, doubtful=0.0)
    assert len(find(torch.zeros(3, 64, 64))) == 1
    assert asked == [[0, 30], [0]]


@pytest.mark.parametrize(("score", "asked_again"), [(0.9, 1), (0.7, 3)])
def test_what_turns_out_to_be_a_sure_face_is_looked_at_once_more_only_once(score, asked_again):
    asked = []

    def look(photo, faces):
        asked.append(len(faces))
        # all three are parts of one face, and the second look sees it from each
        return [replace(face(10, 10, 20, 20), score=score) for _ in faces]

    parts = [face(10, 10, 9, 9, score), face(21, 21, 9, 9, score), face(10, 21, 9, 9, score)]
    find = FindTwice(lambda _: parts, look, doubtful=0.8, aside=0.0)
    (found,) = find(torch.zeros(3, 64, 64))
    assert torch.equal(found.box, face(10, 10, 20, 20).box)
    assert asked[:2] == [3, asked_again]


def test_a_doubtful_face_takes_nobodys_place():
    large, inside = face(10, 10, 20, 20, 0.6), face(12, 12, 8, 8, 0.5)
    assert distinct([large, inside], 0.75, least=0.7) == [large, inside]
    assert distinct([large, inside], 0.75, least=0.6) == [large]


def test_certainty_stays_within_numbers():
    find = FindTwice(lambda _: [], lambda _, faces: faces, first_share=0.5)
    assert find(torch.zeros(3, 8, 8)) == []
    assert find.agreed(1.0, 1.0) == pytest.approx(1.0, abs=1e-5)
    assert find.agreed(0.0, 1.0) == pytest.approx(0.5)
