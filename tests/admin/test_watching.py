"""Which namespaces a watch shows where there is no room for all."""

from cachectl._admin.overview import Asked
from cachectl._admin.watching import Moment
from tests.cli.support import voice


def names(sort: str, most: int | None) -> list[str]:
    moment = Moment(voice.overview(), voice.LAST_MINUTE, Asked((), None, sort, ()), {})
    return [now.row.name for now in moment.rows(most)]


def test_what_is_marked_comes_first_and_then_the_busiest():
    assert names("", 4) == ["parchment", "rag", "tts", "agent-config"]
    assert names("", None) == sorted(names("", None))


def test_an_order_that_was_asked_for_is_kept():
    assert names("misses", 3) == names("misses", None)[:3]
    assert names("namespace:desc", 2) == ["tts", "sessions"]
