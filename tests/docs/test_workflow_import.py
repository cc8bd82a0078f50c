"""The page about moving in does what it says: packages go from one project to another one by `packhouse import`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from loopback import Loopback, send
from npm_clients import Npm, publish_package
from nuget_clients import make_package, send_package
from programs import Desk
from stand import ROOT, Json, Stand, Team
from wire import Body

# these are no package to mypy
from .test_ci_templates import make_python_tree, provide_python  # type: ignore[import-not-found]
from .test_workflows import WORKFLOWS, Reader, send_reader  # type: ignore[import-not-found] # noqa: F401

POM = b"<project><modelVersion>4.0.0</modelVersion><groupId>com.acme</groupId><artifactId>lib</artifactId><version>1.0</version></project>"


@pytest.fixture(name="mover")
def send_mover(reader: Reader) -> Reader:
    """Somebody with `packhouse` in their path, and nothing else of the server."""
    reader.write_program("packhouse", f'PYTHONPATH={ROOT / "src"} exec {sys.executable} -m packhouse "$@"\n')
    return reader


def put(stand: Stand, team: Team, tail: str, body: Body) -> None:
    stand.api("PUT", f"/projects/{team.project['id']}/packages/{tail}", body=body, token=team.developer.token).expect(200, 201)


def digests_of(stand: Stand, project: Json) -> dict[tuple[str, str, str, str], str]:
    """Every file of a project, and its digest."""
    return {
        (package["package_type"], package["name"], package["version"], file["file_name"]): file["file_sha256"]
        for package in stand.list_packages(project)
        if package["version"]
        for file in stand.list_files(project, package)
        if not file["file_name"].startswith("maven-metadata")
    }


def tags_of(stand: Stand, project: Json) -> dict[str, list[str]]:
    found = stand.list_packages(project, package_type="npm")
    return {package["version"]: sorted(tag["name"] for tag in package["tags"]) for package in found}


def move(mover: Reader, other: Team, status: int = 0, **more: str) -> str:
    """What the commands of the page print."""
    api = f"{mover.stand.url}/api/v4/projects"
    variables = {
        "FROM": f"{api}/{mover.team.project['id']}", "PACKHOUSE_IMPORT_FROM_TOKEN": mover.team.reporter.token,
        "TO": f"{api}/{other.project['id']}", "PACKHOUSE_IMPORT_TO_TOKEN": other.developer.token,
    }  # fmt: skip
    return str(mover.follow("import.md", "import", status=status, **{**variables, **more}))


@pytest.mark.timeout(200)
def test_moving_in(mover: Reader, desk: Desk) -> None:
    """A package could be left behind or change on its way, be sent twice, or take the place of another one."""
    stand, team, other = mover.stand, mover.team, mover.stand.make_team()
    provide_python(mover)
    desk.note("npm")
    make_python_tree(mover.folder / "greeter", "greeter", "1.0.0")
    for version in ("2.0.0", "1.9.9"):  # the newest is not the latest
        tag = {"publishConfig": {"tag": "old"}} if version == "1.9.9" else {}
        publish_package(Npm(), desk, stand, team, mover.folder / version, f"@{team.scope}/lib", version, **tag)
    upload = '-m twine upload --repository-url "$API/projects/$PROJECT/packages/pypi" greeter/dist/*'
    mover.run("sh", f'set -eu\npython -m build greeter\nTWINE_USERNAME=token TWINE_PASSWORD="$TOKEN" python {upload}\n', **mover.variables)
    put(stand, team, "maven/com/acme/lib/1.0/lib-1.0.pom", POM)
    put(stand, team, "maven/com/acme/lib/1.0/lib-1.0.jar", b"a jar")
    send_package(stand, team, team.developer, make_package("Acme.Toy", "1.0.0-rc.1"))
    put(stand, team, "generic/tool/1.0.0/tool.sh", b"echo one\n")
    put(stand, team, "generic/tool/1.1.0/tool.sh", b"echo two\n")

    printed = move(mover, other)
    shown = (WORKFLOWS / "import.md").read_text().partition("```text\n")[2].partition("```")[0]
    assert shown in printed, "the page shows another end than the command prints"
    there = digests_of(stand, other.project)
    assert there == digests_of(stand, team.project) and len(there) == 9
    assert tags_of(stand, other.project) == tags_of(stand, team.project) == {"2.0.0": ["latest"], "1.9.9": ["old"]}

    again = move(mover, other)
    assert [line.partition(" there")[0] for line in again.splitlines()] == [f"0 published, {count}" for count in (2, 2, 2, 1, 2)]

    [gone] = [package for package in stand.list_packages(other.project) if (package["name"], package["version"]) == ("tool", "1.0.0")]
    stand.want(204, "DELETE", f"/projects/{other.project['id']}/packages/{gone['id']}")
    put(stand, other, "generic/tool/1.0.0/tool.sh", b"echo ours\n")
    refused = move(mover, other, status=1)
    assert refused.splitlines()[4] == "0 published, 1 there already, 0 left out, 1 failed"
    assert "tool 1.0.0 tool.sh: PUT" in refused and "sha256" in refused and "Traceback" not in refused


@pytest.mark.parametrize("broken", ["FROM", "TO", "PACKHOUSE_IMPORT_FROM_TOKEN", "PACKHOUSE_IMPORT_TO_TOKEN"])
def test_what_cannot_be_read(broken: str, mover: Reader) -> None:
    """Somebody who mistypes an address or a token could be told nothing, or be shown a token."""
    put(mover.stand, mover.team, "generic/tool/1.0.0/tool.sh", b"echo one\n")
    wrong = {"FROM": "http://127.0.0.1:9/api/v4/projects/1", "TO": f"{mover.stand.url}/api/v4/projects/999999"}.get(broken, "phpat_not_a_token")
    said = move(mover, mover.stand.make_team(), status=2, **{broken: wrong})
    assert said.startswith("packhouse: GET http://127.0.0.1:") and len(said.splitlines()) == 1
    assert wrong not in said or broken in ("FROM", "TO")


class Liar(Loopback):
    """A source that says what it was told to say: bytes as they are, a string as the address to go on at, all else as JSON."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        super().__init__()
        self.answers = answers
        self.credentials = set[str | None]()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.credentials.add(request.headers["Authorization"])
        said = self.answers.get(request.path.partition("?")[0])
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        if isinstance(said, str):
            send(request, 302, body, {"Location": said})
        else:
            send(request, 404 if said is None else 200, body)


