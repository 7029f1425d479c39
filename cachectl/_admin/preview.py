"""What a value is, for people, on a few lines whatever its size; it may hold what terminals obey."""

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cachectl._admin.media import begins_like, image
from cachectl._model import codecs, values

if TYPE_CHECKING:
    import numpy as np

_LONGEST_TEXT: Final = 500
_LONGEST_STRING: Final = 50
_MOST_NODES: Final = 40
_MOST_ITEMS: Final = 10
_MOST_ARRAYS: Final = 10
_DEEPEST: Final = 4
_BEGINNING: Final = 16
_AT_ONCE: Final = 1 << 20  # elements of an array that are looked at in one step
_MORE: Final = "…"


class Preview(NamedTuple):
    """Lines that say what a value is, and how many bytes of it are not among them."""

    lines: list[str]
    left_out: int = 0


def preview(value: Any) -> Preview:
    """Return what a value is."""
    kind = codecs.codec_name(codecs.number_for(value))
    if kind == "json":
        return _json(value)
    if kind == "text":
        return _text(value)
    if kind == "bytes":
        return Preview([_bytes(value)])
    if kind == "npy":
        return Preview(_array(value))
    if kind == "npz":
        return Preview(_arrays(value))
    return Preview([values.preview(value)[:_LONGEST_TEXT]])


def _json(value: object) -> Preview:
    shortening = _Shortening()
    short = shortening.of(value, _DEEPEST)
    lines = json.dumps(short, indent=2, ensure_ascii=False).split("\n")
    if short == value:
        return Preview(lines)
    size, left = (len(codecs.encode(each)[1]) for each in (value, short))
    return Preview(lines, max(1, size - left + shortening.added))


class _Shortening:
    """Makes documents that are alike, of a few dozen parts, in which it says what is missing: so many
    bytes are `added`.
    """

    def __init__(self) -> None:
        self._left = _MOST_NODES
        self.added = 0

    def of(self, value: Any, depth: int) -> Any:
        """Return the beginning of a document: of its texts, of its lists, of what is in it."""
        self._left -= 1
        if type(value) is str:
            return self._beginning(value)
        if type(value) is int and abs(value) >= 10**_LONGEST_STRING:
            return (
                f"a number of {len(str(value)) if abs(value) < 10**4000 else 'thousands of'} digits"
            )
        if type(value) not in {dict, list} or not value:
            return value
        if depth == 0 or self._left <= 0:
            return self._said(_MORE)
        return self._fields(value, depth) if type(value) is dict else self._items(value, depth)

    def _beginning(self, text: str) -> str:
        if len(text) > _LONGEST_STRING:
            self.added += len(json.dumps(_MORE)) - 2  # without its quotes
        return _beginning(text, _LONGEST_STRING)

    def _said(self, text: str) -> str:
        """Return a text that is not in the document."""
        self.added += len(json.dumps(text)) + 1  # and a comma or a colon
        return text

    def _fields(self, value: dict[str, Any], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, field in value.items():
            if self._left <= 0:
                found[self._said(_MORE)] = self._said(f"{len(value) - len(found):,} more")
                break
            found[self._beginning(name)] = self.of(field, depth - 1)
        return found

    def _items(self, value: list[Any], depth: int) -> list[Any]:
        found: list[Any] = []
        for item in value:
            if self._left <= 0 or len(found) == _MOST_ITEMS:
                found.append(self._said(f"{_MORE} {len(value) - len(found):,} more"))
                break
            found.append(self.of(item, depth - 1))
        return found


def _beginning(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit] + _MORE


def _text(value: str) -> Preview:
    start = value[:_LONGEST_TEXT]
    lines = _beginning(value, _LONGEST_TEXT).split("\n")
    left = len(value) - len(start)
    return Preview(lines, len(codecs.encode(value[_LONGEST_TEXT:])[1]) if left else 0)


def _bytes(value: bytes) -> str:
    picture = image(value)
    if picture is not None:
        return f"image {picture.said}, {len(value):,} B"
    said = begins_like(value)
    if not said and value:
        more = f" {_MORE}" if len(value) > _BEGINNING else ""
        said = f"{value[:_BEGINNING].hex(' ')}{more}"
    return f"bytes, {len(value):,} B" + (f", begins like {said}" if said else "")


def _arrays(value: Any) -> list[str]:
    named = (
        value.items() if isinstance(value, dict) else ((f"[{at}]", a) for at, a in enumerate(value))
    )
    lines: list[str] = []
    for at, (name, array) in enumerate(named):
        if at == _MOST_ARRAYS:
            return [*lines, f"{_MORE} {len(value) - at:,} more arrays"]
        lines.append(f"{_beginning(name, _LONGEST_STRING)}: {', '.join(_array(array))}")
    return lines


def _array(value: "np.ndarray[Any, Any]") -> list[str]:
    said = f"array {value.dtype}, shape {tuple(value.shape)}, {value.nbytes:,} B"
    about = _range(value) if value.size and value.dtype.kind in "biuf" else ""
    return [said, about] if about else [said]


def _range(value: "np.ndarray[Any, Any]") -> str:
    """Return what is least, most and usual, and how much is no number, looking at a part at a time."""
    import numpy as np

    least, most, total, unknown = np.inf, -np.inf, 0.0, 0
    flat = value.reshape(-1)
    for start in range(0, flat.size, _AT_ONCE):
        part = flat[start : start + _AT_ONCE].astype(np.float64)
        known = part[~np.isnan(part)]
        unknown += part.size - known.size
        if known.size:
            least, most = min(least, float(known.min())), max(most, float(known.max()))
            with np.errstate(all="ignore"):
                total += float(known.sum())
    if unknown == flat.size:
        return "all NaN"
    if value.dtype.kind == "b":
        return f"{int(total):,} of {flat.size:,} true"
    nan = f"{unknown:,} NaN" if unknown else "no NaN"
    mean = f"mean {total / (flat.size - unknown):.3g}"
    return f"{least:.3g} to {most:.3g}, {mean}" + (f", {nan}" if value.dtype.kind == "f" else "")
