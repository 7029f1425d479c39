"""The site is made of the pages of the repository, at the paths they have there, so that links
between them work on a code host and in the site alike. The reference has a page a public module.
"""

import importlib
import importlib.util
from pathlib import Path

from links import problems  # beside this module: mkdocs lets hooks import that
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
FROM_ROOT = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "config.example.toml")
COPIED = {".md", ".svg", ".png", ".json", ".yml", ".cfg", ".conf", ".cron"}
CACHECTL = {
    "The cache": ("Cache", "Namespace", "CachedFunction", "Write", "MISSING", "MissingType"),
    "Outcomes": ("Outcome", "Removed"),
    "Reports": (
        "Stats", "NamespaceStats", "Window", "Status", "Usage", "Application", "Cleanup",
        "CleanupReport",
    ),
    "Events": ("Event", "EventKind", "MissReason"),
    "Entries and policies": ("Policy", "Entry", "EntryInfo", "Settings"),
}  # fmt: skip
INTERNAL = (
    "of", "total", "last", "use", "loading", "functions", "fresh_value", "store",
    "turns", "before_fork", "after_fork_in_child",
)  # fmt: skip
TYPES = """
In signatures, a `Duration` is seconds as a number, a text such as `90`, `"90s"`, `"15m"`, `"1h30m"`,
`"7d"` or `"none"`, or a `timedelta`. `Money` is dollars, as a number, a decimal text or a `Decimal`.
A `Cost` is that, or a function that tells it from the value. A `Listener` is called with an `Event`.
"""
ERRORS = "cachectl.errors"
HIDDEN = ("show_root_heading: false", "show_root_toc_entry: false")
OTHERS = {
    ERRORS: HIDDEN,
    "cachectl.plugins": (*HIDDEN, "show_if_no_docstring: true"),
    "cachectl.testing": (*HIDDEN, "filters: ['!^_', '!^test_', '!^pytest_']"),
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the public modules that there are in the navigation."""
    pages = [{name: _page(name)} for name in ("cachectl", *_others())]
    config.nav = [*(config.nav or []), {"Reference": pages}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace the files of docs/ by those of the repository that belong to the site."""
    sources = [ROOT / name for name in FROM_ROOT]
    sources += [path for path in sorted((ROOT / "docs").rglob("*")) if path.suffix in COPIED]
    found = [
        File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path))
        for path in sources
    ]
    found += [file for file in files if file.src_dir != config.docs_dir]  # the theme's
    found.append(File.generated(config, _page("cachectl"), content=_package()))
    found += [
        File.generated(config, _page(name), content=f"# {name}\n\n{_directive(name, *options)}")
        for name, options in _others().items()
    ]
    return Files(found)


def on_post_build(config: MkDocsConfig) -> None:
    """Fail if a link leads nowhere, or a page fetches something from elsewhere."""
    wrong = problems(Path(config.site_dir))
    if wrong:
        raise PluginError("\n".join(wrong))


def _others() -> dict[str, tuple[str, ...]]:
    return {name: options for name, options in OTHERS.items() if importlib.util.find_spec(name)}


def _page(module: str) -> str:
    return f"reference/{module}.md"


def _package() -> str:
    """Return the page of the package: what it exports, in groups. Errors have a page of their own."""
    exported = set(importlib.import_module("cachectl").__all__)
    exported -= {name for name in vars(importlib.import_module(ERRORS)) if name[0] != "_"}
    groups = {
        title: [name for name in names if name in exported] for title, names in CACHECTL.items()
    }
    groups["More"] = sorted(exported.difference(*groups.values()))
    head = _directive("cachectl", "members: false", *HIDDEN)
    parts = ["# cachectl\n", head, TYPES]
    options = [
        "heading_level: 3",
        "show_if_no_docstring: true",
        "filters:",
        "  - '!^_'",
        *(f"  - '!^{name}$'" for name in INTERNAL),
    ]
    for title, names in groups.items():
        parts += [f"## {title}\n"] if names else []
        parts += [_directive(f"cachectl.{name}", *options) for name in names]
    return "\n".join(parts)


def _directive(name: str, *options: str) -> str:
    """Return what mkdocstrings replaces by the documentation of `name`."""
    return "\n".join([f"::: {name}", "    options:", *(f"      {each}" for each in options), ""])