def test_a_source_that_lies(mover: Reader) -> None:
    """A source could have other bytes published than it lists, or have the token used outside of the project."""
    other = mover.stand.make_team()
    names = {1: ("tool", "1.0.0"), 2: ("..", "1.0.0"), 3: ("tool", "../../../7")}
    answers: dict[str, Any] = {"/packages": [{"id": id_, "name": name, "version": version} for id_, (name, version) in names.items()]}
    answers |= {f"/packages/{id_}/package_files": [{"file_name": "tool.sh", "file_sha256": "0" * 64}] for id_ in names}
    with Liar({**answers, "/packages/generic/tool/1.0.0/tool.sh": b"echo evil\n"}) as liar:
        script = 'packhouse import generic --from "$FROM" --to "$TO"'
        to = f"{mover.stand.url}/api/v4/projects/{other.project['id']}"
        said = mover.run("sh", script, status=1, FROM=liar.url, TO=to, PACKHOUSE_IMPORT_TO_TOKEN=other.developer.token)
        assert said.splitlines()[0] == "0 published, 0 there already, 0 left out, 3 failed"
        assert "and not 000000" in said and said.count("leads out of the project") == 2 and "Traceback" not in said
    with Liar({"/packages": [{"id": "one"}]}) as liar:
        said = mover.run("sh", script, status=2, FROM=liar.url, TO=to, PACKHOUSE_IMPORT_TO_TOKEN=other.developer.token)
        assert "Expected `int`" in said and len(said.splitlines()) == 1
    assert mover.stand.list_packages(other.project) == []


def test_a_source_that_sends_elsewhere(mover: Reader) -> None:
    """What a source keeps in another store could not be fetched, or that store be shown the token."""
    other = mover.stand.make_team()
    with Liar({"/bytes": b"echo one\n"}) as store:
        answers = {
            "/packages": [{"id": 1, "name": "tool", "version": "1.0.0"}],
            "/packages/1/package_files": [{"file_name": "tool.sh"}],
            "/packages/generic/tool/1.0.0/tool.sh": f"{store.url}/bytes",
        }
        with Liar(answers) as source:
            variables = {
                "FROM": source.url, "TO": f"{mover.stand.url}/api/v4/projects/{other.project['id']}",
                "PACKHOUSE_IMPORT_FROM_TOKEN": "of-the-source", "PACKHOUSE_IMPORT_TO_TOKEN": other.developer.token,
            }  # fmt: skip
            mover.run("sh", 'packhouse import generic --from "$FROM" --to "$TO"', **variables)
    assert (source.credentials, store.credentials) == ({"Bearer of-the-source"}, {None})
    assert [package["name"] for package in mover.stand.list_packages(other.project)] == ["tool"]
