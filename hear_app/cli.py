"""The command line. Imports what a command needs inside the command, so that `hear --help` is quick."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from hear_app import interrupt
from hear_app.errors import HearError
from hear_app.terminal import say, show

if TYPE_CHECKING:
    from hear_app.build import Build
    from hear_app.settings import Settings
    from hear_app.sync import RepositoryResult

Choice = TypeVar("Choice", bound=StrEnum)

app = typer.Typer(
    name="hear",
    help="Every commit and issue of the GitHub repositories you name, in one DuckDB file.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Repositories = Annotated[list[str] | None, typer.Argument(metavar="OWNER/REPO", show_default=False)]
Full = Annotated[bool, typer.Option("--full", help="Read everything again, not only what is new.")]
MaxWait = Annotated[
    float | None,
    typer.Option(
        help="Seconds to wait for rate limits in all [default: 3600].",
        min=0,
        metavar="SECONDS",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="For scripts.")]
Sample = Annotated[bool, typer.Option("--sample", help="Use the embedded sample instead of GitHub.")]


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        from hear_app import __version__

        show(f"hear_app {__version__}, DuckDB {version('duckdb')}, dbt-core {version('dbt-core')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the versions and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Every commit and issue of the GitHub repositories you name, in one DuckDB file."""


@app.command()
def run(repositories: Repositories = None, sample: Sample = False, max_wait: MaxWait = None) -> None:
    """Sync, load, build, publish, and print the tables.

    Without names: those in HEAR_REPOS, else those that have landed before, else the embedded sample.
    """
    from hear_app import build as builds
    from hear_app import pipeline, transform
    from hear_app.job import published_state

    settings = _settings(max_wait=max_wait)
    with (
        pipeline.opened(settings) as landing,
        pipeline.planned(settings, _names(settings, repositories), landing, sample) as plan,
        transform.Models(settings.project_home, settings.build_path, settings.memory) as models,
    ):
        published = published_state(settings.warehouse)
        builds.check_kind(published, settings.warehouse, [plan.source])
        landing.on_put = models.begin  # whatever lands, a build follows
        results = pipeline.sync(plan, settings, landing)
        sources = [plan.source] if plan.is_sample else pipeline.real_sources(landing)
        held = _build_and_list(settings, builds.Build(settings, landing, models, sources), results)
    _exit_by(results, held)


@app.command()
def sync(
    repositories: Repositories = None,
    full: Full = False,
    accept_deletions: Annotated[
        bool, typer.Option("--accept-deletions", help="With --full: believe that very many issues are gone.")
    ] = False,
    sample: Sample = False,
    max_wait: MaxWait = None,
) -> None:
    """Sync only: from GitHub to the landing zone."""
    from hear_app import listing, pipeline

    settings = _settings(max_wait=max_wait)
    with (
        pipeline.opened(settings) as landing,
        pipeline.planned(settings, _names(settings, repositories), landing, sample) as plan,
    ):
        results = pipeline.sync(plan, settings, landing, full, accept_deletions)
    listing.print_results(results, None)
    _exit_by(results, {})


@app.command()
def build(
    full: Annotated[bool, typer.Option("--full", help="Rebuild the file from the landing zone alone.")] = False,
) -> None:
    """Build only: from the landing zone to the file, with no request."""
    from hear_app import build as builds
    from hear_app import pipeline, transform

    settings = _settings()
    with (
        pipeline.opened(settings) as landing,
        transform.Models(settings.project_home, settings.build_path, settings.memory) as models,
    ):
        sources = pipeline.real_sources(landing) or landing.sources()
        held = _build_and_list(settings, builds.Build(settings, landing, models, sources, full), None)
    _exit_by([], held)


@app.command()
def tables(as_json: Json = False) -> None:
    """List all tables of the warehouse with their row counts."""
    from hear_app import listing, warehouse

    with warehouse.reading(_settings().warehouse) as connection:
        entries = listing.tables(connection)
    listing.print_json(entries) if as_json else listing.print_tables(entries)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="One query; - reads it from stdin.")],
    form: Annotated[str, typer.Option("--format", help="table, csv, json or parquet.")] = "table",
) -> None:
    """Ask the warehouse: one query, such as "from gold.agg_user limit 5"."""
    from hear_app import query as queries

    text = sys.stdin.read() if query == "-" else query
    queries.run(_settings().warehouse, text, _one_of(queries.Format, form))


@app.command()
def status(as_json: Json = False) -> None:
    """Show how fresh and how far each repository is."""
    from hear_app import listing
    from hear_app import status as states
    from hear_app.landing import Landing

    settings = _settings()
    state = states.read(settings.warehouse, Landing(settings.landing_root))
    listing.print_json(state) if as_json else listing.print_status(state)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Where to listen.", min=1, max=65535)] = 8501,
    address: Annotated[
        str | None, typer.Option(help="On which address; this machine only unless given.", show_default=False)
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(help="A further name it answers to, besides localhost and its address; repeatable."),
    ] = None,
) -> None:
    """Show the dashboard in a browser."""
    from hear_app import serve as serving

    serving.serve(_settings(), port, address, host or [])


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write; made if missing.")],
    form: Annotated[str, typer.Option("--format", help="parquet, csv or sqlite.")] = "parquet",
) -> None:
    """Write the gold tables as files for other tools."""
    from hear_app import export as exports

    for path in exports.export(_settings().warehouse, folder, _one_of(exports.Format, form)):
        show(str(path))


