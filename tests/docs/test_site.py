"""The site's own check of links finds what is broken, and `make docs` asks it; pages name pages that exist."""

import importlib.util
import re
from pathlib import Path

import pytest

from tests.support.home import ROOT

TOOLS = ROOT / "docs" / "tools"
GOOD = '<h1 id="top">A</h1><a href="#top"></a><a href="sub/b.html#here"></a><img src="a.svg">'


def problems(site: Path) -> list[str]:
    spec = importlib.util.spec_from_file_location("links", TOOLS / "links.py")
    assert spec
    assert spec.loader
    links = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(links)
    found: list[str] = links.problems(site)
    return found


@pytest.fixture
def site(tmp_path) -> Path:
    """A site of two pages without a fault."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.svg").touch()
    (tmp_path / "index.html").write_text(GOOD)
    (tmp_path / "sub" / "b.html").write_text('<p id="here"></p><a href="..">A</a>')
    return tmp_path


def test_a_good_site_passes(site):
    assert problems(site) == []


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ('<a href="c.html">', "c.html leads nowhere"),
        ('<a href="#gone">', "#gone has no such anchor"),
        ('<a href="sub/b.html#gone">', "sub/b.html#gone has no such anchor"),
        ('<img src="b.svg">', "b.svg leads nowhere"),
        ('<script src="https://example.org/a.js">', "https://example.org/a.js is fetched from elsewhere"),
        ('<link rel="stylesheet" href="//example.org/a.css">', "//example.org/a.css is fetched from elsewhere"),
    ],
)  # fmt: skip
def test_what_is_broken_is_told(link, told, site):
    (site / "index.html").write_text(GOOD + link)
    assert problems(site) == [f"index.html: {told}"]


def test_links_elsewhere_may_be_followed_by_people(site):
    (site / "index.html").write_text(GOOD + '<a href="https://example.org">')
    assert problems(site) == []


@pytest.mark.parametrize(
    "page", ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "docs/library.md", "docs/monitoring.md", "docs/performance.md"]
)  # fmt: skip
def test_links_between_pages_lead_somewhere_on_a_code_host(page):
    """Files exist, and headings: their anchors are made there as they are in the site."""
    path = ROOT / page
    for link in re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", path.read_text()):
        if link.startswith(("https://", "http://")):
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), f"{page}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{page}: {link}"


def anchors(page: Path) -> set[str]:
    """Return the anchors that a code host makes of the headings of a page."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
