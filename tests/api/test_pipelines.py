"""Pipelines and jobs: who may register them, whom their tokens stand for, and how long those live."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update
from stand import DEVELOPER, MAINTAINER, OWNER, REPORTER, Login, Team

from packhouse.db.engine import now, sqlite_engine
from packhouse.db.tables import job, token

from .conftest import Desk, Json

SHA = "0123456789abcdef0123456789abcdef01234567"


def register(api: Desk, project: Json, login: Login | str, **more: Any) -> Json:
    """A pipeline of this login."""
    made: Json = api.call("POST", f"/projects/{project['id']}/pipelines", {"ref": "main", "sha": SHA, **more}, login).expect(201).json()
    return made


def start(api: Desk, project: Json, login: Login | str, **more: Any) -> Json:
    """A running job of a new pipeline of this login, with its token."""
    pipeline = register(api, project, login)
    path = f"/projects/{project['id']}/pipelines/{pipeline['id']}/jobs"
    made: Json = api.call("POST", path, {"name": "publish", **more}, login).expect(201).json()
    return made


def put(api: Desk, project: Json, secret: str, name: str = "tool", version: str = "1.0", content: bytes = b"bytes") -> int:
    """The status of a publish with a job token."""
    path = f"/api/v4/projects/{project['id']}/packages/generic/{name}/{version}/f.txt"
    return api.stand.http.put(path, content, {"JOB-TOKEN": secret}).status


def test_register(api: Desk, team: Team) -> None:
    """A pipeline could lose what it was registered with, or count its numbers across projects."""
    path = f"/projects/{team.project['id']}/pipelines"
    data = {"ref": "v1", "sha": SHA.upper(), "source": "push", "web_url": "https://ci.example/1"}
    made = api.call("POST", path, data, team.developer).expect(201).json()
    assert (made["iid"], made["ref"], made["sha"], made["status"], made["source"]) == (1, "v1", SHA, "created", "push")
    assert made["web_url"] == "https://ci.example/1"
    assert made["user"]["username"] == team.developer.user
    assert api.get(f"{path}/{made['id']}", team.developer).expect(200).json() == made
    second = register(api, team.project, team.developer)
    assert second["iid"] == 2
    assert [row["id"] for row in api.get(path, team.reporter).expect(200).json()] == [second["id"], made["id"]]
    other = api.stand.make_project(team.group)
    assert register(api, other, team.developer)["iid"] == 1
    api.get(f"/projects/{other['id']}/pipelines/{made['id']}", team.developer).expect(404)


@pytest.mark.parametrize(
    "data",
    [
        {"sha": SHA},
        {"ref": "main"},
        {"ref": "", "sha": SHA},
        {"ref": "a\nb", "sha": SHA},
        {"ref": "main", "sha": "abc"},
        {"ref": "main", "sha": SHA, "web_url": "javascript:alert(1)"},
        {"ref": "main", "sha": SHA, "web_url": "https://me:secret@ci.example/"},
        {"ref": "main", "sha": SHA, "source": "a b"},
        {"ref": ["main"], "sha": SHA},
    ],
)
def test_refuse_nonsense(api: Desk, team: Team, data: Json) -> None:
    """Something that is no ref, commit or address could be stored and shown to people."""
    answer = api.call("POST", f"/projects/{team.project['id']}/pipelines", data, team.developer).expect(400)
    assert "error" in answer.json()


def test_who_may_register(api: Desk, team: Team) -> None:
    """A reader, or a token that only reads, could register a pipeline and so get a token that publishes."""
    path = f"/projects/{team.project['id']}/pipelines"
    user = api.stand.make_user()
    api.stand.add_member(team.project, user, DEVELOPER, "projects")
    reading = api.stand.make_personal_token(user, ("read_api",))
    bot = api.call("POST", f"/projects/{team.project['id']}/access_tokens", {"name": "ci", "scopes": ["api"], "access_level": DEVELOPER}).expect(201)
    logins = {"reporter": team.reporter, "developer": team.developer, "stranger": team.stranger, "nobody": None, "reading": reading,
              "writer": team.writer, "bot": Login("bot", bot.json()["token"])}  # fmt: skip
    wanted = {"reporter": 403, "developer": 201, "stranger": 404, "nobody": 404, "reading": 403, "writer": 401, "bot": 201}
    assert api.statuses("POST", path, logins, {"ref": "main", "sha": SHA}) == wanted


def test_somebody_else(api: Desk, team: Team) -> None:
    """A developer could take the name of a maintainer, or a maintainer that of an owner, and publish with more than their own rights."""
    path = f"/projects/{team.project['id']}/pipelines"

    def ask(login: Login, user: str) -> int:
        return api.call("POST", path, {"ref": "main", "sha": SHA, "user": user}, login).status

    owner = api.stand.make_member(team.group, OWNER)
    assert ask(team.developer, team.maintainer.user) == 403
    assert ask(team.developer, team.developer.user) == 201
    assert ask(team.maintainer, team.developer.user) == 201
    assert ask(team.maintainer, owner.user) == 403
    assert ask(team.maintainer, "root") in (400, 403)
    assert ask(team.maintainer, team.stranger.user) == 400
    assert ask(team.maintainer, "nobody-of-this-name") == 400


def test_job_of_another(api: Desk, team: Team) -> None:
    """A developer could start a job in a maintainer's pipeline, and hold a token that deletes."""
    pipeline = register(api, team.project, team.maintainer)
    path = f"/projects/{team.project['id']}/pipelines/{pipeline['id']}/jobs"
    api.call("POST", path, {"name": "x"}, team.developer).expect(403)
    made = api.call("POST", path, {"name": "x"}, team.maintainer).expect(201).json()
    finish = f"/projects/{team.project['id']}/jobs/{made['id']}/finish"
    api.call("POST", finish, {"status": "success"}, team.developer).expect(403)
    mine = register(api, team.project, team.developer)
    api.call("POST", f"/projects/{team.project['id']}/pipelines/{mine['id']}/jobs", {"name": "x"}, team.maintainer).expect(201)


