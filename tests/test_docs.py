"""The pages in docs do what they say: their blocks run, in a folder with the photos they name."""

import importlib.util
import shutil
from pathlib import Path

import pytest
import torch

from mien.image.io import read_image, write_image

ROOT = Path(__file__).parent.parent
PAGES = sorted(path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md"))
NEEDS_SERVER = {Path("tasks/serve.md")}
"""Its Python asks a server that runs; tests/web does that."""

spec = importlib.util.spec_from_file_location("readme_blocks", Path(__file__).parent / "test_readme.py")
assert spec is not None
assert spec.loader is not None
readme = importlib.util.module_from_spec(spec)
spec.loader.exec_module(readme)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Photos by the names that pages give them."""
    examples = ROOT / "examples"
    shutil.copytree(examples, tmp_path / "examples")
    for name in ("old.jpg", "bad.jpg"):
        shutil.copy(examples / "damaged.jpg", tmp_path / name)
    shutil.copy(examples / "masked.jpg", tmp_path / "masked.jpg")
    for name in ("good1.jpg", "good2.jpg", "photo.jpg"):
        shutil.copy(examples / "astronaut.jpg", tmp_path / name)
    (tmp_path / "album").mkdir()
    shutil.copy(examples / "damaged.jpg", tmp_path / "album" / "one.jpg")
    shutil.copy(examples / "astronaut.jpg", tmp_path / "album" / "two.jpg")
    write_mask(tmp_path / "here.png", examples / "masked.jpg")
    return tmp_path


def write_mask(path: Path, photo: Path) -> None:
    """White over the lower half."""
    picture = read_image(photo)
    mask = torch.zeros_like(picture)
    mask[:, picture.shape[1] // 2 :] = 1
    write_image(path, mask)


def add_films(folder: Path) -> None:
    """A clip of two seconds and a GIF, both of a face that stands still."""
    from mien.image.io import encode_animation
    from mien.video.made import film_of

    face = read_image(ROOT / "examples" / "damaged.jpg")[:, :256, 96:352]
    (folder / "clip.mp4").write_bytes(film_of([face] * 8, 0.25, ".mp4"))
    (folder / "wave.gif").write_bytes(encode_animation([face] * 3, "GIF", 0.25))


def test_every_page_is_named_somewhere() -> None:
    """A page that nothing links to is read by nobody."""
    sources = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs" / page for page in PAGES)]
    text = {source: source.read_text() for source in sources}
    for page in PAGES:
        if page.parent == Path("tasks"):
            others = (words for source, words in text.items() if source.name != page.name)
            assert any(page.name in words for words in others), f"no page links to {page}"


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if page not in NEEDS_SERVER], ids=str)
def test_the_blocks_of_a_page_run(page: Path, folder: Path) -> None:
    if page == Path("tasks/video.md"):
        add_films(folder)
    for block in readme.read_blocks((ROOT / "docs" / page).read_text()):
        if block.runs:
            result = readme.run(block, folder)
            assert result.returncode == 0, f"{page}:{block.line}\n{result.stdout}\n{result.stderr}"
