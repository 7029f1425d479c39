"""What the server tells of itself: the replies to INFO."""

from collections.abc import Iterable


def told(replies: Iterable[bytes | None]) -> dict[str, str]:
    """Return facts by name."""
    lines = b"\n".join(reply or b"" for reply in replies).decode(errors="replace").splitlines()
    return {name: value for name, _, value in (line.partition(":") for line in lines)}


def whole(told: dict[str, str], name: str) -> int:
    """Return a number, 0 if it is none."""
    text = told.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 20 else 0
