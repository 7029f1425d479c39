"""Time, as tests need it."""


class Clock:
    """A clock that stands still until it is told to move on; call it for Unix seconds."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now: float = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds
