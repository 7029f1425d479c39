"""`${VAR}` in the strings of a configuration file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachectl._config.interpolate import interpolate
from cachectl._config.unseen import unseen

LONE_DOLLAR = "expected ${NAME}, ${NAME:-default} or $$ for a dollar, found another $"
PLAIN = st.text(st.characters(exclude_characters="$"))
HELD = st.text(min_size=1).filter(lambda text: unseen(text) is None)


@given(PLAIN)
def test_text_without_a_dollar_is_itself(text: str) -> None:
    assert interpolate(text, {}) == text


@given(PLAIN, HELD, PLAIN)
def test_what_a_variable_holds_is_inserted_as_it_is(before: str, held: str, after: str) -> None:
    """Nothing in a value is interpreted: neither a dollar nor a backslash."""
    assert interpolate(before + "${VAR}" + after, {"VAR": held}) == before + held + after


@given(st.text())
def test_every_text_can_be_written_by_doubling_its_dollars(text: str) -> None:
    assert interpolate(text.replace("$", "$$"), {}) == text


@given(st.text(st.sampled_from("${}:-AB ")))
def test_whatever_is_written_is_replaced_or_refused(text: str) -> None:
    """No text makes it fail in another way, and no variable is read that is not named."""
    try:
        result = interpolate(text, {"A": "x", "UNNAMED": "canary"})
    except ValueError:
        return
    assert "canary" not in result


@pytest.mark.parametrize(
    ("text", "environ", "expected"),
    [
        ("${HOURS:-168}h", {}, "168h"),
        ("${HOURS:-168}h", {"HOURS": ""}, "168h"),
        ("${HOURS:-168}h", {"HOURS": "24"}, "24h"),
        ("${VAR}", {"VAR": ""}, ""),
        ("${VAR:-}", {}, ""),
        ("${VAR:-a:-b}", {}, "a:-b"),
        ("${VAR:-1$$}", {}, "1$"),
        ("${A}${B}", {"A": "1", "B": "2"}, "12"),
        ("$${VAR}", {"VAR": "x"}, "${VAR}"),
        ("$$$$", {}, "$$"),
        ("${A}", {"A": "${B}", "B": "x"}, "${B}"),
    ],
)
def test_variables_and_defaults(text: str, environ: dict[str, str], expected: str) -> None:
    """A default stands in for a variable that is unset or empty."""
    assert interpolate(text, environ) == expected


@pytest.mark.parametrize(
    "text",
    ["$", "$VAR", "${", "${}", "${VAR", "${1A}", "${VAR-x}", "${A:-${B}}", "$(id)", "${É}"],
)
def test_any_other_dollar_is_refused(text: str) -> None:
    """There is no nesting, no command and no bare variable."""
    with pytest.raises(ValueError) as caught:
        interpolate(text, {"VAR": "canary", "A": "canary", "B": "canary"})
    assert str(caught.value) == LONE_DOLLAR


def test_an_unset_variable_is_named() -> None:
    with pytest.raises(ValueError) as caught:
        interpolate("${REDIS_URL}", {})
    assert str(caught.value) == (
        "expected the variable REDIS_URL, found that it is not set "
        "(${REDIS_URL:-default} gives it a default)"
    )
