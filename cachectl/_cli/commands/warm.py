"""`cachectl warm`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from cachectl._admin import documents
from cachectl._admin.reach import in_memory
from cachectl._admin.warm import lines
from cachectl._cli.commands import options
from cachectl._cli.exits import Exit, Interrupted, Stop
from cachectl._cli.output import Format, out
from cachectl._cli.output.text import printable
from cachectl._cli.session import session
from cachectl._engine.warm import (
    LoaderSource,
    Progress,
    Source,
    WarmCounts,
    WarmOptions,
    WarmReport,
    open_source,
    resolve,
)
from cachectl._engine.warm import warm as warm_cache
from cachectl._model.policy import check_namespace
from cachectl.errors import UsageError


def warm(
    context: typer.Context,
    manifests: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MANIFEST|-]...", help="JSONL, CSV, .npz, a directory, or stdin."),
    ] = None,
    namespace: Annotated[
        str | None,
        typer.Option("--namespace", "-n", metavar="NS", help="For what does not name its own."),
    ] = None,
    loader: Annotated[
        str | None, typer.Option(metavar="MODULE:FUNCTION", help="Call this for each key.")
    ] = None,
    keys: Annotated[
        str | None, typer.Option(metavar="FILE", help="Keys for the loader, one a line.")
    ] = None,
    jobs: Annotated[int, typer.Option(metavar="N", min=1, help="Loaders at once.")] = 4,
    hash_keys: Annotated[
        bool, typer.Option("--hash-keys", help="Keys are secrets: store their SHA-256.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check all; write nothing, call no loader.")
    ] = False,
    form: options.DocumentFormat = Format.TABLE,
) -> None:
    """Fill the cache. Bad lines are reported by number, the rest is done; then it exits with 4.

    Lines of a manifest have: key, or features and extra; value, value_file or value_base64; and, if
    wanted, namespace, type, ttl, tags, cost.

    cachectl warm products.jsonl images/ --namespace images

    cachectl warm --loader shop.cache:load --keys keys.txt --namespace products
    """
    out.use(form)
    sources = _sources(manifests or [], namespace, loader, keys)
    counts = WarmCounts()
    with session(context).cache(writing=not dry_run) as cache:
        try:
            with _progress_bar() as progress:
                chosen = WarmOptions(jobs=jobs, hash_keys=hash_keys, dry_run=dry_run)
                warm_cache(cache, sources, chosen, progress=progress, counts=counts)
        except BaseException as error:
            if counts.written or counts.failed or isinstance(error, Interrupted):
                _show(counts.report(), dry_run=dry_run)
            raise
        _show(counts.report(), dry_run=dry_run)
        if in_memory(cache) and not dry_run:
            out.note("the memory backend ends with this process, and its entries with it")
    if counts.failed:
        raise Stop(Exit.PARTLY)


def _sources(
    manifests: list[str], namespace: str | None, loader: str | None, keys: str | None
) -> list[Source]:
    """Open all sources before anything is written. Raises `UsageError`."""
    if namespace is not None:
        check_namespace(namespace)
    sources = [open_source(manifest, namespace) for manifest in manifests]
    if loader is not None or keys is not None:
        if loader is None or keys is None or namespace is None:
            raise UsageError("--loader, --keys and --namespace go together")
        sources.append(LoaderSource(resolve(loader), keys, namespace))
    if not sources:
        raise UsageError("nothing to warm from: name a manifest, or --loader with --keys")
    return sources


@contextmanager
def _progress_bar() -> Iterator[Callable[[Progress], None] | None]:
    """Show a bar where somebody watches."""
    console = out.watcher()
    if console is None:
        yield None
        return
    from cachectl._cli.output.progress import Bar

    with Bar(console) as bar:
        yield bar.show


def _show(report: WarmReport, *, dry_run: bool) -> None:
    for failure in report.failures:
        line = "" if failure.line is None else f":{failure.line}"
        out.fault(printable(f"{failure.source}{line}: {failure.reason}"))
    if report.failed > len(report.failures):
        out.fault(f"… and {report.failed - len(report.failures):,} more")
    if out.format in (Format.JSON, Format.JSONL):
        out.document("warm", documents.warm(report, dry_run=dry_run))
        return
    for told in lines(report, dry_run=dry_run):
        out.note(printable(told))
