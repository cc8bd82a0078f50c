"""A town with something of everything, as a busy team would leave it: what the pictures of the docs show, and every page is looked at in."""

from __future__ import annotations

from pathlib import Path

from git_work import new_work
from sqlalchemy import Connection, text

from packhouse.auth.tokens import hash_token, make_token
from packhouse.db import pipelines, tokens
from packhouse.db.engine import now
from packhouse.git.keeping import make_repository, read_refs
from packhouse.model import About, Dependency, Role, Visibility
from packhouse.packages.repositories import note_change, repository_path

from .town import ABOUT, Town

HOUR = 3_600_000_000
DAY = 24 * HOUR
WIDGETS = """# flask-widgets

Small widgets for **forms**: text, dates, numbers and files, with nothing to set up.

```python
from flask_widgets import Form

form = Form("signup")
form.date("birthday", label="Birthday")
```

| widget | for |
| --- | --- |
| `text` | one line of text |
| `date` | a day, with a calendar |
| `number` | a number in a range |

See the [documentation](https://docs.example/widgets) for all of them.
"""
GO_MOD = "module packages.example/acme/tools\n\ngo 1.22\n"
MAIN_GO = 'package main\n\nimport "fmt"\n\n// main greets whoever runs it.\nfunc main() {\n\tfmt.Println("hello from the packhouse")\n}\n'
ORCHARD = "# tools\n\nWhat the teams share: one module, a few commands.\n\n- `go run .` greets you\n- `make test` runs the tests\n"


async def settle(town: Town, folder: Path) -> None:
    """Everything there is: people, places, packages of each format with their history, builds, images, a repository, rules and tokens."""
    await _people(town)
    await _packages(town)
    await _builds(town)
    await _images(town)
    await _repository(town, folder)
    await _rules(town)


async def _people(town: Town) -> None:
    for person in ("anna", "ben", "carla"):
        await town.add_person(person)
    await town.add_place("group", "acme", Visibility.PRIVATE, "Tools and their parts")
    await town.add_place("group", "acme/web", Visibility.PRIVATE, "Everything that runs in a browser")
    await town.add_place("project", "acme/tools", Visibility.PRIVATE, "What the teams share")
    await town.add_place("project", "acme/web/site", Visibility.INTERNAL, "The public site and its parts")
    await town.add_place("project", "acme/fresh", Visibility.PRIVATE, "Nothing here yet")
    await town.add_member("acme", "anna", Role.OWNER)
    await town.add_member("acme", "ben", Role.DEVELOPER)
    await town.add_member("acme/tools", "carla", Role.REPORTER)


async def _packages(town: Town) -> None:
    about = About(
        summary="Small widgets for forms", readme=WIDGETS, license="MIT", author="Anna Berg", keywords=("forms", "widgets", "html"),
        links={"Documentation": "https://docs.example/widgets", "Source": "https://code.example/widgets"}, requires="Python >=3.9",
        dependencies=ABOUT.dependencies,
    )  # fmt: skip
    for number, (version, tags) in enumerate((("2.3.9", ()), ("2.4.0", ()), ("3.0.0rc1", ()), ("2.4.1", ()))):
        files = {f"flask_widgets-{version}-py3-none-any.whl": b"w%d" % number * 9000, f"flask_widgets-{version}.tar.gz": b"s%d" % number * 12000}
        made = await town.publish("acme/tools", "pypi", "flask-widgets", version, files, person="anna", about=about, tags=tags)
        await _age(town, made.version_id, (90 - number * 24) * DAY + 5 * HOUR)
        await _downloads(town, made.version_id, 40 + 90 * number)
    view = await town.hold("acme/tools", "pypi", "anna")
    await view.yank("flask-widgets", "2.4.0", "the wheel lacks its templates")
    tokens_about = About(
        summary="Colours, spaces and type of everything we make", readme="# design-tokens\n\nImport what you need.\n", license="MIT",
        dependencies=(Dependency(name="style-dictionary", range="^4.0.0"),),
    )  # fmt: skip
    for version, tag in (("10.2.0", "latest"), ("11.0.0-rc.2", "next")):
        made = await town.publish(
            "acme/tools", "npm", "@acme/design-tokens", version, {f"design-tokens-{version}.tgz": version.encode() * 900}, person="ben",
            about=tokens_about, tags=(tag,),
        )  # fmt: skip
        await _age(town, made.version_id, 12 * DAY)
        await _downloads(town, made.version_id, 77)
    made = await town.publish(
        "acme/tools", "maven", "com/acme/billing/invoice-renderer", "4.1.0",
        {"invoice-renderer-4.1.0.jar": b"jar" * 70000, "invoice-renderer-4.1.0.pom": b"<project/>"}, person="ben",
        about=About(summary="Invoices as PDF and as XML", license="Apache-2.0"),
    )  # fmt: skip
    await _age(town, made.version_id, 5 * DAY)
    made = await town.publish(
        "acme/tools", "nuget", "Acme.Billing.Client", "1.8.3", {"acme.billing.client.1.8.3.nupkg": b"nupkg" * 20000}, person="anna"
    )
    await _age(town, made.version_id, 9 * DAY)
    made = await town.publish("acme/web/site", "npm", "@acme/site-shell", "0.9.1", {"site-shell-0.9.1.tgz": b"tgz" * 4000}, person="ben")
    await _age(town, made.version_id, 30 * HOUR)
    made = await town.publish("acme/tools", "generic", "firmware", "1.0", {"firmware.bin": b"\0" * 400_000, "notes.txt": b"notes"}, person="anna")
    await _age(town, made.version_id, 3 * DAY)
    made = await town.publish("acme/tools", "generic", "broken-thing", "0.1", {"broken.bin": b"?"}, person="anna", status="error")
    await _age(town, made.version_id, 4 * DAY)


