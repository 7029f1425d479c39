"""What one task sends, and waits for."""

import asyncio
from copy import copy
from typing import Final

from cachectl._backends.redis.transport.resp import Reply


class Request:
    """Commands that are sent in a row, and the future that gets their replies.

    Who waits may give up at any moment: what is not sent yet is not sent then, and the replies to
    what was sent are read and dropped.
    """

    __slots__ = ("again", "count", "deadline", "future", "pieces", "replies", "size")

    def __init__(
        self,
        future: "asyncio.Future[list[Reply]]",
        pieces: list[bytes],
        count: int,
        deadline: float,
        *,
        again: bool,
    ) -> None:
        self.future: Final = future
        self.pieces: Final = pieces
        self.size: Final = sum(map(len, pieces))
        self.count: Final = count
        self.deadline = deadline
        self.again = again
        """Whether it may be sent once more if its connection is lost."""
        self.replies: list[Reply] = []

    @property
    def is_over(self) -> bool:
        """Whether nobody waits any more."""
        return self.future.done()

    def add(self, reply: Reply) -> bool:
        """Take the next reply, and say whether it was the last."""
        self.replies.append(reply)
        if len(self.replies) < self.count:
            return False
        if not self.future.done():
            self.future.set_result(self.replies)
        return True

    def begin_anew(self) -> None:
        """Forget the replies there were before the connection was lost: it is sent again, but once only."""
        self.again = False
        self.replies = []

    def fail(self, error: BaseException) -> None:
        """Let who waits get an error of its own, of the same kind."""
        if not self.future.done():
            self.future.set_exception(copy(error))
