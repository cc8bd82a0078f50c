"""The pages about workflows do what they say: their commands are run."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from git_work import new_work
from npm_clients import write_package
from programs import Desk
from stand import OWNER, READ, ROOT, Json, Stand, Team

# this is no package to mypy
from .test_ci_templates import Work, make_python_tree, prepare_container, provide_python  # type: ignore[import-not-found]

WORKFLOWS = ROOT / "docs" / "workflows"
BLOCK = re.compile(r"<!-- run: (?P<name>[\w-]+) -->\n```shell\n(?P<text>.*?)```", re.DOTALL)


def commands_of(page: str, name: str) -> str:
    """The commands of a page that belong together, in order."""
    found = [block["text"] for block in BLOCK.finditer((WORKFLOWS / page).read_text()) if block["name"] == name]
    assert found, f"{page} has no commands called {name}"
    return re.sub(r"https://(?=[^\s\"]*\$HOST)", "http://", "\n".join(found))


class Reader(Work):
    """Somebody who copies the commands of a page, with the variables that it asks for."""

    def follow(self, page: str, name: str, *, status: int = 0, **more: str) -> str:
        """What the commands printed. Raises `AssertionError` where one fails."""
        script = "set -eu -o pipefail\n" + commands_of(page, name)
        return str(self.run("bash", script, status=status, **{**self.variables, **more}))

    @property
    def variables(self) -> dict[str, str]:
        return {
            "HOST": self.stand.host, "PACKHOUSE": self.stand.url, "API": f"{self.stand.url}/api/v4", "PROJECT": str(self.team.project["id"]),
            "PROJECT_PATH": self.team.project["path_with_namespace"], "GROUP": str(self.team.group["id"]), "TOKEN": self.team.developer.token,
        }  # fmt: skip

    def list_names(self, project: Json | None = None) -> list[tuple[str, str, str]]:
        found = self.stand.list_packages(project or self.team.project)
        return sorted((one["package_type"], one["name"], one["version"]) for one in found)


@pytest.fixture(name="reader")
def send_reader(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> Reader:
    """A reader in an empty folder."""
    (tmp_path / "work").mkdir()
    desk.note("curl")
    return Reader(desk, stand, team, tmp_path / "work")


def test_every_page_is_in_the_list() -> None:
    """A workflow could not be found."""
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", (WORKFLOWS / "README.md").read_text()))
    assert listed == {page.name for page in WORKFLOWS.glob("*.md")} - {"README.md"}


def test_a_job(reader: Reader) -> None:
    """A stranger's first job could get no token, publish without its commit, or never end."""
    assert '"status":"success"' in reader.follow("ci.md", "job")
    [package] = reader.stand.list_packages(reader.team.project)
    assert (package["name"], package["pipeline"]["status"]) == ("app", "success")
    assert package["pipeline"]["web_url"] == "https://ci.example/builds/7"


def test_one_project_for_many(reader: Reader) -> None:
    """A project could hold packages of one format only, or consumers could not have them through the group."""
    printed = publish_greeters(reader)
    shown = (WORKFLOWS / "projects.md").read_text().partition("```text\n")[2].partition("```")[0]
    assert shown in printed, "the page shows another list than the command prints"
    assert reader.list_names() == [("generic", "notes", "1.0.0"), ("npm", "greeter-js", "1.0.0"), ("pypi", "greeter", "1.0.0")]

    token = reader.stand.make_deploy_token(reader.team.group, (READ,), where="groups")
    reader.folder = reader.folder / "use"
    write_package(reader.folder, "use", "0.0.0")
    target = reader.folder / "site"
    login = {"READER": token.user, "READER_TOKEN": token.token, "PIP_TARGET": str(target), "PIP_NO_CACHE_DIR": "1"}
    assert reader.follow("projects.md", "install", **login).endswith("Read me first.\n")
    assert (target / "greeter" / "__init__.py").exists()
    assert json.loads((reader.folder / "node_modules" / "greeter-js" / "package.json").read_text())["version"] == "1.0.0"
    assert token.token not in (reader.folder / ".npmrc").read_text()


def publish_greeters(reader: Reader) -> str:
    """What the page of one project for many publishes, and prints."""
    provide_python(reader)
    reader.desk.note("npm")
    make_python_tree(reader.folder / "greeter", "greeter", "1.0.0")
    write_package(reader.folder / "greeter-js", "greeter-js", "1.0.0")
    printed = reader.follow("projects.md", "publish")
    del reader.environment["PIP_NO_INDEX"]
    return printed


