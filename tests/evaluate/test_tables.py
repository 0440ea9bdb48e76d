import math

from mien.evaluate.findings import Difference, Findings
from mien.evaluate.highlights import of_model
from mien.evaluate.sheets import Row
from mien.evaluate.tables import as_text, best_in, columns_of, score_in, show, show_difference
from mien.metrics.score import Score


def rows():
    def tar(value, far):
        return Score("tar", value, 10, "pairs", note=f"FAR {far}")

    return (
        Row(
            "both",
            "input",
            (Score("accuracy", 0.8, 10, "pairs", deviation=0.01), tar(0.5, 0.1), tar(0.2, 0.01)),
        ),
        Row("both", "one", (Score("accuracy", 0.9, 10, "pairs", deviation=0.02), tar(0.6, 0.1))),
    )


def test_columns_tell_repeated_measures_apart():
    columns = columns_of(rows())
    assert [column.title for column in columns] == ["accuracy", "TAR, FAR 0.1", "TAR, FAR 0.01"]
    assert [column.unit for column in columns] == ["%", "%", "%"]
    assert score_in(rows()[1], columns[2]) is None
    assert best_in(rows(), columns[0]) == 0.9
    assert best_in(rows(), columns[2]) is None


def test_numbers_have_digits_that_mean_something():
    assert show(rows()[0].scores[0]) == "80.00 ± 1.00"
    assert show(Score("psnr", 23.456, 1, "truth")) == "23.46"
    assert show(Score("ssim", 0.6543, 1, "truth")) == "0.654"
    assert show(Score("psnr", math.inf, 1, "truth")) == "∞"
    assert (
        show_difference(Difference("psnr", "mixed", "a", "b", 0.5, -0.1, 1.1, 9)) == "+0.50 (-0.10 to +1.10)"
    )


def test_text_for_a_terminal():
    gap = Difference("accuracy", "both", "input", "one", 0.1, 0.05, 0.15, 10)
    found = Findings(
        "recognition", "Recognition", {"damage": "mdfr"}, rows(), (gap,), notes=("two left out",)
    )
    lines = as_text(found)
    assert lines[0] == "Recognition: damage mdfr"
    assert lines[2].split() == [
        "both",
        "accuracy",
        "%",
        "TAR,",
        "FAR",
        "0.1",
        "%",
        "TAR,",
        "FAR",
        "0.01",
        "%",
    ]
    assert len({len(line) for line in lines[2:4]}) == 1
    assert lines[-1] == "note: two left out"
    assert lines[-2].endswith("*")
    assert "+10.00 (+5.00 to +15.00)" in lines[-2]


def test_what_a_reader_should_take_away():
    found = Findings("recognition", "Recognition", {}, rows())
    (one,) = of_model("recognition", "lfw", found, "one")
    assert (one.before, one.after, one.unit, one.count) == ("80.00", "90.00", "%", "n = 10")
    assert one.what == "one: accuracy, lfw, both"
    assert of_model("recognition", "lfw", found, "two") == []
    assert of_model("speed", "lfw", found, "one") == []
