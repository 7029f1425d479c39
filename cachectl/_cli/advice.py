"""What is said of an error of a backend: its kind, what is wrong, which cache it is, and what helps."""

from collections.abc import Mapping
from typing import Final

from cachectl.errors import BackendBusy, BackendError, BackendRefused

_ANOTHER: Final = "name another place by --directory"
_HELPS: Final[Mapping[str, str]] = {
    "full": "'cachectl cleanup' and 'cachectl clear' make room",
    "busy": "try again when that has ended",
    "outage": _ANOTHER,
    "permission": _ANOTHER,
    "place": _ANOTHER,
    "refused": f"see who may write there, or {_ANOTHER}",
    "unexpected": f"'cachectl clear --all --yes' begins anew, or {_ANOTHER}",
}


def advised(error: BackendError, directory: str, cache: str) -> tuple[str, dict[str, str]]:
    """Return what an error says, with the directory that it is about, if there is one, and what stands
    below it: the cache, and what helps, unless the error says that itself: by a command of ours, or
    after a semicolon.
    """
    text, below = str(error), {"cache": cache} if cache else {}
    helps = _HELPS.get(error.kind) if directory else None
    if helps is not None and "; " not in text and "cachectl cl" not in text:  # clear, or cleanup
        below["do"] = helps
    if directory not in text and "cachectl cl" not in text:
        text = f"{directory}: {text}"
    return f"{_kind(error)}: {text}", below


def _kind(error: BackendError) -> str:
    if isinstance(error, BackendRefused):
        return "refused"
    return "busy" if isinstance(error, BackendBusy) else "unavailable"
