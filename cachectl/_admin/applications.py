"""What the processes that use a cache are in, in words."""

from cachectl._admin.documents import timestamp
from cachectl._metrics.reports import Application
from cachectl._model.units import format_entries, format_seconds


def described(application: Application, now: float) -> str:
    """Return a line about a process, such as an operator wants to read."""
    since = application.since
    began = (
        ""
        if since is None
        else f" since {timestamp(since)} ({format_seconds(max(0, int(now - since)))} ago)"
    )
    who = f"{application.program} (pid {application.pid})"
    if application.status == "ok":
        return f"{who}: ok"
    if application.status == "fallback_only":
        held = format_entries(application.fallback_entries)
        return f"{who} works from memory{began}, with {held}: {application.last_error}"
    return f"{who} is refused some calls{began}: {application.last_error}"
