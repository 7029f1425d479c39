"""What a command line may be, beyond what Typer makes of functions: global options before and after the
command, `help`, and answers to the words and slips that fingers know from elsewhere.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from cachectl._cli.output import out
from cachectl._cli.output.logs import log_to_stderr
from cachectl._cli.session import Chosen, Session
from cachectl.errors import UsageError

CHOICES: Final = Chosen._fields
"""The global options that say which cache is meant."""

_GLOBAL: Final = frozenset((*CHOICES, "quiet", "verbose"))
_SPELT: Final = "--config FILE, --backend NAME, --url URL, --directory DIR, --quiet, --verbose"

_MEANT: Final = {
    "get NS KEY": ("cat", "fetch", "read"),
    "set NS KEY VALUE": ("add", "put", "store", "write"),
    "stats": ("info", "metrics", "status", "top", "usage"),
    "stats --watch": ("monitor", "watch"),
    "check": ("doctor", "health", "ping"),
    "inspect [NS [KEY]]": ("keys", "list", "ls", "scan", "show"),
    "clear NS --key KEY": ("del", "delete", "remove", "rm", "unlink"),
    "clear --tag T": ("invalidate",),
    "clear NS... or clear --all": (
        "drop",
        "flush",
        "flushall",
        "flushdb",
        "purge",
        "reset",
        "wipe",
    ),
    "cleanup": ("clean", "cull", "evict", "expire", "gc", "prune", "trim", "vacuum"),
    "warm MANIFEST...": ("fill", "import", "load", "preload", "prime", "seed"),
    "config show --origin": ("env", "settings"),
}
_UNITS: Final = {"DURATION": r"[smhd]", "AGE": r"[smhd]", "SIZE": r"([kKMGT]i?)?B"}
"""What follows a number in the options with these values, and stands alone after a slip."""


class Command(TyperCommand):
    """A command that also takes the global options, which its help names in one line."""

    def get_params(self, ctx: Any) -> list[Any]:
        return [*super().get_params(ctx), *_global_options(ctx)]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _refuse_slips(self.params, args)
        rest = super().parse_args(ctx, args)
        _take_options(ctx)
        return rest

    def format_options(self, ctx: Any, formatter: Any) -> None:
        TyperCommand(self.name, params=self.params).format_options(ctx, formatter)
        _name_global_options(formatter)


class Group(TyperGroup):
    """A command of several, which takes the global options like one."""

    def get_params(self, ctx: Any) -> list[Any]:
        return [*super().get_params(ctx), *_global_options(ctx)]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        _take_options(ctx)
        return rest

    def format_options(self, ctx: Any, formatter: Any) -> None:
        alone = TyperGroup(name=self.name, params=self.params, commands={**self.commands})
        alone.format_options(ctx, formatter)
        _name_global_options(formatter)


class Root(TyperGroup):
    """All of the commands."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        word, *rest = args
        if ctx.resilient_parsing:  # a shell completes what is typed, right or wrong
            return super().resolve_command(ctx, args)
        if word == "help":
            if not rest:
                out.line(ctx.get_help())
                raise typer.Exit
            return super().resolve_command(ctx, [*rest, "--help"])
        meant = next((shape for shape, words in _MEANT.items() if word in words), None)
        if meant is not None and word not in self.commands:
            raise UsageError(f"there is no command {word}; what you mean is: cachectl {meant}")
        return super().resolve_command(ctx, args)


def begin(context: Any, *, quiet: bool, verbose: bool, **chosen: str | None) -> None:
    """Do what the global options say: how much is told, and which cache the session is about."""
    out.level = int(verbose) - int(quiet)
    log_to_stderr(logging.DEBUG if verbose else logging.WARNING)
    context.obj = Session(Chosen(**chosen))


def named(arguments: Sequence[str]) -> str:
    """Return the first word of a command line that is no option of all commands, nor the value of one."""
    taking = {f"--{name}" for name in CHOICES}
    pairs = zip(("", *arguments), arguments, strict=False)
    words = (word for before, word in pairs if before not in taking and word[:1] != "-")
    return next(words, "")


def elsewhere(option: str, commands: Mapping[str, Any]) -> str:
    """Return which of the commands have an option that another one has not; nothing if none has."""
    having = [
        name
        for name, command in commands.items()
        if any(option in param.opts for param in command.params)
    ]
    return f"; {', '.join(having)} {'has' if len(having) == 1 else 'have'} it" if having else ""


def _global_options(ctx: Any) -> list[Any]:
    return [param for param in ctx.find_root().command.params if param.name in _GLOBAL]


def _take_options(ctx: Any) -> None:
    """Take the global options that stand after a command as if they stood before it."""
    root = ctx.find_root()
    after = {name: ctx.params.pop(name) for name in _GLOBAL if name in ctx.params}
    given = {name: value for name, value in after.items() if value not in (None, False)}
    for name, value in given.items():
        if name in CHOICES and root.params.get(name) is not None:
            raise UsageError(f"--{name} is there twice, before and after the command")
        root.params[name] = value
    if given and not ctx.resilient_parsing:
        begin(ctx, **{name: root.params[name] for name in _GLOBAL})


def _name_global_options(formatter: Any) -> None:
    with formatter.section("Here or before the command"):
        formatter.write_text(f"{_SPELT}; see cachectl --help")


def _refuse_slips(params: Sequence[Any], args: Sequence[str]) -> None:
    """Raise `UsageError` where a value is not where it would count: `--watch 5`, `--since 1 h`."""
    options = {name: param for param in params for name in param.opts}
    for option, number in pairwise(args):
        if option == "--watch" and "--interval" in options and re.fullmatch(r"[\d.]+s?", number):
            raise UsageError(
                f"--watch takes no value: write --watch --interval {number.rstrip('s')}"
            )
    for option, number, unit in zip(args, args[1:], args[2:], strict=False):
        units = _UNITS.get(getattr(options.get(option), "metavar", None) or "")
        if units and re.fullmatch(r"\d+(\.\d+)?", number) and re.fullmatch(units, unit):
            raise UsageError(f"write {option} {number}{unit}, without a space")
