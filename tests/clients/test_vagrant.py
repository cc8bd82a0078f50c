"""Vagrant against a running server: what people add from boxes that curl has uploaded. No hypervisor is needed for that."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from programs import Desk, Run
from stand import Login, Stand, Team


class Shop:
    """A project, and a builder of boxes."""

    def __init__(self, stand: Stand, team: Team, desk: Desk, folder: Path) -> None:
        self.stand, self.team, self.desk, self.folder = stand, team, desk, folder
        self.home = folder / "vagrant"

    @property
    def project(self) -> str:
        return f"projects/{self.team.project['id']}"

    def base(self, login: Login | None = None, project: str = "") -> str:
        """The registry, with a credential in its address where there is a login."""
        scheme, _, host = self.stand.url.partition("://")
        who = f"{quote(login.user)}:{login.token}@" if login else ""  # the client takes a plus for a blank
        return f"{scheme}://{who}{host}/api/v4/{project or self.project}/packages/vagrant"

    def build(self, text: str, provider: str = "dummy") -> Path:
        """A box with a text in it."""
        file = self.folder / "built.box"
        with tarfile.open(file, "w:gz") as archive:
            for name, content in {"metadata.json": json.dumps({"provider": provider}), "text": text}.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content.encode()))
        return file

    def upload(self, file: Path, tail: str, status: int = 201, *options: str) -> str:
        options = options or ("--header", f"Authorization: Bearer {self.team.writer.token}")
        command = ["--silent", *options, "--upload-file", str(file), "--write-out", "%{http_code}", f"{self.base()}/{tail}"]
        said = self.desk.run("curl", *command, cwd=self.folder).out
        assert said[-3:] == str(status), said
        return said[:-3]

    def publish(self, name: str, version: str, provider: str = "dummy", machine: str = "") -> None:
        self.upload(
            self.build(f"{name} {version} {provider} {machine}".strip(), provider), f"{name}/{version}/{provider}{machine and '/'}{machine}.box"
        )

    def run(self, *arguments: str, login: Login | None = None, status: int | None = 0, **environment: str) -> Run:
        """vagrant, with a token for this server or with nothing."""
        env = {"VAGRANT_HOME": str(self.home), "VAGRANT_CHECKPOINT_DISABLE": "1", "VAGRANT_NO_COLOR": "1", **environment}
        if login:
            env |= {"VAGRANT_SERVER_URL": self.base(), "VAGRANT_CLOUD_TOKEN": login.token}
        return self.desk.run("vagrant", *arguments, cwd=self.folder, env=env, status=status)

    def held(self, name: str, version: str, provider: str = "dummy") -> str:
        """The text in a box that was added."""
        return (self.home / "boxes" / name.replace("/", "-VAGRANTSLASH-") / version / provider / "text").read_text()


@pytest.fixture(name="shop")
def open_shop(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> Shop:
    return Shop(stand, team, desk, tmp_path)


def test_add_by_short_name(shop: Shop) -> None:
    """A box could not be added by its name, be stored under another one, or its token not be taken as Bearer."""
    shop.publish("acme/toy", "1.0.0")
    shop.run("box", "add", "acme/toy", login=shop.team.reader)
    assert shop.held("acme/toy", "1.0.0") == "acme/toy 1.0.0 dummy"
    assert "acme/toy (dummy, 1.0.0)" in shop.run("box", "list").out


def test_add_by_address(shop: Shop) -> None:
    """The address of a catalog could be taken for that of a box, or a version be chosen in another order than RubyGems'."""
    for version in ("1.9.0", "1.10.0", "2.0.0-rc.1", "1.2.0"):
        shop.publish("toy", version)
    shop.publish("toy", "1.9.0", "other")
    address, login = f"{shop.base()}/toy", shop.team.reader
    shop.run("box", "add", address, "--provider", "dummy", "--box-version", ">= 1, < 1.10", login=login)
    assert shop.held("toy", "1.9.0") == "toy 1.9.0 dummy"
    shop.run("box", "add", address, "--provider", "dummy", "--box-version", "< 2.0.0.a", login=login)
    assert shop.held("toy", "1.10.0") == "toy 1.10.0 dummy"
    shop.run("box", "add", address, "--provider", "other", login=login)
    assert shop.held("toy", "1.9.0", "other") == "toy 1.9.0 other"


