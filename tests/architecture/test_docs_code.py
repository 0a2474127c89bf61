"""The Python in README.md and in docs/ runs, page by page, each in a folder of its own."""

from pathlib import Path

import pytest
from sybil import Sybil
from sybil.example import SybilFailure
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("README.md"), *(ROOT / "docs").rglob("*.md")])


def run_page(path: Path) -> int:
    """Run the Python blocks of a page in order, and count them."""
    sybil = Sybil(parsers=[PythonCodeBlockParser(), SkipParser()], patterns=["*.md"])
    document = sybil.parse(path)
    examples = list(document.examples())
    for example in examples:
        example.evaluate()
    return len(examples)


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_the_code_of_the_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    run_page(page)


def test_blocks_share_their_names_and_other_languages_are_left_alone(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 20\n```\n\n```console\n$ x\n```\n\n```python\nassert x\n```\n")
    assert run_page(page) == 2


def test_code_that_raises_fails_its_page(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("```python\nassert 1 + 1 == 3\n```\n")
    with pytest.raises(AssertionError):
        run_page(page)


def test_an_example_with_a_wrong_answer_fails_its_page(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("```python\n>>> 1 + 1\n3\n```\n")
    with pytest.raises(SybilFailure, match="Expected"):
        run_page(page)