def test_token_lives_as_long_as_the_job(api: Desk, team: Team) -> None:
    """A token that leaked into a log could publish when its job is long over."""
    made = start(api, team.project, team.developer)
    assert made["status"] == "running"
    assert put(api, team.project, made["token"]) == 201
    path = f"/projects/{team.project['id']}/jobs/{made['id']}"
    assert "token" not in api.get(path, team.developer).expect(200).json()
    done = api.call("POST", f"{path}/finish", {"status": "success"}, team.developer).expect(200).json()
    assert done["status"] == "success" and done["finished_at"]
    assert put(api, team.project, made["token"], version="2.0") == 401
    assert api.stand.http.get("/api/v4/job", {"JOB-TOKEN": made["token"]}).status == 401
    api.call("POST", f"{path}/finish", {"status": "success"}, team.developer).expect(200)
    api.call("POST", f"{path}/finish", {"status": "failed"}, team.developer).expect(409)
    pipeline = api.get(f"/projects/{team.project['id']}/pipelines/{made['pipeline']['id']}", team.developer).json()
    assert pipeline["status"] == "success"


def test_token_ends_at_the_timeout(api: Desk, team: Team) -> None:
    """A job whose runner died could leave a token that works for ever."""
    made = start(api, team.project, team.developer, timeout_seconds=60)
    engine = sqlite_engine(api.stand.data / "packhouse.sqlite3")
    with engine.begin() as connection:
        connection.execute(update(job).where(job.c.id == made["id"]).values(expires=now() - 1))
        connection.execute(update(token).where(token.c.kind == "job", token.c.place_id == team.project["id"]).values(expires=now() - 1))
    engine.dispose()
    assert put(api, team.project, made["token"]) == 401
    path = f"/projects/{team.project['id']}"
    assert api.get(f"{path}/jobs/{made['id']}", team.developer).json()["status"] == "failed"
    assert api.get(f"{path}/pipelines/{made['pipeline']['id']}", team.developer).json()["status"] == "failed"
    api.call("POST", f"{path}/jobs/{made['id']}/finish", {"status": "success"}, team.developer).expect(409)


