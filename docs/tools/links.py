"""Whether the links of a built site lead somewhere, and whether it needs nothing from elsewhere."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {
    ("script", "src"),
    ("img", "src"),
    ("link", "href"),
    ("iframe", "src"),
    ("source", "src"),
}
NOT_FETCHED = {"canonical", "next", "prev", "alternate"}


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[tuple[str, bool]] = []  # and whether a browser fetches it unasked
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors.update(given[name] for name in ("id", "name") if name in given)
        fetched = given.get("rel") not in NOT_FETCHED
        for name in ("href", "src"):
            if name in given:
                self.links.append((given[name], fetched and (tag, name) in FETCHED))


def problems(site: Path) -> list[str]:
    """Return what is wrong with the links of the HTML pages below `site`."""
    pages = {
        path.resolve(): _Page(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))
    }
    return [
        f"{path.relative_to(site.resolve())}: {problem}"
        for path, page in pages.items()
        if path.name != "404.html"  # its links begin at the root of whatever serves it
        for problem in _wrong(path, page, pages)
    ]


def _wrong(path: Path, page: _Page, pages: dict[Path, _Page]) -> Iterator[str]:
    for link, fetched in page.links:
        target = urlsplit(link)
        if target.scheme or target.netloc:
            if fetched and target.scheme != "data":
                yield f"{link} is fetched from elsewhere"
            continue
        place = (path.parent / unquote(target.path)).resolve() if target.path else path
        if place.is_dir():
            place /= "index.html"
        if not place.exists():
            yield f"{link} leads nowhere"
        elif (
            target.fragment
            and place in pages
            and unquote(target.fragment) not in pages[place].anchors
        ):
            yield f"{link} has no such anchor"
