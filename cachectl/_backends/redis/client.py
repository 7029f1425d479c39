"""Commands to one Redis, written once for threads and tasks: they fail with our errors."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from functools import partial
from typing import Final, Literal, TypeVar

from cachectl._backends.redis.errors import FAILURES, Translation
from cachectl._backends.redis.scripts import script
from cachectl._backends.redis.shapes import array, checked
from cachectl._backends.redis.transport.blocking import BlockingTransport
from cachectl._backends.redis.transport.packing import Argument, Command
from cachectl._backends.redis.transport.resp import ErrorReply, Misread, Reply
from cachectl._backends.redis.transport.transport import Pair, Reader, Transport
from cachectl.errors import CacheError, DamagedEntry

STEPS: Final = 100_000
"""How often it is gone on where a server says that there is more: a hundred million entries."""

Call = tuple[str, Sequence[Argument]]
"""What a script is called with: the base of its keys, and its arguments."""

T = TypeVar("T")
Shape = Callable[[Reply], T]
"""Makes of one reply what is wanted, or raises; see `shapes`."""


class _Script(Enum):
    UNKNOWN = "the server does not know it"


_UNKNOWN: Final = _Script.UNKNOWN


class Client:
    """Sends commands over a transport; whatever goes wrong is a `BackendError`.

    A command whose reply is lost may have run: only a GET is ever sent again.
    """

    def __init__(self, transport: Transport, translated: Translation) -> None:
        self._transport: Final = transport
        self._translated: Final = translated

    async def get(self, key: str, beside: str) -> Pair:
        """Return two values. Raises `DamagedEntry` if one is not a string."""
        try:
            return await self._transport.value(key, beside)
        except FAILURES as error:
            raise self._of_a_value(error) from None

    async def command(self, shape: Shape[T], *arguments: Argument) -> T:
        """Send one command and return its reply."""
        return (await self.pipeline(shape, [arguments]))[0]

    async def pipeline(
        self, shape: Shape[T], commands: Sequence[Command], *, foreign: Reply | None = None
    ) -> list[T]:
        """Send all the commands, then return their replies; raise the first error there is, but where
        something of another type is under a key, for which `foreign` stands.
        """

        def read(replies: list[Reply]) -> list[T]:
            if foreign is not None:
                replies = [foreign if _is_foreign(reply) else reply for reply in replies]
            return [shape(reply) for reply in checked(replies)]

        return await self._exchange(commands, read) if commands else []

    async def run(self, shape: Shape[T], name: str, base: str, *arguments: Argument) -> T:
        """Run a script."""
        return (await self.run_all(shape, name, [(base, arguments)]))[0]

    async def run_all(self, shape: Shape[T], name: str, calls: Iterable[Call]) -> list[T]:
        """Run a script once for each of `calls`, in one go.

        The server is sent the text of the script only if it does not know it.
        """
        known = script(name)
        commands: list[Command] = [("EVALSHA", known.sha, 1, base, *told) for base, told in calls]
        if not commands:
            return []
        done = await self._exchange(commands, partial(_ran_all, shape))
        again = [at for at, one in enumerate(done) if one is _UNKNOWN]
        if again:
            texts = [("EVAL", known.source, *commands[at][2:]) for at in again]
            for at, result in zip(again, await self.pipeline(shape, texts), strict=True):
                done[at] = result
        return [one for one in done if one is not _UNKNOWN]

    async def attempt_all(self, name: str, calls: Sequence[Call]) -> list[CacheError | None]:
        """Run a script once for each of `calls`, in one go, and return the errors of those that failed."""
        known = script(name)
        commands = [("EVALSHA", known.sha, 1, base, *told) for base, told in calls]
        replies = await self._exchange(commands, list)
        again = [at for at, reply in enumerate(replies) if _is_unknown(reply)]
        if again:
            texts = [("EVAL", known.source, *commands[at][2:]) for at in again]
            for at, reply in zip(again, await self._exchange(texts, list), strict=True):
                replies[at] = reply
        return [
            self._translated(each) if isinstance(each, ErrorReply) else None for each in replies
        ]

    async def run_after(
        self, shape: Shape[T], first: Command, name: str, base: str, *arguments: Argument
    ) -> T:
        """Send a command and run a script, with nothing of others in between, in one go: twice if the
        server did not know the script.
        """

        def ran(replies: list[Reply]) -> Reply:
            told: list[Reply] = array(checked(replies)[-1])
            done, reply = told
            checked([done])
            return reply

        def together(*run: Argument) -> list[Command]:
            return [("MULTI",), first, (*run, 1, base, *arguments), ("EXEC",)]

        known = script(name)
        done = await self._exchange(
            together("EVALSHA", known.sha), lambda replies: _ran(shape, ran(replies))
        )
        if done is not _UNKNOWN:
            return done
        return await self._exchange(
            together("EVAL", known.source), lambda replies: shape(checked([ran(replies)])[0])
        )

    def steps(self) -> Iterator[int]:
        """Yield a number for each step of what goes on while the server says that there is more; one
        that never says anything else is not believed.
        """
        yield from range(STEPS)
        raise self._translated(Misread("more, and more"))

    async def _exchange(self, commands: Sequence[Command], read: Reader[T]) -> T:
        try:
            return await self._transport.exchange(commands, read)
        except FAILURES as error:
            raise self._translated(error) from None

    def _of_a_value(self, error: Exception) -> Exception:
        if isinstance(error, ErrorReply) and _is_foreign(error):
            return DamagedEntry("not a string")
        return self._translated(error)


class ThreadClient(Client):
    """Sends commands of threads."""

    def __init__(self, transport: BlockingTransport, translated: Translation) -> None:
        super().__init__(transport, translated)
        self._value_now: Final = transport.value_now
        self._exchange_apart: Final = transport.exchange_apart

    def ask_apart(self, commands: Sequence[Command], read: Reader[T]) -> T:
        """Return what is read of replies that come over a new connection."""
        try:
            return self._exchange_apart(commands, read)
        except FAILURES as error:
            raise self._translated(error) from None

    def get_now(self, key: str, beside: str) -> Pair:
        """Do what `get` does, without a coroutine."""
        try:
            return self._value_now(key, beside)
        except FAILURES as error:
            raise self._of_a_value(error) from None


def _ran_all(shape: Shape[T], replies: list[Reply]) -> list[T | Literal[_Script.UNKNOWN]]:
    return [_ran(shape, reply) for reply in replies]


def _ran(shape: Shape[T], reply: Reply) -> T | Literal[_Script.UNKNOWN]:
    """Return what a call of a script returned, if the server knows that. Raises `ErrorReply`."""
    if not isinstance(reply, ErrorReply):
        return shape(reply)
    if _is_unknown(reply):
        return _UNKNOWN
    raise reply


def _is_unknown(reply: Reply) -> bool:
    return isinstance(reply, ErrorReply) and reply.code == "NOSCRIPT"


def _is_foreign(reply: Reply) -> bool:
    return isinstance(reply, ErrorReply) and reply.code == "WRONGTYPE"