@pytest.mark.parametrize("seconds", [0, -1, 604_801, "soon"])
def test_refuse_timeouts(api: Desk, team: Team, seconds: object) -> None:
    """A job could ask for a token without an end."""
    pipeline = register(api, team.project, team.developer)
    path = f"/projects/{team.project['id']}/pipelines/{pipeline['id']}/jobs"
    api.call("POST", path, {"name": "x", "timeout_seconds": seconds}, team.developer).expect(400)


def test_job_ends_itself(api: Desk, team: Team) -> None:
    """The last line of a script could not end the job it runs in, or could end another one."""
    mine, other = start(api, team.project, team.developer), start(api, team.project, team.developer)
    headers = {"JOB-TOKEN": mine["token"]}
    path = f"/projects/{team.project['id']}/jobs"
    api.call("POST", f"{path}/{other['id']}/finish", {"status": "success"}, None, headers).expect(403)
    api.call("POST", f"{path}/{mine['id']}/finish", {"status": "canceled"}, None, headers).expect(200)
    assert put(api, team.project, mine["token"]) == 401
    assert put(api, team.project, other["token"]) == 201


def test_own_job(api: Desk, team: Team) -> None:
    """A job could not find out which one it is, or a person's token could pass for a job."""
    made = start(api, team.project, team.developer)
    found = api.stand.http.get("/api/v4/job", {"JOB-TOKEN": made["token"]}).expect(200).json()
    assert (found["id"], found["name"], found["status"], found["ref"]) == (made["id"], "publish", "running", "main")
    assert found["commit"]["id"] == SHA
    assert found["user"]["username"] == team.developer.user
    assert found["pipeline"]["project_id"] == team.project["id"]
    assert "token" not in found
    assert api.get("/job", team.developer).status == 401
    assert api.get("/job", None).status == 401


def test_no_more_than_the_user_may_now(api: Desk, team: Team) -> None:
    """A job could go on publishing for somebody who lost the right while it ran, or delete for a developer."""
    user = api.stand.make_user()
    api.stand.add_member(team.project, user, DEVELOPER, "projects")
    login = api.stand.make_personal_token(user)
    made = start(api, team.project, login)
    assert put(api, team.project, made["token"]) == 201
    row = api.stand.list_packages(team.project)[0]
    path = f"/projects/{team.project['id']}/packages/{row['id']}"
    job_token = {"JOB-TOKEN": made["token"]}
    api.call("DELETE", path, None, None, job_token).expect(403)
    api.stand.want(200, "PUT", f"/projects/{team.project['id']}/members/{user['id']}", {"access_level": MAINTAINER})
    api.call("DELETE", path, None, None, job_token).expect(204)
    api.stand.want(200, "PUT", f"/projects/{team.project['id']}/members/{user['id']}", {"access_level": REPORTER})
    assert put(api, team.project, made["token"], version="2.0") == 403
    api.stand.want(204, "DELETE", f"/projects/{team.project['id']}/members/{user['id']}")
    assert put(api, team.project, made["token"], version="3.0") == 403
    api.call("POST", f"/users/{user['id']}/block").expect(201)
    assert put(api, team.project, made["token"], version="4.0") == 401


def test_closed_doors(api: Desk, team: Team) -> None:
    """A job of a maintainer could make itself a token, change settings, members or rules, or let other jobs in."""
    made = start(api, team.project, team.maintainer)
    project = f"/projects/{team.project['id']}"
    asks = [
        ("POST", f"{project}/access_tokens", {"name": "x", "scopes": ["api"]}),
        ("POST", f"{project}/deploy_tokens", {"name": "x", "scopes": ["read_registry"]}),
        ("POST", f"{project}/members", {"user_id": 1, "access_level": 30}),
        ("PUT", project, {"description": "x"}),
        ("POST", f"{project}/packages/protection/rules", {"package_name_pattern": "x", "package_type": "npm"}),
        ("POST", f"{project}/pipelines", {"ref": "main", "sha": SHA}),
        ("POST", f"{project}/pipelines/{made['pipeline']['id']}/jobs", {"name": "more"}),
        ("GET", f"{project}/job_token_scope", None),
        ("PATCH", f"{project}/job_token_scope", {"enabled": False}),
        ("POST", f"{project}/job_token_scope/allowlist", {"target_project_id": team.project["id"]}),
        ("GET", f"{project}/access_tokens", None),
        ("POST", "/projects", {"name": "stolen"}),
        ("GET", "/user", None),
        ("GET", "/projects", None),
        ("GET", "/groups", None),
        ("DELETE", project, None),
    ]
    for method, path, data in asks:
        answer = api.call(method, path, data, None, {"JOB-TOKEN": made["token"]})
        assert answer.status in (401, 403), f"{method} {path}: {answer.status}"


