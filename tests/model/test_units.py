"""Durations, sizes and money: what people write, and what is refused."""

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachectl import UsageError
from cachectl._model.units import (
    Amount,
    format_bytes,
    format_dollars,
    format_seconds,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90), ("90s", 90), ("15m", 900), ("1h30m", 5400), ("7d", 604_800), ("2w", 1_209_600),
        ("1.5h", 5400), ("0.5", 0.5), (" 5m ", 300), ("1d12h", 129_600), (90, 90), (0.25, 0.25),
        (timedelta(days=7), 604_800), ("none", None), ("36500d", 3_153_600_000),
    ],
)  # fmt: skip
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "x", "1x", "1h30", "h", "1 h", "1hh", "-1", "-1s", "+1s", "0", "0s", "1e3", "1_0", "1,5h",
        "٣s", "1h\n5m", "90s;", "None", "nan", "inf", "36501d", "9" * 400 + "s", "1.h", ".5h",
        0, -1, float("nan"), float("inf"), True, None, b"1s", [1], timedelta(0), timedelta(seconds=-1),
    ],
)  # fmt: skip
def test_what_is_not_a_duration(text):
    with pytest.raises(UsageError):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512", 512), ("512B", 512), ("1kB", 1000), ("1KB", 1000), ("1KiB", 1024), ("1.5MiB", 1_572_864),
        ("2GB", 2 * 10**9), ("2GiB", 2**31), ("1TiB", 2**40), ("1.5 MiB", 1_572_864), (4096, 4096),
        ("none", None), ("0.1kB", 100),
    ],
)  # fmt: skip
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "1X", "1MiBs", "1 MiB!", "MiB", "-1", "0", "0.4", "1e3", "٣", "1mib", "1MB1", "1M", "1.5.5MB",
        "9" * 30, 0, -1, 1.5, True, None,
    ],
)  # fmt: skip
def test_what_is_not_a_size(text):
    with pytest.raises(UsageError):
        parse_size(text)


@pytest.mark.parametrize(
    ("dollars", "micros", "over"),
    [
        (0, 0, 0), (1, 1_000_000, 0), (0.005, 5000, 0), ("0.005", 5000, 0), (Decimal("0.1"), 100_000, 0),
        (0.1, 100_000, 0), ("0.0000005", 1, 500), ("0.0000015", 2, 500), (1e-7, 1, 900),
        (1_000_000, 10**12, 0), ("0.0000000015", 1, 998), ("1e-9", 1, 999), (0.0, 0, 0), ("0.00", 0, 0),
    ],
)  # fmt: skip
def test_money_is_micro_dollars_and_the_nano_dollars_that_these_are_over(dollars, micros, over):
    assert Amount.of(dollars) == (micros, over)


@pytest.mark.parametrize(
    "dollars",
    [
        -1,
        "-0.01",
        "x",
        "",
        "$1",
        float("nan"),
        float("inf"),
        "sNaN",
        "1e999999",
        "1e99999",
        True,
        None,
        1e30,
        "0.0000000004",
        1e-300,
    ],
)
def test_what_is_not_an_amount(dollars):
    with pytest.raises(UsageError):
        Amount.of(dollars)


@given(st.text(max_size=12) | st.floats() | st.integers())
def test_whatever_comes_only_a_usage_error_is_raised(text):
    for parse in (parse_duration, parse_size, Amount.of):
        with suppress(UsageError):
            parse(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_572_864, "1.5 MiB"), (2**30, "1.0 GiB"),
        (2**50, "1024.0 TiB"),
    ],
)  # fmt: skip
def test_sizes_for_people(size, text):
    assert format_bytes(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "none"), (float("inf"), "none"), (0.1234, "0.123s"), (59, "59s"), (60, "1m"), (5400, "1h 30m"),
        (90_061, "1d 1h"), (86_400, "1d"), (604_800, "7d"),
    ],
)  # fmt: skip
def test_durations_for_people(seconds, text):
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("dollars", "text"),
    [
        (0, "$0.00"), (3e-6, "$0.000003"), (1.5e-7, "$0.00000015"), (0.005, "$0.005"), (0.00514, "$0.00514"),
        (0.5, "$0.50"), (0.1 + 0.2, "$0.30"), (0.9999, "$1.00"), (1.5, "$1.50"), (1234.5, "$1,234.50"),
    ],
)  # fmt: skip
def test_money_for_people(dollars, text):
    """Small amounts are written out, as people write them, and never as powers of ten."""
    assert format_dollars(dollars) == text