def test_credential_in_the_address(shop: Shop) -> None:
    """A box could not be added by an address with a credential, or the page deny what the client can do: take that of a catalog along."""
    shop.publish("toy", "1.0.0")
    address = f"{shop.base(shop.team.reader)}/toy"
    shop.run("box", "add", "--name", "mine", f"{address}/1.0.0/dummy.box")
    assert shop.held("mine", "0") == "toy 1.0.0 dummy"
    assert "401" in shop.run("box", "add", address, status=None).said


def test_update(shop: Shop) -> None:
    """A newer version could go unnoticed, or one that was deleted still be offered."""
    login = shop.team.reader
    shop.publish("acme/toy", "1.0.0")
    shop.run("box", "add", "acme/toy", login=login)
    assert "1.1.0" not in shop.run("box", "outdated", "--global", login=login).out
    shop.publish("acme/toy", "1.1.0")
    assert "1.1.0" in shop.run("box", "outdated", "--global", login=login).out
    shop.run("box", "update", "--box", "acme/toy", login=login)
    assert shop.held("acme/toy", "1.1.0") == "acme/toy 1.1.0 dummy"
    shop.run("box", "remove", "acme/toy", "--box-version", "1.1.0")
    path = f"/{shop.project}/packages/vagrant/acme/toy/1.1.0"
    shop.stand.api("DELETE", path, token=shop.team.maintainer.token).expect(204)
    assert "1.1.0" not in shop.run("box", "outdated", "--global", login=login).out


def test_architectures(shop: Shop) -> None:
    """Clients that know no architectures could be given a box for another machine than the default one."""
    for machine in ("arm64", "amd64", "i386"):
        shop.publish("toy", "1.0.0", machine=machine)
    shop.run("box", "add", f"{shop.base()}/toy", login=shop.team.reader)
    assert shop.held("toy", "1.0.0") == "toy 1.0.0 dummy amd64"


def test_who_may(shop: Shop) -> None:
    """A stranger could add what is private."""
    shop.publish("toy", "1.0.0")
    assert "401" in shop.run("box", "add", f"{shop.base()}/toy", status=None).said
    assert "404" in shop.run("box", "add", f"{shop.base(shop.team.stranger)}/toy", status=None).said
    again = shop.build("other")
    shop.upload(again, "toy/1.0.0/dummy.box", 401, "--header", "Authorization: Bearer glpat-wrong")
    assert "sha256" in shop.upload(again, "toy/1.0.0/dummy.box", 409)
    assert "other" in shop.upload(again, "toy/1.0.0/other.box", 400)


def test_job(shop: Shop) -> None:
    """A job could not publish and add with its token, or go on when it has ended."""
    path, token = f"/{shop.project}/pipelines", shop.team.developer.token
    pipeline = shop.stand.want(201, "POST", path, {"ref": "main", "sha": "0" * 40}, token=token)
    job = shop.stand.want(201, "POST", f"{path}/{pipeline['id']}/jobs", {"name": "publish"}, token=token)
    file, header = shop.build("of a job"), ("--header", f"JOB-TOKEN: {job['token']}")
    shop.upload(file, "toy/1.0.0/dummy.box", 201, *header)
    shop.run("box", "add", f"{shop.base()}/toy", login=Login("gitlab-ci-token", job["token"]))
    assert shop.held("toy", "1.0.0") == "of a job"
    shop.stand.want(200, "POST", f"/{shop.project}/jobs/{job['id']}/finish", {"status": "success"}, token=token)
    shop.upload(file, "toy/1.0.0/dummy.box", 401, *header)


def test_moment_and_group(shop: Shop) -> None:
    """Boxes could not be read as they were at an earlier time, or a group miss what one of its projects has."""
    shop.publish("toy", "1.0.0")
    time = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    shop.publish("toy", "2.0.0")
    shop.run("box", "add", f"{shop.base(project=f'{shop.project}/-/at/{time}')}/toy", login=shop.team.reader)
    assert shop.held("toy", "1.0.0") == "toy 1.0.0 dummy"
    group = f"groups/{shop.team.group['id']}/-"
    shop.run("box", "add", f"{shop.base(project=group)}/toy", login=shop.team.reporter)
    assert shop.held("toy", "2.0.0") == "toy 2.0.0 dummy"