async def _builds(town: Town) -> None:
    """Two pipelines: one that published and is over, one that runs."""
    project, anna = town.places["acme/tools"], town.people["anna"]
    for number, (ref, sha, web_url) in enumerate(
        (("main", "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d", "https://ci.example/acme/tools/12"), ("release/2.5", "9f" * 20, ""))
    ):
        secret = make_token("job")
        job = await town.house.database.write(_start_build, project, anna, ref, sha, web_url, secret)
        files = {f"flask_widgets-2.5.{number}-py3-none-any.whl": b"b%d" % number * 9000}
        about = About(summary="Small widgets for forms", readme=WIDGETS, license="MIT", requires="Python >=3.9", dependencies=ABOUT.dependencies)
        await town.publish("acme/tools", "pypi", "flask-widgets", f"2.5.{number}", files, job=secret, about=about)
        if number == 0:
            await town.publish("acme/tools", "generic", "report", "12", {"coverage.html": b"<p>98 %</p>"}, job=secret)
            await town.house.database.write(_end_build, project, job)


def _start_build(connection: Connection, project: int, user: int, ref: str, sha: str, web_url: str, secret: str) -> int:
    at = now()
    made = pipelines.add_pipeline(connection, project, user, at, ref=ref, sha=sha, source="push", web_url=web_url)
    row = pipelines.get_pipeline(connection, project, made, at)
    assert row is not None
    token = tokens.add_token(
        connection, kind="job", hash_=hash_token(secret), user_id=user, place_id=project, name="publish", scopes=(), at=at, expires=at + HOUR,
        creator_id=user,
    )  # fmt: skip
    return pipelines.add_job(connection, row, "publish", token, at, at + HOUR)


def _end_build(connection: Connection, project: int, job: int) -> None:
    row = pipelines.get_job(connection, project, job)
    assert row is not None
    pipelines.end_job(connection, row, "success", now())


async def _images(town: Town) -> None:
    pusher = town.pusher("anna")
    for tag in ("1.8.0", "1.9.0", "latest"):
        image = await pusher.index("acme/tools/api", tag, ("linux/amd64", "linux/arm64"), "1.9.0" if tag == "latest" else tag)
    await pusher.attach("acme/tools/api", image, "application/vnd.dev.cosign.artifact.sig.v1+json")
    await pusher.attach("acme/tools/api", image, "application/spdx+json", b"bill of materials")
    await pusher.image("acme/tools", "nightly")
    await pusher.image("acme/tools/worker", "2026-11-25")


async def _repository(town: Town, folder: Path) -> None:
    work = new_work(folder)
    work.commit({"go.mod": GO_MOD, "main.go": MAIN_GO, "README.md": ORCHARD, "docs/guide.md": "# Guide\n\nRun it.\n"}, "Greet whoever runs it")
    work.run("tag", "v1.0.0")
    work.commit({"cmd/audit/main.go": MAIN_GO, "logo.png": b"\x89PNG\0\0", "docs/guide.md": "# Guide\n\nRun it, then read on.\n"}, "Audit as well")
    work.run("branch", "release/1.x", "v1.0.0")
    project = town.places["acme/tools"]
    bare = repository_path(town.house, project)
    make_repository(bare)
    work.run("push", "--quiet", str(bare), "--all")
    work.run("push", "--quiet", str(bare), "--tags")
    access = await town.house.gate.as_user(town.people["anna"], "session", project)
    await note_change(town.house, project, access.actor, read_refs(bare))


async def _rules(town: Town) -> None:
    """What a maintainer settles, by the forms that settle it."""
    anna, base = await town.signed_in("anna"), "/acme/tools/-/settings"
    maintainer = {"minimum_access_level_for_push": "maintainer"}
    for path, fields in (
        ("packages_and_registries/rules/package", maintainer | {"package_name_pattern": "@acme/*", "package_type": "npm"}),
        ("packages_and_registries/rules/tag", maintainer | {"tag_name_pattern": "v.+", "minimum_access_level_for_delete": "owner"}),
        ("repository", {"name": "production", "scopes": "read_package_registry"}),
        ("access_tokens", {"name": "release robot", "access_level": "30", "scopes": "api"}),
        ("ci_cd/allow", {"target": "acme/web"}),
    ):
        csrf = (await anna.get("/-/user_settings/profile")).field("csrf")
        page = await anna.post(f"{base}/{path}", fields | {"csrf": csrf}, {"origin": town.house.settings.base_url})
        assert page.status in (200, 303), page.text


# -- time -------------------------------------------------------------------------------------------------------------


async def _age(town: Town, version: int, by: int) -> None:
    """As if it had been published so long ago."""
    await town.house.database.write(_set_back, version, by)


def _set_back(connection: Connection, version: int, by: int) -> None:
    known = {"version": version, "by": by}
    for statement in (
        "update version set created = created - :by where id = :version",
        "update file set created = created - :by where version_id = :version",
        "update tag set since = since - :by where version_id = :version",
        "update event set at = at - :by where version_id = :version",
    ):
        connection.execute(text(statement), known)


async def _downloads(town: Town, version: int, most: int) -> None:
    """Downloads that rise and fall over a month."""
    await town.house.database.write(_add_downloads, version, most)


def _add_downloads(connection: Connection, version: int, most: int) -> None:
    hour = now() // HOUR
    for day in range(40):
        number = most * (3 + (day * 7) % 5) // (4 + day // 6)
        row = {"version": version, "hour": hour - day * 24, "number": number}
        connection.execute(text("insert into download (version_id, hour, credential, number) values (:version, :hour, 'personal', :number)"), row)
    connection.execute(text("update version set last_downloaded = :at where id = :version"), {"version": version, "at": now() - 2 * HOUR})
