"""What is generated from the code says what the code says; what a page refers to is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def test_the_page_of_providers_is_what_the_code_says() -> None:
    command = [sys.executable, "scripts/providers_page.py"]
    page = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs/providers.md").read_text() == page, f"run: {' '.join(command[1:])} > docs/providers.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_link_and_picture_leads_somewhere(page: Path) -> None:
    targets = [target for target in _LINK.findall(page.read_text()) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_readme_leads_to_every_page() -> None:
    linked = {(ROOT / target).resolve() for target in _LINK.findall((ROOT / "README.md").read_text())}
    assert [page.name for page in PAGES[1:] if page not in linked] == []


def test_every_picture_is_one_that_the_script_makes_and_a_page_shows() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from screens import COMMANDS
    finally:
        sys.path.pop(0)
    made = {path.stem for path in (ROOT / "docs/screens").glob("*.svg")}
    assert made == set(COMMANDS)
    text = "".join(page.read_text() for page in PAGES)
    assert [name for name in made if f"screens/{name}.svg" not in text] == []
