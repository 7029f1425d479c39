"""What helps, where an error of the files of a cache does not say so itself."""

from collections.abc import Mapping
from typing import Final

from cachectl.errors import BackendError

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


def advised(error: BackendError, directory: str) -> str:
    """Return what an error says, with the directory that it is about, if there is one, and what helps:
    what an error itself says of that is a command of ours, or comes after a semicolon.
    """
    text = str(error)
    if not directory or "cachectl cl" in text:  # clear, or cleanup
        return text
    if directory not in text:
        text = f"{directory}: {text}"
    helps = _HELPS.get(error.kind)
    return text if helps is None or "; " in text else f"{text}; {helps}"
