"""Questions before something is removed: to whoever is at the terminal, or nobody."""

import sys

from cachectl._cli.exits import Exit, Stop
from cachectl._cli.output import out


def require_terminal(refusal: str) -> None:
    """Raise `Stop` where nobody can be asked."""
    if not sys.stdin.isatty():
        raise Stop(Exit.REFUSED, refusal)


def ask(question: str) -> None:
    """Raise `Stop` unless the answer is yes."""
    if not out.confirm(question):
        raise Stop(Exit.REFUSED, "nothing was removed")