@app.command()
def verify(
    deep: Annotated[bool, typer.Option("--deep", help="Read all that has landed, however much it is.")] = False,
    as_json: Json = False,
) -> None:
    """Prove that nothing is missing, and that what has landed is as it was."""
    from hear_app import landed, listing, warehouse
    from hear_app import verify as proofs
    from hear_app.landing import Landing

    settings = _settings()
    with warehouse.reading(settings.warehouse) as connection:
        read = landed.prove(connection, Landing(settings.landing_root), deep)
        found = sorted(proofs.prove(connection) + read.proofs, key=lambda proof: proof.repository)
        totals = proofs.totals(connection)
    if as_json:
        listing.print_json({"proofs": found, "totals": totals})
    else:
        listing.print_proofs(found, totals)
    if not read.is_deep:
        say("Of what has landed the sizes were compared: `hear verify --deep` reads it all.")
    if read.waiting:
        say(f"{read.waiting:,} landed objects wait: `hear build` loads them.")
    failed = proofs.failures(found)
    for line in failed:
        say(line)
    if failed:
        raise typer.Exit(1)


@app.command()
def compact() -> None:
    """Merge old landed objects, and shrink the file."""
    from hear_app import compact as compaction
    from hear_app import pipeline

    settings = _settings()
    with pipeline.opened(settings) as landing:
        done = compaction.compact(settings, landing)
    show(f"landed objects: {done.objects_before:,} before, {done.objects_after:,} now")
    before, after = done.file_bytes_before / 1e6, done.file_bytes_after / 1e6
    show(f"{settings.warehouse}: {before:,.1f} MB before, {after:,.1f} MB now")
    for error in done.damaged:
        say(f"hear: {error}")
    if done.damaged:
        raise typer.Exit(1)


@app.command()
def health() -> None:
    """Exit 0 if all is well: for the image's HEALTHCHECK."""
    from hear_app import warehouse

    settings = _settings()
    if settings.warehouse.exists():
        with warehouse.reading(settings.warehouse) as connection:
            connection.execute("select 1 from bronze.runs limit 1").fetchall()


def _one_of(choices: type[Choice], text: str) -> Choice:
    from hear_app.errors import UsageError

    try:
        return choices(text.lower())
    except ValueError:
        raise UsageError(f"{text!r} is no format.", f"There are {', '.join(choices)}.") from None


def _settings(**flags: Any) -> Settings:
    """This run's settings. They say who may read what it makes: it may hold private data."""
    from hear_app.settings import load_settings

    settings = load_settings(**flags)
    if not settings.shared:
        os.umask(0o077)
    return settings


def _names(settings: Settings, texts: list[str] | None) -> tuple[str, ...]:
    from hear_app.settings import parse_repositories

    return parse_repositories(texts or [], settings.repository_hosts)


def _build_and_list(
    settings: Settings, job: Build, results: list[RepositoryResult] | None
) -> dict[str, HearError]:
    """Builds and prints the tables; returns why some repositories, by name, are held back."""
    from hear_app import listing, warehouse

    has_worked = results is None or not all(result.errors for result in results)
    outcome = job.run(results)
    if not outcome.is_published:
        has_news = has_worked and not outcome.held
        say("Nothing new: the warehouse stays as it is." if has_news else "The warehouse stays as it is.")
    if settings.warehouse.exists() and has_worked:
        with warehouse.reading(settings.warehouse) as connection:
            listing.print_tables(listing.tables(connection))
        listing.print_next_steps(settings.warehouse)
    return outcome.held


def _exit_by(results: list[RepositoryResult], held: dict[str, HearError]) -> None:
    """Exit 1 where a repository failed or is held back, saying which; the others are done and published."""
    failed = [(result.name, error) for result in results for error in result.errors]
    for name, error in failed:
        say(f"hear: {name}: {error}")
    for name, error in held.items():
        say(f"hear: {name} stays at its last good state: {error}")
    if failed or held:
        raise typer.Exit(1)


def main() -> NoReturn:
    """Runs the command line: an error is one sentence and its exit code, never a traceback."""
    interrupt.answer()
    sys.exit(_guarded(app))


def _guarded(command: Callable[[], Any]) -> int:
    try:
        command()
    except HearError as error:
        say(f"hear: {error}")
        return error.exit_code
    except Exception as error:
        # The disk may be full, or a file vanish, anywhere: a sentence, as for what was foreseen.
        if not (isinstance(error, OSError) or type(error).__module__.partition(".")[0] in {"duckdb", "_duckdb"}):
            say(traceback.format_exc().rstrip())  # ours to mend: whoever reports it needs all of it
            return 1
        if isinstance(error, BrokenPipeError):
            return _reader_left()
        say(f"hear: {_mishap(error)} What has landed and the last good file stay.")
        return 1
    return 0


def _mishap(error: Exception) -> str:
    said = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    if "No space left on device" in said:
        named = re.search(r'"(/[^"]+)"|\'(/[^\']+)\'', said)
        where = f" ({named[1] or named[2]})" if named else ""
        return f"The disk is full{where}: free some space, and run again."
    if "Out of Memory" in said:
        return f"{said}: allow more with HEAR_MEMORY=4GB, and run again."
    return f"{said}: mend this, and run again."


def _reader_left() -> int:
    """The reader of our output went away, as `head` does: no error, and nothing more to say."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    main()
