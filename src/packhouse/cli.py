"""The command line. No logic: each command calls one function."""

from __future__ import annotations

import asyncio
import sys

import typer

from packhouse import __version__, launch

app = typer.Typer(
    name="packhouse", no_args_is_help=True, add_completion=False, help="One private registry for everything a team builds and downloads."
)


@app.command()
def serve() -> None:
    """Serve the registry; settings come from the environment and the file named by PACKHOUSE_CONFIG."""
    launch.serve()


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema and stop."""
    from packhouse.assemble import make_house
    from packhouse.packages.firststart import prepare

    asyncio.run(prepare(make_house(launch.settings_or_exit())))


@app.command()
def formats(markdown: bool = typer.Option(False, help="As the table of the README")) -> None:
    """What each format can do, from its own record."""
    from packhouse.formats import FORMATS
    from packhouse.web.support import support_table

    sys.stdout.write(support_table(FORMATS) + "\n")


@app.command()
def settings(markdown: bool = typer.Option(False, help="As the table of the README")) -> None:
    """Every setting: its variable, its default, what it is."""
    from packhouse.settings import describe_settings

    rows = describe_settings()
    if markdown:
        lines = [
            "| variable | meaning | default |",
            "| --- | --- | --- |",
            *(f"| `{name}` | {meaning} | {default} |" for name, meaning, default in rows),
        ]
    else:
        lines = [f"{name:38} {meaning} [{default}]" for name, meaning, default in rows]
    sys.stdout.write("\n".join(lines) + "\n")


@app.command()
def version() -> None:
    """The version."""
    sys.stdout.write(f"packhouse {__version__}\n")
