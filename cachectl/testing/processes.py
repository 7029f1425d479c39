"""Programs that tests run in processes of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cachectl.testing.opener import ENVIRONMENT

PRELUDE = f"""
import json, os, sys, threading, time
from cachectl import Cache, MISSING
from cachectl._config import load

options = json.loads(sys.argv[1])

def open_cache(**more):
    return Cache.of(load(overrides=options, environ={ENVIRONMENT}), **more)
"""


def start(
    program: str,
    options: Mapping[str, object],
    script: Path | None = None,
    arguments: Sequence[str] = (),
) -> "subprocess.Popen[str]":
    """Run a program that opens its cache with `open_cache()`; as a file, if it is given one."""
    source = PRELUDE + program
    if script is not None:
        script.write_text(source)
    command = ["-c", source] if script is None else [str(script)]
    return subprocess.Popen(
        [sys.executable, *command, json.dumps(options, default=str), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def finish(process: "subprocess.Popen[str]") -> str:
    """Wait for the end of a program and return what it printed; it must have succeeded."""
    try:
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert not errors, errors
    return output
