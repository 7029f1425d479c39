"""The pictures of terminals: there is one for each command, dark and light, and none needs anything else."""

import ast
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.home import ROOT

DIRECTORY = ROOT / "docs" / "pictures"


def _names() -> set[str]:
    tree = ast.parse((ROOT / "docs" / "pictures.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Picture"]
    return {ast.literal_eval(call.args[0]) for call in made}


def test_there_is_a_picture_of_each_command_dark_and_light():
    made = {f"{name}-{theme}.svg" for name in _names() for theme in ("dark", "light")}
    assert {path.name for path in DIRECTORY.iterdir()} == made


@pytest.mark.parametrize("path", sorted(DIRECTORY.iterdir()), ids=lambda path: path.stem)
def test_a_picture_is_a_drawing_that_fetches_nothing(path: Path):
    text = path.read_text()
    top = ET.fromstring(text)
    assert top.tag == "{http://www.w3.org/2000/svg}svg"
    assert "cachectl" in "".join(top.itertext())
    assert not [word for word in ("url(", "href", "<script", "@import") if word in text]
