import pytest
import torch

from mien.evaluate.lists import read_cfp, read_labelled, read_lfw
from mien.evaluate.pairs import made_pairs
from mien.evaluate.sheets import EvaluationError


def test_made_pairs_are_as_many_of_both_kinds(people):
    pairs = made_pairs(people, seed=0)
    assert len(pairs.portraits) == 16
    assert int(pairs.same.sum()) == 4 * 6
    assert len(pairs) == 2 * 4 * 6
    for first, second, same in zip(pairs.first, pairs.second, pairs.same, strict=True):
        assert (pairs.people[first] == pairs.people[second]) == bool(same)
        assert first != second
    assert len({(int(a), int(b)) for a, b in zip(pairs.first, pairs.second, strict=True)}) == len(pairs)
    assert torch.equal(pairs.folds.unique(), torch.arange(10))
    for kind in (pairs.same, ~pairs.same):
        counts = torch.bincount(pairs.folds[kind])
        assert counts.max() - counts.min() <= 1


def test_the_seed_makes_the_pairs(people):
    one, again, other = (made_pairs(people, seed) for seed in (0, 0, 1))
    assert torch.equal(one.first, again.first)
    assert torch.equal(one.second, again.second)
    assert not torch.equal(one.second, other.second)
    assert torch.equal(one.first, made_pairs(people[::-1], 0).first)


def test_too_few_pictures_make_no_folds(people, photos):
    with pytest.raises(EvaluationError, match="make 1 pairs of one person, wanted 10 or more"):
        made_pairs(people[:2])
    with pytest.raises(EvaluationError, match=r"3 pictures of 1 people make 3 pairs"):
        made_pairs(photos)
    with pytest.raises(EvaluationError, match="pairs of two people, wanted"):
        made_pairs(people[:4] + people[:4] + people[:1])


@pytest.fixture
def root(people):
    return people[0].parent.parent


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def test_lfw(root, tmp_path):
    lines = []
    for fold in range(2):
        lines += [f"person_{fold}\t1\t2", f"person_{fold}\t3\t4"]
        lines += [f"person_{fold}\t1\tperson_3\t2", f"person_{fold}\t2\tperson_2\t1"]
    pairs = read_lfw(write(tmp_path / "pairs.txt", "2\t2", *lines), root)
    assert pairs.same.tolist() == [True, True, False, False] * 2
    assert pairs.folds.tolist() == [0] * 4 + [1] * 4
    assert pairs.portraits[int(pairs.second[2])].name == "person_3/person_3_0002.png"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["10"], "folds and pairs per fold"),
        (["2 1", "person_0 1 2"], "2 folds of 1 and 1 pairs, but 1 lines"),
        (["1 1", "person_0 1 2", "person_0 1 2"], "line 3: not the pair"),
        (["1 1", "person_0 1 9", "person_0 1 person_1 8"], "names 3 pictures, of which 2 are missing"),
        (["1 1", "person_0 one 2", "person_0 1 person_1 1"], "the number of a picture is wanted"),
        ([""], "is empty"),
    ],
)
def test_lfw_lists_that_are_wrong(root, tmp_path, lines, message):
    with pytest.raises(EvaluationError, match=message):
        read_lfw(write(tmp_path / "pairs.txt", *lines), root)


def test_a_list_that_is_not_there(root, tmp_path):
    with pytest.raises(EvaluationError, match="no such file"):
        read_lfw(tmp_path / "pairs.txt", root)


@pytest.fixture
def cfp(tmp_path, root):
    """Five frontal pictures and five others, in two folds."""
    protocol = tmp_path / "Protocol"
    places = [
        f"../person_{person}/person_{person}_{number:04d}.png" for person in (0, 1) for number in (1, 2)
    ]
    write(
        protocol_folder(protocol) / "Pair_list_F.txt", *(f"{i + 1} {place}" for i, place in enumerate(places))
    )
    write(
        protocol / "Pair_list_P.txt",
        *(
            f"{i + 1} {place.replace('0001', '0003').replace('0002', '0004')}"
            for i, place in enumerate(places)
        ),
    )
    for fold in ("01", "02"):
        folder = protocol / "Split" / "FP" / fold
        folder.mkdir(parents=True)
        write(folder / "same.txt", "1,2", "3,4")
        write(folder / "diff.txt", "1,3", "2,4")
    return protocol


def protocol_folder(path):
    path.mkdir()
    return path


def test_cfp(cfp, root):
    pairs = read_cfp(cfp, root)
    assert pairs.same.tolist() == [True, True, False, False] * 2
    assert pairs.folds.tolist() == [0] * 4 + [1] * 4
    first, second = pairs.portraits[int(pairs.first[0])], pairs.portraits[int(pairs.second[0])]
    assert (first.name, second.name) == ("person_0/person_0_0001.png", "person_0/person_0_0004.png")


def test_cfp_lists_that_are_wrong(cfp, root):
    with pytest.raises(EvaluationError, match="wanted folders 01 to 10"):
        read_cfp(cfp, root, "FF")
    write(cfp / "Split" / "FP" / "02" / "diff.txt", "1,99")
    with pytest.raises(EvaluationError, match=r"no pair of listed pictures: '1,99'"):
        read_cfp(cfp, root)


def test_labelled(root, tmp_path):
    same, different = (
        "person_0/person_0_0001.png person_0/person_0_0002.png 1",
        ("person_0/person_0_0001.png,person_1/person_1_0002.png,-1"),
    )
    pairs = read_labelled(write(tmp_path / "pairs.txt", *([same, different] * 5)), root)
    assert pairs.same.tolist() == [True, False] * 5
    assert pairs.folds.tolist() == list(range(10))
    with pytest.raises(EvaluationError, match="1 pairs cannot make 10 folds"):
        read_labelled(write(tmp_path / "pairs.txt", same), root)
    with pytest.raises(EvaluationError, match="line 1: wanted two pictures"):
        read_labelled(write(tmp_path / "pairs.txt", *(["a b 2"] * 10)), root)