def test_consuming(reader: Reader) -> None:
    """The jobs of another project could come in without being let in, do more than read, or stay when they are no longer wanted."""
    publish_greeters(reader)
    app = reader.stand.make_project(reader.team.group)
    reader.folder = reader.folder / "use"
    write_package(reader.folder, "use", "0.0.0")
    target = reader.folder / "site"
    where = {"LIBRARY": str(reader.team.project["id"]), "APP": str(app["id"]), "TOKEN": reader.team.maintainer.token}
    job = {**where, **start_job(reader, app), "PIP_TARGET": str(target), "PIP_NO_CACHE_DIR": "1"}
    assert "403" in reader.follow("consume.md", "use", status=22, **job)
    reader.follow("consume.md", "allow", **where)
    assert reader.follow("consume.md", "use", **job).startswith("Read me first.\n")
    assert (target / "greeter" / "__init__.py").exists() and (reader.folder / "node_modules" / "greeter-js").exists()
    upload = 'curl --fail-with-body --header "JOB-TOKEN: $CI_JOB_TOKEN" --upload-file package.json "$API/projects/$LIBRARY/packages/generic/x/1/x"'
    assert "403" in reader.run("sh", upload, status=22, **{**reader.variables, **job})
    assert f'"id":{app["id"]},' in reader.follow("consume.md", "end", **where)
    assert "403" in reader.follow("consume.md", "use", status=22, **job)


def test_promotion(reader: Reader) -> None:
    """What is promoted could not be fetched."""
    other = reader.stand.make_project(reader.team.group)
    assert reader.follow("promote.md", "promote", RELEASES=str(other["id"])).endswith("tested\n")
    assert reader.list_names(other) == [("generic", "server", "1.0.0")]


def start_job(reader: Reader, project: Json | None = None) -> dict[str, str]:
    """The token of a new job of a developer."""
    path, token = f"/projects/{(project or reader.team.project)['id']}/pipelines", reader.team.developer.token
    pipeline = reader.stand.want(201, "POST", path, {"ref": "main", "sha": "0" * 40}, token=token)
    return {"CI_JOB_TOKEN": reader.stand.want(201, "POST", f"{path}/{pipeline['id']}/jobs", {"name": "publish"}, token=token)["token"]}


def test_monorepo(reader: Reader, tmp_path: Path) -> None:
    """A push could publish what it did not change, leave out what it changed, or replace what is published."""
    provide_python(reader)
    reader.desk.note("npm")
    reader.desk.note("git")
    repository = new_work(tmp_path / "repository")
    reader.folder = repository.folder
    make_python_tree(reader.folder / "python", "greeter", "1.0.0")
    write_package(reader.folder / "web", "greeter-js", "1.0.0")
    repository.commit({"tools/tool.sh": "echo one\n", "tools/VERSION": "1.0.0\n", ".gitignore": "dist/\n"})
    reader.follow("monorepo.md", "publish", CI_COMMIT_BEFORE_SHA="0" * 40, **start_job(reader))
    first = [("generic", "tool", "1.0.0"), ("npm", "greeter-js", "1.0.0"), ("pypi", "greeter", "1.0.0")]
    assert reader.list_names() == first

    before = repository.read("rev-parse", "HEAD")
    repository.commit({"web/package.json": json.dumps({"name": "greeter-js", "version": "1.1.0"}), "README.md": "# Greeters\n"})
    printed = reader.follow("monorepo.md", "publish", CI_COMMIT_BEFORE_SHA=before, **start_job(reader))
    assert "twine" not in printed.lower() and reader.list_names() == sorted([*first, ("npm", "greeter-js", "1.1.0")])

    before = repository.read("rev-parse", "HEAD")
    repository.commit({"tools/tool.sh": "echo two\n"})
    refused = reader.follow("monorepo.md", "publish", status=22, CI_COMMIT_BEFORE_SHA=before, **start_job(reader))
    assert "tool.sh is stored with sha256" in refused, "nobody is told what is wrong"


def test_build_on_tag(reader: Reader, tmp_path: Path) -> None:
    """A tag could become no release, or one that does not name the commit of its tag."""
    reader.desk.note("git")
    reader.desk.note("composer")
    repository = new_work(tmp_path / "repository")
    reader.folder = repository.folder
    path = reader.team.project["path_with_namespace"]
    module = f"127.0.0.1/{path}"
    name = f"{reader.team.scope}/app"
    commit = repository.commit(
        {"src/app.txt": "built\n", "go.mod": f"module {module}\n\ngo 1.19\n", "app.go": "package app\n", "composer.json": json.dumps({"name": name})}
    )
    reader.follow("build-on-tag.md", "tag")
    assert '"status":"success"' in reader.follow("build-on-tag.md", "build")
    assert reader.follow("build-on-tag.md", "go").strip() == "v1.0.0"
    found = {one["package_type"]: one for one in reader.stand.list_packages(reader.team.project)}
    assert {kind: (one["name"], one["version"]) for kind, one in found.items() if "go" not in kind} == {
        "generic": ("app", "1.0.0"), "composer": (name, "1.0.0"),
    }  # fmt: skip
    for kind in ("generic", "composer"):
        assert (found[kind]["pipeline"]["sha"], found[kind]["pipeline"]["ref"]) == (commit, "v1.0.0")


