"""The cookbook is true: its commands are run as they stand."""

from pathlib import Path

from tests.docs.console import run_in_turn

PAGE = (Path(__file__).parents[2] / "docs" / "cookbook.md").read_text()


def test_each_question_is_answered_as_the_page_shows(tmp_path):
    """On a terminal, in an empty home."""
    run_in_turn(PAGE, tmp_path, on_terminal=True)
