import torch

from mien.types import Detection
from mien.video.track import Sight, follow, largest_of_scenes, lasting, overlap

ANNA, BERT = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])


def sight(x, person=None, side=20.0, y=10.0):
    box = torch.tensor([x, y, x + side, y + side])
    return Sight(Detection(box, torch.full((5, 2), float(x)), 0.9), person)


def tracks_of(frames, cuts=(0,), rate=25):
    return follow(((index / rate, faces) for index, faces in enumerate(frames)), cuts)


def test_overlap_of_boxes():
    box = torch.tensor([0.0, 0, 10, 10])
    assert overlap(box, box) == 1
    assert abs(overlap(box, torch.tensor([5.0, 0, 15, 10])) - 1 / 3) < 1e-6
    assert overlap(box, torch.tensor([20.0, 0, 30, 10])) == 0


def test_two_faces_are_two_tracks():
    tracks = tracks_of([[sight(10 + 2 * t), sight(100 - 2 * t)] for t in range(10)])
    assert [list(track.frames) for track in tracks] == [list(range(10))] * 2
    assert tracks[0].detection(3).box[0] == 16


def test_the_order_of_faces_does_not_matter():
    tracks = tracks_of([[sight(10), sight(100)][:: 1 if t % 2 else -1] for t in range(6)])
    assert sorted(float(track.table[:, 0].std()) for track in tracks) == [0.0, 0.0]


def test_a_face_that_is_lost_for_a_moment_stays_itself():
    seen = [t for t in range(30) if not 10 <= t < 18]
    (track,) = tracks_of([[sight(10 + 3 * t)] if t in seen else [] for t in range(30)])
    assert list(track.frames) == seen


def test_a_face_that_is_lost_for_long_is_another_track():
    tracks = tracks_of([[sight(10)] if not 10 <= t < 40 else [] for t in range(50)])
    assert len(tracks) == 2


def test_people_who_cross_stay_who_they_are():
    def frame(t):
        return [sight(10 + 4 * t, ANNA), sight(90 - 4 * t, BERT, y=12.0)]

    anna, bert = tracks_of([frame(t) for t in range(21)])
    assert (anna.table[:, 0].diff() == 4).all()
    assert (bert.table[:, 0].diff() == -4).all()


def test_somebody_else_in_the_same_place_is_another_track():
    frames = [[sight(10, ANNA)] for _ in range(5)] + [[sight(22, BERT)] for _ in range(5)]
    assert len(tracks_of(frames)) == 2


def test_a_cut_ends_all_tracks():
    tracks = tracks_of([[sight(10)]] * 8, cuts=(0, 4))
    assert [(track.scene, list(track.frames)) for track in tracks] == [(0, [0, 1, 2, 3]), (1, [4, 5, 6, 7])]


def test_single_answers_are_dropped_unless_the_scene_is_as_short():
    tracks = tracks_of([[sight(10), sight(100)] if t == 2 else [sight(10)] for t in range(6)])
    assert len(tracks) == 2
    assert len(lasting(tracks, [0], 6)) == 1
    assert len(lasting(tracks_of([[sight(10)]]), [0], 1)) == 1


def test_the_largest_face_of_each_scene():
    tracks = tracks_of([[sight(10), sight(100, side=40.0)]] * 3 + [[sight(10)]] * 3, cuts=(0, 3))
    kept = largest_of_scenes(tracks)
    assert [(track.scene, float(track.table[0, 0])) for track in kept] == [(0, 100.0), (1, 10.0)]