# -- storage ---------------------------------------------------------------------------------------------------------

IMAGES = """
echo "$TOKEN" | docker login --username token --password-stdin "$HOST"
for number in 1 2 3; do
  head -c 30000 /dev/urandom > hello.txt
  docker build --tag "$HOST/$PROJECT_PATH:dev-$number" .
  docker push "$HOST/$PROJECT_PATH:dev-$number"
done
docker rmi --all --force
docker pull "$HOST/$GROUP_PATH/dependency_proxy/containers/$PROJECT_PATH:dev-3"
"""


def read_largest(printed: str) -> list[tuple[list[str], int]]:
    """Each list that the script of the page printed: the names of its versions, and the sum."""
    *lists, rest = re.split(r"^all (\d+)\n", printed, flags=re.MULTILINE)
    assert rest == ""
    return [([line.split()[3] for line in text.splitlines()], int(total)) for text, total in zip(lists[::2], lists[1::2], strict=True)]


def read_answers(printed: str) -> list[Any]:
    """The JSON of each answer, one after another."""
    found, at = [], 0
    while at < len(printed):
        answer, at = json.JSONDecoder().raw_decode(printed, at)
        found.append(answer)
    return found


def bytes_on_disk(stand: Stand) -> int:
    return sum(file.stat().st_size for file in (stand.data / "blobs").rglob("*") if file.is_file())


def test_storage(desk: Desk, tmp_path: Path) -> None:
    """What takes room could not be found, removed, or brought back, or would go on taking room."""
    soon = {"PACKHOUSE_RETENTION_DAYS": "0", "PACKHOUSE_COLLECT_GRACE_SECONDS": "0", "PACKHOUSE_COLLECT_SWEEP_SECONDS": "0"}
    with Stand(tmp_path / "data", {"PACKHOUSE_OUTBOUND_ALLOW": "127.0.0.1/32", "PACKHOUSE_COLLECT_SECONDS": "0"}) as stand:
        reader = Reader(desk, stand, stand.make_team(visibility="public"), tmp_path / "work")
        desk.note("curl")
        prepare_container(reader)
        settings = "".join(f"export {name}='{value}'\n" for name, value in {**stand.environment, **soon}.items() if name != "PATH")
        reader.write_program("packhouse", f'{settings}exec {sys.executable} -m packhouse "$@"\n')
        owner = stand.make_member(reader.team.group, OWNER)
        team, path = reader.team, reader.team.project["path_with_namespace"]
        for name, size in (("small", 1_000), ("large", 50_000), ("middle", 20_000)):
            body = os.urandom(size)
            where = f"/projects/{team.project['id']}/packages/generic/{name}/1.0.0/file.bin"
            stand.api("PUT", where, body=body).expect(201)
        stand.want(200, "PUT", f"/groups/{team.group['id']}/dependency_proxy", {"upstream_url": stand.url})
        more = {"TOKEN": owner.token, "GROUP_PATH": team.group["full_path"], "PROJECT_PATH": path}
        reader.run("sh", "set -eu" + IMAGES, **{**reader.variables, **more})

        first, second = read_largest(reader.follow("storage.md", "packages", **more))
        assert first == (["large", "middle", "small"], 71_000)
        assert second == (["middle", "small"], 21_000)
        [deleted] = json.loads(reader.follow("storage.md", "bin", **more))
        assert deleted["name"] == "large"
        assert json.loads(reader.follow("storage.md", "restore", **more))["name"] == "large"
        reader.follow("storage.md", "packages", **more)  # and away with it again
        assert json.loads(reader.follow("storage.md", "snapshots", **more))["keep_n_duplicated_package_files"] == 10

        images = json.loads(reader.follow("storage.md", "images-size", **more))["container_registry_size"]
        assert images > 90_000
        preview, *_, runs = read_answers(reader.follow("storage.md", "images", **more))
        assert [(one["path"], sorted(one["tags"])) for one in preview["repositories"]] == [(path, ["dev-1", "dev-2"])]
        assert [(run["tags_removed"], run["tags_kept"]) for run in runs] == [(2, 1)]
        left = json.loads(reader.follow("storage.md", "images-size", **more))["container_registry_size"]
        assert images - 70_000 < left < images - 60_000

        assert json.loads(reader.follow("storage.md", "proxy-size", **more))["total_size"] > 30_000
        reader.follow("storage.md", "proxy", **more)
        assert json.loads(reader.follow("storage.md", "proxy-size", **more))["total_size"] == 0

        disk = bytes_on_disk(stand)
        said = reader.follow("storage.md", "bytes", **more)
        assert said.endswith("0 findings, 0 problems remain\n")
        assert bytes_on_disk(stand) == disk, "bytes went in the round that condemned them"
        reader.run("sh", "set -eu\npackhouse collect\npackhouse collect")  # what the first round let go is condemned, then removed
        assert bytes_on_disk(stand) < disk - 50_000 - 60_000
