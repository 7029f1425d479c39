"""What the figures were measured on. No host, no path, nobody's name."""

import os
import platform
import re
import sqlite3
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

_LIBRARIES: Final = (
    "cachectl",
    "diskcache",
    "redis",
    "numpy",
    "pydantic",
    "typer",
    "rich",
    "xxhash",
    "zstandard",
    "backports.zstd",
    "cachetools",
    "cachebox",
    "theine",
    "dogpile.cache",
    "cashews",
    "orjson",
    "msgspec",
)


def describe() -> dict[str, str]:
    """Return the parts that decide about speed, with their versions."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": platform.system(),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "SQLite": sqlite3.sqlite_version,
        "Redis server": _printed("redis-server", "--version", r"v=([\d.]+)"),
        "hyperfine": _printed("hyperfine", "--version", r"([\d.]+)"),
        **{name: _version(name) for name in _LIBRARIES},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    found = (
        re.search(r"^model name\s*: (.*)$", info.read_text(), re.MULTILINE)
        if info.exists()
        else None
    )
    return found[1] if found else platform.machine()


def _printed(command: str, option: str, pattern: str) -> str:
    printed = subprocess.run([command, option], capture_output=True, text=True, check=True).stdout
    found = re.search(pattern, printed)
    return found[1] if found else "unknown"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
