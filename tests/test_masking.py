"""Secrets in texts are hidden, wherever a URL got into one, in time proportional to the text."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachectl import BackendUnavailable, InvalidKey
from cachectl._masking import masked

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    "text",
    [
        f"redis://:{SECRET}@host:6379/0",
        f"redis://user:{SECRET}@host",
        f"redis://{SECRET}@host",
        f"REDISS://u:{SECRET}@host",
        f"unix://u:{SECRET}@/run/redis.sock?db=1",
        f"redis+sentinel://:{SECRET}@a:26379,b:26379/mymaster",
        f"redis+cluster://u:{SECRET}@a:7000",
        f"redis:/u:{SECRET}@host is what a path makes of it",
        f"redis://host/0?password={SECRET}",
        f"redis://host/0?db=1&PASSWORD={SECRET}&x=1",
        f"https://host/?api_key={SECRET}",
        f"https://host/?a=1;auth={SECRET}#top",
        f"redis://:{SECRET}/#?@host",
        f"redis://:a@b/{SECRET}@host",
        f"redis://:{SECRET}",
        f"redis://user:{SECRET} refused the connection",
        f"redis://:two {SECRET} words@host:6379",
        f"redis://:two\n{SECRET}\twords@host:6379",
        f"redis%3A%2F%2F%3A{SECRET}%40host",
        f"redis%253A%252F%252Fu%253A{SECRET}%2540host",
        f"https://host/?next=redis%3A%2F%2Fu%3A{SECRET}%40host",
        f"redis://h/?password%3D{SECRET}",
        f"of redis://:{SECRET}@a and redis://u:{SECRET}@b, redis://:{SECRET}@c/1",
        f"redis://:***@a,redis://u:{SECRET}@b",
        f":{SECRET}@host:6379",
        f"user:{SECRET}@host:6379/0",
        f"host=localhost password={SECRET} dbname=x",
        f"--url=redis://:{SECRET}@host",
        f"'redis://:{SECRET}@host': not a namespace",
        f"{{'url': 'redis://:{SECRET}@host'}}",
    ],
)
def test_a_secret_is_hidden(text: str):
    assert SECRET not in masked(text)
    assert masked(masked(text)) == masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "namespace 'ai' is disabled",
        "Redis at redis://user:***@host:6379/0 timed out",
        "Redis at unix://:***@/run/redis.sock?db=3 timed out",
        "Redis at redis://[::1]:6379/0 refused the connection",
        "Redis at redis://localhost:6379: refused",
        "music has no user:alice@example.com",
        "/var/cache/app@2/key=1 is not a directory",
        "write redis://host:6379/0, or rediss://",
        "100 % of max_entries=5",
        "50%25 of it",
        "a 'password' is not a setting",
    ],
)
def test_what_is_no_secret_stays(text: str):
    assert masked(text) == text


@pytest.mark.parametrize(
    "piece",
    [":/", "://", "://a:", ":///", "@", "=", "&password=", "%25", "a ://:b ", ":[", "x:/@ "],
)
def test_the_steps_are_proportional_to_the_text(piece: str):
    """Counted in calls: patterns have no repetition within another, and are matched from one place."""

    def steps(times: int) -> int:
        count = 0

        def note(_frame: object, event: str, _argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        text = piece * times
        sys.setprofile(note)
        try:
            masked(text)
        finally:
            sys.setprofile(None)
        return count

    assert steps(4_000) <= 5 * steps(1_000)


@given(st.text(alphabet="a1:/@=?&%5 \n*[].", max_size=40))
def test_whatever_is_masked_may_be_masked_again(text: str):
    assert masked(masked(masked(text))) == masked(masked(text))


def test_no_exception_of_ours_tells_a_secret():
    url = f"redis://:{SECRET}@host"
    for error in (InvalidKey(f"not a key: {url}"), BackendUnavailable(f"{url} is away", "outage")):
        assert SECRET not in f"{error} {error!r} {error.args}"
