"""The command line. No logic: each command calls one function."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

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
    launch.migrate()


@app.command()
def collect(
    dry_run: bool = typer.Option(False, help="Say what would go, and change nothing"),
    release: bool = typer.Option(False, help="Remove bytes again, though a backup was brought back less than a week ago"),
) -> None:
    """One round of garbage collection, by the settings; safe beside a running server."""
    from packhouse.care import collect_once

    raise SystemExit(asyncio.run(collect_once(launch.whole_or_exit(launch.COULD_NOT_RUN), dry_run, release)))


@app.command()
def backup(
    folder: Path = typer.Argument(help="Where backups are: the blobs that are there already are not copied again"),
    keys: bool = typer.Option(True, help="With the keys that sign and seal: the folder is then as secret as the installation"),
    keep: int = typer.Option(0, min=0, help="Remove all snapshots but so many; 0: none"),
    verify: bool = typer.Option(False, help="Read again what is there already, and copy it again where it has changed"),
) -> None:
    """Copy the whole installation, while it runs. Ends with 0 all there, 2 something could not be copied, 3 could not run."""
    from packhouse.care import back_up

    raise SystemExit(asyncio.run(back_up(launch.whole_or_exit(launch.COULD_NOT_RUN), folder, with_keys=keys, keep=keep, verify=verify)))


@app.command()
def restore(
    folder: Path = typer.Argument(help="Where backups are"), snapshot: str = typer.Option("", help="Its name; the newest without one")
) -> None:
    """An installation from a backup, in an empty data folder and database; the doctor looks at it, and its status is the end."""
    from packhouse import care

    raise SystemExit(asyncio.run(care.restore(launch.settings_or_exit(), folder, snapshot)))


@app.command()
def doctor(
    deep: bool = typer.Option(False, help="Read every byte and compare its digest"),
    fix: str = typer.Option("", help="`safe`: repair what cannot lose anything"),
    as_json: bool = typer.Option(False, "--json", help="One JSON object for each finding"),
) -> None:
    """Compare rows and bytes, both ways. Ends with 0 clean, 1 repaired, 2 problems remain, 3 could not run."""
    from packhouse.care import examine_all

    raise SystemExit(asyncio.run(examine_all(launch.whole_or_exit(launch.COULD_NOT_RUN), deep=deep, fix=fix, as_json=as_json)))


@app.command(name="rotate-registry-key")
def rotate_registry_key() -> None:
    """Sign the container registry's tokens with a new key from now on."""
    from packhouse.assemble import make_house

    registry = make_house(launch.whole_or_exit()).gate.registry
    assert registry is not None
    sys.stdout.write(f"new key {registry.rotate()}\n")


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
def snippets(
    format: str = typer.Argument(help="The format, as in its URL; `all` for each of them"),
    ci: str = typer.Option("gitlab", help="`gitlab` or `github`"),
    project: int = typer.Option(help="The id of the project to publish to"),
    package: str = typer.Option("", help="The name of the package, as its pages show it"),
    url: str = typer.Option("", help="This registry; else the one of the settings"),
    markdown: bool = typer.Option(False, help="As it stands in the documentation"),
) -> None:
    """A template for builds that publish here without a secret: see docs/workflows/ci.md."""
    from packhouse.formats import FORMATS
    from packhouse.model import Moment
    from packhouse.web.ci import SYSTEMS, write_template

    known = {one.name: one for one in FORMATS}
    if format not in (*known, "all") or ci not in SYSTEMS:
        raise typer.BadParameter(f"the formats are {', '.join(known)}; --ci is {' or '.join(SYSTEMS)}")
    api = (url.rstrip("/") or launch.settings_or_exit().base_url) + "/api/v4"
    for one in known.values() if format == "all" else [known[format]]:
        text = write_template(ci, one, Moment(at=0, api=api, format=one.name, place=project), package)
        sys.stdout.write(f"### {one.title}\n\n```yaml\n{text}```\n\n" if markdown else text)


@app.command(name="import")
def import_(
    format: str = typer.Argument(help="The format, as in its URL"),
    source: str = typer.Option(..., "--from", help="The project to read: https://gitlab.example/api/v4/projects/12"),
    target: str = typer.Option(..., "--to", help="The project to publish to, written likewise"),
    source_token: str = typer.Option("", envvar="PACKHOUSE_IMPORT_FROM_TOKEN", help="A token that reads there; better in the environment"),
    target_token: str = typer.Option("", envvar="PACKHOUSE_IMPORT_TO_TOKEN", help="A token that publishes; better in the environment"),
) -> None:
    """Copy a project's packages of a format from another registry. Ends with 0 all there, 1 some failed, 2 could not run."""
    from packhouse.formats import FORMATS
    from packhouse.importing import import_packages

    known = {one.name: one for one in FORMATS if one.transfer is not None}
    if format not in known:
        raise typer.BadParameter(f"the formats are {', '.join(known)}")
    raise SystemExit(asyncio.run(import_packages(known[format], (source, source_token), (target, target_token))))


@app.command()
def version() -> None:
    """The version."""
    sys.stdout.write(f"packhouse {__version__}\n")
