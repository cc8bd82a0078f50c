"""curl against a running server: what scripts do with generic packages."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from programs import Desk, Run
from stand import DEVELOPER, Login, Stand, Team

MIB = 1024 * 1024
CONTENT = bytes(range(256)) * (3 * MIB // 256)
QUIET = ["--silent", "--show-error", "--max-time", "60"]


def file_url(stand: Stand, team: Team, name: str = "app.bin", version: str = "1.0.0", package: str = "my.package") -> str:
    """Where a generic file is."""
    return f"{stand.url}/api/v4/projects/{team.project['id']}/packages/generic/{package}/{version}/{name}"


def basic(login: Login) -> list[str]:
    return ["--user", f"{login.user}:{login.token}"]


def status_of(run: Run) -> int:
    """The status that `--write-out %{http_code}` has printed last."""
    return int(run.out[-3:])


def upload(desk: Desk, url: str, file: Path, *options: str, body: bytes | None = None) -> int:
    """Write a file and send it; the status of the answer."""
    if body is not None:
        file.write_bytes(body)
    command = [*QUIET, *options, "--upload-file", str(file), "--write-out", "%{http_code}", url]
    return status_of(desk.run("curl", *command, cwd=file.parent))


@pytest.fixture
def published(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> str:
    """The URL of a published file of 3 MiB."""
    url = file_url(stand, team)
    assert upload(desk, url, tmp_path / "app.bin", *basic(team.writer), body=CONTENT) == 201
    return url


@pytest.mark.parametrize("carrier", ["private-token", "bearer", "basic", "deploy-header", "deploy-basic", "deploy-bearer", "query"])
def test_uploads_and_downloads_with_each_carrier(carrier: str, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A token that is carried this way is not taken for uploading, or not for downloading."""
    token, deploy = team.developer.token, team.writer
    options, query = {
        "private-token": (["--header", f"PRIVATE-TOKEN: {token}"], ""),
        "bearer": (["--header", f"Authorization: Bearer {token}"], ""),
        "basic": (["--user", f"anything:{token}"], ""),
        "deploy-header": (["--header", f"Deploy-Token: {deploy.token}"], ""),
        "deploy-basic": (basic(deploy), ""),
        "deploy-bearer": (["--header", f"Authorization: Bearer {deploy.token}"], ""),
        "query": ([], f"?private_token={token}"),
    }[carrier]
    url = file_url(stand, team) + query

    assert upload(desk, url, tmp_path / "up.bin", *options, body=CONTENT) == 201
    desk.run("curl", *QUIET, "--fail", "--location", *options, "--output", tmp_path / "down.bin", url, cwd=tmp_path)

    assert (tmp_path / "down.bin").read_bytes() == CONTENT


