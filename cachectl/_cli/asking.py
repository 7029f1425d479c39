"""Questions before something is removed: to whoever is at the terminal, or nobody."""

import shlex
import sys

from cachectl._cli.exits import Exit, Stop
from cachectl._cli.output import out


def require_terminal(about: str) -> None:
    """Raise `Stop`, which says how to see it and how to do it, where nobody can be asked `about` it."""
    if not sys.stdin.isatty():
        call = shlex.join(["cachectl", *sys.argv[1:]])
        raise Stop(
            Exit.REFUSED,
            f"refused: nobody can be asked about {about}",
            {"cache": out.cache(), "see": f"{call} --dry-run", "do": f"{call} --yes"},
        )


def ask(question: str, otherwise: str = "nothing was removed") -> None:
    """Raise `Stop`, which says what is so `otherwise`, unless the answer is yes."""
    if not out.confirm(question):
        raise Stop(Exit.REFUSED, otherwise)
