from pathlib import Path

import pytest

from mien.recipes.sources import Sources


def test_what_is_needed_and_missing_is_named() -> None:
    sources = Sources(photos=(Path("faces"),))
    assert sources.need("photos", "aligned faces") == (Path("faces"),)
    with pytest.raises(ValueError, match="needs --labels: where the faces are"):
        sources.need("labels", "where the faces are")
