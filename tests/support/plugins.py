"""Installing packages with plug-ins: their files, and the entry points that these declare."""

import shutil
import tomllib
from pathlib import Path


def install(package: Path, into: Path) -> Path:
    """Install the package, described by its `pyproject.toml`, as pip does; return where."""
    shutil.copytree(package, into, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    name, version = project["name"], project["version"]
    information = into / f"{name.replace('-', '_')}-{version}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    )
    (information / "entry_points.txt").write_text(
        "".join(_section(group, points) for group, points in project["entry-points"].items())
    )
    return into


def _section(group: str, points: dict[str, str]) -> str:
    return "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in points.items()), ""])