# -- what they published ---------------------------------------------------------------------------------------------


def test_package_tells_its_pipeline(api: Desk, team: Team) -> None:
    """People could not see from which commit a package was built, or a package of a person could claim a build."""
    made = start(api, team.project, team.developer)
    assert put(api, team.project, made["token"]) == 201
    by_hand = api.publish(team.project, "manual")
    assert "pipeline" not in by_hand and "pipelines" not in by_hand
    row = next(row for row in api.stand.list_packages(team.project) if row["name"] == "tool")
    one = api.get(f"/projects/{team.project['id']}/packages/{row['id']}", team.reporter).json()
    for shape in (row, one):
        assert shape["pipelines"] == []
        assert (shape["pipeline"]["id"], shape["pipeline"]["sha"], shape["pipeline"]["ref"]) == (made["pipeline"]["id"], SHA, "main")
        assert shape["pipeline"]["user"]["username"] == team.developer.user


def test_page_tells_the_pipeline(api: Desk) -> None:
    """Whoever looks at a package could not see which build it came from, or be sent to an address that runs a script."""
    team = api.stand.make_team("public")
    made = start(api, team.project, team.developer)
    assert put(api, team.project, made["token"]) == 201
    row = api.stand.list_packages(team.project)[0]
    page = api.stand.http.get(f"/{team.project['path_with_namespace']}/-/packages/{row['id']}").expect(200).text
    assert "pipeline #1" in page and SHA[:8] in page and "<code>main</code>" in page


def test_pipelines_of_a_package(api: Desk, team: Team) -> None:
    """A version that several pipelines published could name one of them only, or in another order."""
    jobs = [start(api, team.project, team.developer) for _ in range(3)]
    for made in (jobs[0], jobs[2], jobs[1], jobs[0]):
        assert put(api, team.project, made["token"]) in (200, 201)
    row = api.stand.list_packages(team.project)[0]
    path = f"/projects/{team.project['id']}/packages/{row['id']}/pipelines"
    newest = [made["pipeline"]["id"] for made in reversed(jobs)]
    assert [shape["id"] for shape in api.get(path).expect(200).json()] == newest
    first = api.get(f"{path}?per_page=2").expect(200)
    assert [shape["id"] for shape in first.json()] == newest[:2]
    link = first.headers["link"]
    assert 'rel="next"' in link
    following = link.partition("<")[2].partition(">")[0].partition("/api/v4")[2]
    rest = api.get(following).expect(200)
    assert [shape["id"] for shape in rest.json()] == newest[2:] and "link" not in rest.headers
    for bad in ("per_page=21", "per_page=0", "per_page=-2", "cursor=zzz"):
        api.get(f"{path}?{bad}").expect(400)


def test_refused_publish_names_no_build(api: Desk, team: Team) -> None:
    """A pipeline whose publish was refused could be shown as the one that built the package."""
    one, other = start(api, team.project, team.developer), start(api, team.project, team.developer)
    assert put(api, team.project, one["token"]) == 201
    assert put(api, team.project, other["token"], content=b"others") in (400, 403, 409)
    row = api.stand.list_packages(team.project)[0]
    found = api.get(f"/projects/{team.project['id']}/packages/{row['id']}/pipelines").json()
    assert [shape["id"] for shape in found] == [one["pipeline"]["id"]]
