"""What became of a value that was to be stored."""

from enum import Enum


class Outcome(Enum):
    """What became of a value that was to be stored; truthy if it was."""

    STORED = "stored"
    REFUSED = "refused by its condition"
    TOO_LARGE = "larger than max_bytes"
    UNAVAILABLE = "the backend did not store it"
    DISABLED = "the namespace is disabled"

    def __bool__(self) -> bool:
        return self is Outcome.STORED