def test_uploads_by_encoded_path_into_folders(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A project named by its encoded path is not found, or a file with folders before its name is lost."""
    url = f"{stand.url}/api/v4/projects/{team.encoded_path}/packages/generic/tool/1.0/linux/amd64/tool+debug~1.tgz"

    assert upload(desk, url, tmp_path / "f", *basic(team.writer), body=b"in a folder") == 201

    assert desk.run("curl", *QUIET, "--fail", *basic(team.reader), url, cwd=tmp_path).out == "in a folder"


def test_uploads_from_a_pipe(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A body of unknown length, sent in chunks, is not stored whole."""
    url = file_url(stand, team)
    command = [*QUIET, *basic(team.writer), "--upload-file", "-", "--write-out", "%{http_code}", url]

    assert status_of(desk.run("curl", *command, cwd=tmp_path, stdin=CONTENT)) == 201

    assert stand.http.get(url.removeprefix(stand.url), {"DEPLOY-TOKEN": team.reader.token}).body == CONTENT


def test_upload_waits_to_be_asked_for_the_body(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """`Expect: 100-continue` is not answered, or a caller who is refused is asked to send the body first."""
    (tmp_path / "app.bin").write_bytes(CONTENT)
    command = [*QUIET, "--verbose", "--expect100-timeout", "30", "--header", "Expect: 100-continue", "--upload-file", "app.bin"]
    url = file_url(stand, team)

    refused = desk.run("curl", *command, url, cwd=tmp_path)
    forbidden = desk.run("curl", *command, *basic(team.reader), url, cwd=tmp_path)
    taken = desk.run("curl", *command, *basic(team.writer), url, cwd=tmp_path)

    for run, status in ((refused, 401), (forbidden, 403)):
        assert f"< HTTP/1.1 {status} " in run.err
        assert "100 Continue" not in run.err
    assert "< HTTP/1.1 100 Continue" in taken.err
    assert "< HTTP/1.1 201 " in taken.err


def test_head_tells_the_size_and_the_digest(published: str, team: Team, desk: Desk, tmp_path: Path) -> None:
    """HEAD does not say what GET would: length, type, name and checksum."""
    head = desk.run("curl", *QUIET, "--head", "--fail", *basic(team.reader), published, cwd=tmp_path).out
    lines = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.splitlines())}

    assert lines["content-length"] == str(len(CONTENT))
    assert lines["x-checksum-sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert lines["accept-ranges"] == "bytes"
    assert 'filename="app.bin"' in lines["content-disposition"]


@pytest.mark.parametrize(
    ("span", "part"), [("100-199", slice(100, 200)), (f"{len(CONTENT) - 5}-", slice(-5, None)), ("-7", slice(-7, None)), ("0-0", slice(1))], ids=str
)
def test_reads_a_range(span: str, part: slice, published: str, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A part of a file is not the bytes asked for."""
    command = [*QUIET, *basic(team.reader), "--range", span, "--output", "part", "--write-out", "%{http_code}", published]

    assert status_of(desk.run("curl", *command, cwd=tmp_path)) == 206

    assert (tmp_path / "part").read_bytes() == CONTENT[part]


def test_resumes_a_download(published: str, team: Team, desk: Desk, tmp_path: Path) -> None:
    """`curl -C -` does not get the rest of a download that broke off."""
    (tmp_path / "app.bin.part").write_bytes(CONTENT[: MIB + 17])
    command = [*QUIET, "--fail", *basic(team.reader), "--continue-at", "-", "--output", "app.bin.part", "--write-out", "%{http_code}", published]

    assert status_of(desk.run("curl", *command, cwd=tmp_path)) == 206

    assert (tmp_path / "app.bin.part").read_bytes() == CONTENT


def test_asks_only_for_what_has_changed(published: str, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A second download with the ETag of the first sends the file again."""
    save = [*QUIET, "--fail", *basic(team.reader), "--output", "first", "--etag-save", "etag", published]
    again = [*QUIET, *basic(team.reader), "--output", "second", "--etag-compare", "etag", "--write-out", "%{http_code}", published]
    desk.run("curl", *save, cwd=tmp_path)

    assert (tmp_path / "etag").read_text().strip()
    assert status_of(desk.run("curl", *again, cwd=tmp_path)) == 304


def test_keeps_what_is_published(published: str, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """The same bytes again fail, or other bytes take their place, or the answer does not name both digests."""
    other = b"other bytes"
    (tmp_path / "other.bin").write_bytes(other)

    assert upload(desk, published, tmp_path / "app.bin", *basic(team.writer)) == 201
    refused = desk.run("curl", *QUIET, *basic(team.writer), "--upload-file", "other.bin", "--write-out", "%{http_code}", published, cwd=tmp_path)

    assert status_of(refused) == 400
    assert hashlib.sha256(CONTENT).hexdigest() in refused.out
    assert hashlib.sha256(other).hexdigest() in refused.out
    [package] = stand.list_packages(team.project)
    [file] = stand.list_files(team.project, package)
    assert file["file_sha256"] == hashlib.sha256(CONTENT).hexdigest()


def test_private_file_is_for_its_readers(published: str, team: Team, desk: Desk, tmp_path: Path) -> None:
    """Somebody who may not read a private file gets it, or an answer that tells whether it exists."""
    absent = published.replace("app.bin", "absent.bin")
    asked = [*QUIET, "--dump-header", "head", "--output", "body", "--write-out", "%{http_code}"]

    def ask(url: str, *options: str) -> int:
        return status_of(desk.run("curl", *asked, *options, url, cwd=tmp_path))

    assert ask(published) == ask(absent) == 401
    assert 'www-authenticate: Basic realm="GitLab Packages Registry"' in (tmp_path / "head").read_text().replace("WWW-Auth", "www-auth")
    assert ask(published, "--header", "PRIVATE-TOKEN: phpat_not_a_token") == 401
    assert ask(published, *basic(team.stranger)) == ask(absent, *basic(team.stranger)) == 404
    assert ask(published, *basic(team.reader)) == 200


def test_hidden_file_is_not_listed(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A file uploaded as hidden shows up in the list, or cannot be downloaded by its URL."""
    url = file_url(stand, team)

    assert upload(desk, f"{url}?status=hidden", tmp_path / "f", *basic(team.writer), body=b"hidden") == 201

    assert stand.list_packages(team.project) == []
    assert desk.run("curl", *QUIET, "--fail", *basic(team.reader), url, cwd=tmp_path).out == "hidden"


def test_checksum_that_is_sent_is_checked(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """An upload that was damaged on its way is stored, though its digest was sent along."""
    url = file_url(stand, team)
    wrong, right = (["--header", f"X-Checksum-SHA256: {hashlib.sha256(body).hexdigest()}"] for body in (b"sent", b"arrived"))

    assert upload(desk, url, tmp_path / "f", *basic(team.writer), *wrong, body=b"arrived") in (400, 422)
    assert stand.list_packages(team.project) == []
    assert upload(desk, url, tmp_path / "f", *basic(team.writer), *right) == 201


def test_downloads_from_a_public_project_without_a_token(stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """A public file asks for a login, or a wrong token is ignored on it."""
    team = stand.make_team(visibility="public")
    url = file_url(stand, team)
    assert upload(desk, url, tmp_path / "f", *basic(team.writer), body=b"public") == 201

    assert desk.run("curl", *QUIET, "--fail", url, cwd=tmp_path).out == "public"
    wrong = ["--header", "PRIVATE-TOKEN: phpat_not_a_token", "--output", "body", "--write-out", "%{http_code}"]
    assert status_of(desk.run("curl", *QUIET, *wrong, url, cwd=tmp_path)) == 401


def test_whole_package_is_deleted_and_published_again(published: str, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """The documented way to correct a package, delete and publish again, does not work; or a developer may delete."""
    [package] = stand.list_packages(team.project)
    delete = [
        *QUIET,
        "--request",
        "DELETE",
        "--output",
        "body",
        "--write-out",
        "%{http_code}",
        f"{stand.url}/api/v4/projects/{team.project['id']}/packages/{package['id']}",
    ]
    developer = stand.make_member(team.project, DEVELOPER, where="projects")

    assert status_of(desk.run("curl", *delete, "--header", f"PRIVATE-TOKEN: {developer.token}", cwd=tmp_path)) == 403
    assert status_of(desk.run("curl", *delete, "--header", f"PRIVATE-TOKEN: {team.maintainer.token}", cwd=tmp_path)) == 204
    assert upload(desk, published, tmp_path / "f", *basic(team.writer), body=b"corrected") == 201

    assert desk.run("curl", *QUIET, "--fail", *basic(team.reader), published, cwd=tmp_path).out == "corrected"
