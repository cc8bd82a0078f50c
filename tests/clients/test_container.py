"""docker, podman, buildah, skopeo, crane, oras, helm and cosign against a running server, and the program that judges registries."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from programs import INSTALLED, Desk, Run
from requirements import miss
from stand import ADMIN_TOKEN, Login, Stand, Team

CONFORMANCE = INSTALLED / "go" / "bin" / "conformance"
ROOT = Login("root", ADMIN_TOKEN)
PODMAN = ("--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file")
BUILDAH = ("--storage-driver", "vfs")
COSIGN = ("--allow-insecure-registry", "--allow-http-registry")


@dataclass
class Quay:
    """Clients of images in one empty home, and the project they work in."""

    stand: Stand
    team: Team
    desk: Desk
    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        home = self.desk.home
        for name in ("run", "tmp"):
            (home / name).mkdir()
        (home / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        (home / "storage.conf").write_text(f'[storage]\ndriver = "vfs"\nrunroot = "{home}/runroot"\ngraphroot = "{home}/graph"\n')
        (home / "registries.conf").write_text(f'[[registry]]\nlocation = "{self.stand.host}"\ninsecure = true\n')
        self.env = {
            "XDG_RUNTIME_DIR": str(home / "run"), "TMPDIR": str(home / "tmp"), "REGISTRY_AUTH_FILE": str(home / "auth.json"),
            "CONTAINERS_STORAGE_CONF": str(home / "storage.conf"), "CONTAINERS_REGISTRIES_CONF": str(home / "registries.conf"),
            "DOCKER_CONFIG": str(home / "docker"), "HELM_CONFIG_HOME": str(home / "helm"), "HELM_CACHE_HOME": str(home / "helm-cache"),
            "HELM_DATA_HOME": str(home / "helm-data"), "HELM_REGISTRY_CONFIG": str(home / "docker" / "config.json"), "COSIGN_PASSWORD": "",
        }  # fmt: skip

    @property
    def path(self) -> str:
        return str(self.team.project["path_with_namespace"])

    def ref(self, tail: str) -> str:
        """A reference below the project: `img:1`."""
        return f"{self.stand.host}/{self.path}/{tail}"

    def run(self, client: str, *arguments: str | Path, status: int | None = 0, stdin: bytes = b"", timeout: float = 120) -> Run:
        return self.desk.run(client, *arguments, cwd=self.folder, env=self.env, status=status, stdin=stdin, timeout=timeout)

    def login(self, login: Login) -> None:
        """Sign in with docker, whose credentials crane, oras, helm and cosign read too."""
        self.run("docker", "login", "--username", login.user, "--password-stdin", self.stand.host, stdin=login.token.encode())

    def skopeo(self, verb: str, *arguments: str, status: int | None = 0) -> Run:
        policy = ("--policy", str(self.desk.home / "policy.json")) if verb == "copy" else ()
        return self.run("skopeo", *policy, verb, *arguments, status=status)

    def make_layout(self) -> str:
        """An OCI layout with one small image, made from files."""
        self.run("umoci", "init", "--layout", "img")
        self.run("umoci", "new", "--image", "img:v1")
        self.run("umoci", "unpack", "--image", "img:v1", "bundle")
        (self.folder / "bundle" / "rootfs" / "hello.txt").write_text(f"hello from {self.path}\n")
        self.run("umoci", "repack", "--image", "img:v1", "bundle")
        return "oci:img:v1"

    def push(self, tail: str = "img:v1", login: Login | None = None) -> str:
        """A small image, pushed with skopeo; its digest."""
        login = login or self.team.maintainer
        layout = "oci:img:v1" if (self.folder / "img").exists() else self.make_layout()
        credentials = ("--dest-creds", f"{login.user}:{login.token}")
        self.skopeo("copy", "--dest-tls-verify=false", *credentials, layout, f"docker://{self.ref(tail)}")
        return str(self.inspect(tail)["Digest"])

    def inspect(self, tail: str) -> dict[str, Any]:
        login = self.team.maintainer
        found = self.skopeo("inspect", "--tls-verify=false", "--creds", f"{login.user}:{login.token}", f"docker://{self.ref(tail)}")
        document: dict[str, Any] = json.loads(found.out)
        return document


@pytest.fixture(name="quay")
def make_quay(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> Quay:
    folder = tmp_path / "work"
    folder.mkdir()
    return Quay(stand, team, desk, folder)


# -- skopeo ------------------------------------------------------------------------------------------------------------


def test_skopeo_copies_lists_and_deletes(quay: Quay) -> None:
    """skopeo cannot push, look, list, pull, convert or delete."""
    digest = quay.push("img:v1")
    maintainer = quay.team.maintainer
    quay.run("skopeo", "login", "--tls-verify=false", "--username", maintainer.user, "--password", maintainer.token, quay.stand.host)
    plain = ("--src-tls-verify=false", "--dest-tls-verify=false")

    assert json.loads(quay.skopeo("list-tags", "--tls-verify=false", f"docker://{quay.ref('img')}").out)["Tags"] == ["v1"]
    quay.skopeo("copy", *plain, f"docker://{quay.ref('img:v1')}", "dir:pulled")
    assert (quay.folder / "pulled" / "manifest.json").exists()
    quay.skopeo("copy", *plain, f"docker://{quay.ref('img:v1')}", f"docker://{quay.ref('other/copy:v2')}")
    quay.skopeo("copy", *plain, "--format", "v2s2", f"docker://{quay.ref('img:v1')}", f"docker://{quay.ref('other/copy:docker')}")
    assert quay.inspect("other/copy:v2")["Digest"] == digest != quay.inspect("other/copy:docker")["Digest"]
    quay.skopeo("delete", "--tls-verify=false", f"docker://{quay.ref('img:v1')}")
    gone = quay.skopeo("inspect", "--tls-verify=false", f"docker://{quay.ref('img:v1')}", status=None)
    assert "manifest unknown" in gone.said


def test_clients_pull_from_a_moment(quay: Quay) -> None:
    """What a tag named last week cannot be pulled by the clients that everybody has, or is what it names now."""
    then = quay.push("img:v1")
    time = datetime.now(UTC).strftime("%Y%m%dt%H%M%S.%fz")
    maintainer = quay.team.maintainer
    quay.run("skopeo", "login", "--tls-verify=false", "--username", maintainer.user, "--password", maintainer.token, quay.stand.host)
    quay.login(maintainer)
    plain = ("--src-tls-verify=false", "--dest-tls-verify=false")
    quay.skopeo("copy", *plain, "--format", "v2s2", f"docker://{quay.ref('img:v1')}", f"docker://{quay.ref('img:v1')}")
    assert quay.inspect("img:v1")["Digest"] != then
    quay.skopeo("delete", "--tls-verify=false", f"docker://{quay.ref('img:v1')}")

    past = quay.ref(f"img/at/{time}:v1")
    assert quay.run("crane", "digest", "--insecure", past).out.strip() == then
    quay.skopeo("copy", *plain, f"docker://{past}", "dir:past")
    assert "sha256:" + hashlib.sha256((quay.folder / "past" / "manifest.json").read_bytes()).hexdigest() == then
    quay.skopeo("copy", *plain, f"docker://{past}", f"docker://{quay.ref('img:back')}")
    assert quay.inspect("img:back")["Digest"] == then


def test_clients_pull_what_was_restored(quay: Quay) -> None:
    """What was deleted and restored cannot be pulled by its tag or its digest with the clients that everybody has, or is something else."""
    digest = quay.push("img:v1")
    maintainer, stand = quay.team.maintainer, quay.stand
    quay.run("skopeo", "login", "--tls-verify=false", "--username", maintainer.user, "--password", maintainer.token, stand.host)
    quay.login(maintainer)
    quay.run("crane", "--insecure", "tag", quay.ref("img:v1"), "v2")
    base = f"/projects/{quay.team.project['id']}/registry/repositories"
    [found] = stand.want(200, "GET", base, token=maintainer.token)
    quay.skopeo("delete", "--tls-verify=false", f"docker://{quay.ref('img:v1')}")
    assert "unknown" in quay.run("crane", "--insecure", "manifest", quay.ref(f"img@{digest}"), status=None).said.lower()

    stand.want(201, "POST", f"{base}/{found['id']}/-/restore", {"digest": digest}, token=maintainer.token)

    for reference in ("img:v1", "img:v2", f"img@{digest}"):
        folder = f"dir:{hashlib.sha256(reference.encode()).hexdigest()[:8]}"
        quay.skopeo("copy", "--src-tls-verify=false", f"docker://{quay.ref(reference)}", folder)
        assert "sha256:" + hashlib.sha256((quay.folder / folder[4:] / "manifest.json").read_bytes()).hexdigest() == digest
    stand.api("DELETE", f"{base}/{found['id']}", token=maintainer.token).expect(202)
    quay.run("crane", "--insecure", "pull", quay.ref("img:v1"), "gone.tar", status=None)
    stand.want(201, "POST", f"{base}/{found['id']}/-/restore", token=maintainer.token)
    quay.run("crane", "--insecure", "pull", quay.ref("img:v1"), "back.tar")
    assert sorted(quay.run("crane", "--insecure", "ls", quay.ref("img")).out.split()) == ["v1", "v2"]


@pytest.mark.parametrize("who", ["reporter", "developer", "maintainer", "stranger", "nobody"])
def test_skopeo_by_role(quay: Quay, who: str) -> None:
    """A role may do more with images, or less, than it should."""
    quay.push("img:v1")
    login = {"stranger": quay.team.stranger, "nobody": Login("nobody", "phpat_not_a_token")}.get(who) or getattr(quay.team, who)
    credentials = f"{login.user}:{login.token}"
    where = f"docker://{quay.ref('img:v1')}"

    pulled = quay.skopeo("copy", "--src-tls-verify=false", "--src-creds", credentials, where, "dir:p", status=0 if who in ROLES_OF_PULL else None)
    pushed = quay.skopeo(
        "copy", "--dest-tls-verify=false", "--dest-creds", credentials, "oci:img:v1", f"docker://{quay.ref('img:v2')}",
        status=0 if who in ("developer", "maintainer") else None,
    )  # fmt: skip
    quay.skopeo("delete", "--tls-verify=false", "--creds", credentials, where, status=0 if who == "maintainer" else None)

    for run in (pulled, pushed):
        assert "Traceback" not in run.said and " 500" not in run.said


ROLES_OF_PULL = ("reporter", "developer", "maintainer")


def test_deploy_tokens(quay: Quay) -> None:
    """A deploy token that may push cannot, or one that only pulls can."""
    both = quay.stand.make_deploy_token(quay.team.project, ("read_registry", "write_registry"))
    reads = quay.stand.make_deploy_token(quay.team.group, ("read_registry",), where="groups")
    quay.push("img:v1", both)
    where = f"docker://{quay.ref('img:v1')}"
    quay.skopeo("copy", "--src-tls-verify=false", "--src-creds", f"{reads.user}:{reads.token}", where, "dir:pulled")
    for login in (reads, quay.team.writer):
        target = f"docker://{quay.ref('img:v2')}"
        quay.skopeo("copy", "--dest-tls-verify=false", "--dest-creds", f"{login.user}:{login.token}", "oci:img:v1", target, status=None)
    quay.skopeo("delete", "--tls-verify=false", "--creds", f"{both.user}:{both.token}", where, status=None)


def test_anonymous_pull(stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """A public image asks for a login, or can be pushed to without one."""
    folder = tmp_path / "work"
    folder.mkdir()
    quay = Quay(stand, stand.make_team(visibility="public"), desk, folder)
    quay.push("img:v1")
    quay.skopeo("copy", "--src-tls-verify=false", f"docker://{quay.ref('img:v1')}", "dir:pulled")
    assert quay.run("crane", "--insecure", "manifest", quay.ref("img:v1")).out.startswith("{")
    quay.skopeo("copy", "--dest-tls-verify=false", "oci:img:v1", f"docker://{quay.ref('img:v2')}", status=None)


# -- docker, podman, buildah -------------------------------------------------------------------------------------------


def test_docker_signs_in_and_looks(quay: Quay) -> None:
    """docker cannot sign in with a token, is let in with a wrong one, or cannot read a manifest."""
    digest = quay.push("img:v1")
    wrong = quay.run("docker", "login", "-u", "root", "--password-stdin", quay.stand.host, stdin=b"phpat_not_a_token", status=None)
    assert "denied" in wrong.said.lower() or "unauthorized" in wrong.said.lower()
    for login in (quay.team.developer, quay.team.stranger, quay.stand.make_deploy_token(quay.team.project, ("read_registry",))):
        quay.login(login)
    found = json.loads(quay.run("docker", "manifest", "inspect", "--insecure", quay.ref(f"img@{digest}")).out)
    assert found["schemaVersion"] == 2


def test_podman_pulls_pushes_and_lists(quay: Quay) -> None:
    """podman cannot pull, push, or push a list of images for several platforms."""
    digest = quay.push("img:v1")
    login = quay.team.developer
    plain = "--tls-verify=false"
    quay.run("podman", *PODMAN, "login", plain, "--username", login.user, "--password", login.token, quay.stand.host)
    quay.run("podman", *PODMAN, "pull", plain, quay.ref("img:v1"))
    quay.run("podman", *PODMAN, "tag", quay.ref("img:v1"), quay.ref("pod:1"))
    quay.run("podman", *PODMAN, "push", plain, quay.ref("pod:1"))
    quay.run("podman", *PODMAN, "manifest", "create", "both:1")
    quay.run("podman", *PODMAN, "manifest", "add", plain, "both:1", f"docker://{quay.ref('img:v1')}")
    quay.run("podman", *PODMAN, "manifest", "push", plain, "--all", "both:1", f"docker://{quay.ref('both:1')}")
    tags = quay.stand.want(200, "GET", f"/projects/{quay.team.project['id']}/registry/repositories?tags=true")
    assert {row["name"]: [tag["name"] for tag in row["tags"]] for row in tags} == {"img": ["v1"], "pod": ["1"], "both": ["1"]}
    credentials = f"{login.user}:{login.token}"
    listed = quay.skopeo("inspect", "--raw", "--tls-verify=false", "--creds", credentials, f"docker://{quay.ref('both:1')}").out
    assert digest in listed and "manifests" in listed


def test_buildah_builds_and_pushes(quay: Quay) -> None:
    """An image that is built on one of the registry's cannot be pushed."""
    quay.push("base:v1")
    login = quay.team.developer
    plain, policy = "--tls-verify=false", ("--signature-policy", str(quay.desk.home / "policy.json"))
    quay.run("buildah", *BUILDAH, "login", plain, "--username", login.user, "--password", login.token, quay.stand.host)
    context = quay.folder / "context"
    context.mkdir()
    shutil.copy("/bin/busybox", context)
    (context / "Dockerfile").write_text(f"FROM {quay.ref('base:v1')}\nCOPY busybox /bin/busybox\n")
    quay.run("buildah", *BUILDAH, "bud", "--isolation", "chroot", plain, *policy, "-t", quay.ref("built:1"), "context")
    quay.run("buildah", *BUILDAH, "push", plain, *policy, quay.ref("built:1"))
    assert len(quay.inspect("built:1")["Layers"]) == 2


# -- crane, oras, helm, cosign -----------------------------------------------------------------------------------------


def test_crane_moves_images(quay: Quay) -> None:
    """crane cannot pull, push, mount, list, check or delete."""
    digest = quay.push("img:v1")
    quay.login(quay.team.maintainer)
    crane = ("crane", "--insecure")
    assert quay.run(*crane, "digest", quay.ref("img:v1")).out.strip() == digest
    quay.run(*crane, "pull", quay.ref("img:v1"), "img.tar")
    quay.run(*crane, "push", "img.tar", quay.ref("pushed:1"))
    copied = quay.run(*crane, "copy", quay.ref("pushed:1"), quay.ref("a/b/copied:1"))
    assert "mounted blob" in copied.said
    quay.run(*crane, "tag", quay.ref("pushed:1"), "2")
    assert quay.run(*crane, "ls", quay.ref("pushed")).out.split() == ["1", "2"]
    assert "PASS" in quay.run(*crane, "validate", "--remote", quay.ref("a/b/copied:1")).said
    quay.run(*crane, "delete", quay.ref("pushed:1"))
    assert quay.run(*crane, "ls", quay.ref("pushed")).out.split() == ["2"]
    quay.run(*crane, "catalog", quay.stand.host, status=None)
    quay.login(ROOT)
    assert f"{quay.path}/pushed" in quay.run(*crane, "catalog", quay.stand.host).out.split()


def test_oras_pushes_and_attaches(quay: Quay) -> None:
    """oras cannot push a file, attach another one to it, find that again, filter, pull or delete."""
    quay.login(quay.team.maintainer)
    (quay.folder / "a.txt").write_text("an artifact")
    (quay.folder / "sbom.json").write_text("{}")
    plain = "--plain-http"
    quay.run("oras", "push", plain, quay.ref("art:1"), "a.txt:text/plain")
    kind = "application/vnd.example.sbom"
    quay.run("oras", "attach", plain, "--artifact-type", kind, quay.ref("art:1"), "sbom.json:application/json")
    found = quay.run("oras", "discover", plain, "--format", "json", quay.ref("art:1")).out
    assert kind in found
    assert kind not in quay.run("oras", "discover", plain, "--format", "json", "--artifact-type", "application/vnd.other", quay.ref("art:1")).out
    assert quay.run("oras", "repo", "tags", plain, quay.ref("art")).out.split() == ["1"], "attaching has left a tag behind"
    quay.run("oras", "pull", plain, "--output", "out", quay.ref("art:1"))
    assert (quay.folder / "out" / "a.txt").read_text() == "an artifact"
    quay.run("oras", "manifest", "delete", plain, "--force", quay.ref("art:1"))
    quay.run("oras", "pull", plain, quay.ref("art:1"), status=None)


def test_helm_pushes_charts(quay: Quay) -> None:
    """helm cannot sign in, push a chart or pull it, also with a plus in its version."""
    login = quay.team.developer
    quay.run("helm", "registry", "login", quay.stand.host, "--plain-http", "--username", login.user, "--password-stdin", stdin=login.token.encode())
    quay.run("helm", "create", "toy")
    quay.run("helm", "package", "toy", "--version", "0.1.0+build.7")
    quay.run("helm", "push", "toy-0.1.0+build.7.tgz", f"oci://{quay.stand.host}/{quay.path}/charts", "--plain-http")
    (quay.folder / "toy-0.1.0+build.7.tgz").unlink()
    quay.run("helm", "pull", f"oci://{quay.ref('charts/toy')}", "--version", "0.1.0+build.7", "--plain-http")
    assert "kind: Deployment" in quay.run("helm", "template", "toy-0.1.0+build.7.tgz").out


def test_cosign_signs_and_attests(quay: Quay) -> None:
    """A signature or attestation is not found again, by its tag or as a referrer; or one by another key is believed."""
    digest = quay.push("img:v1")
    quay.login(quay.team.developer)
    image, offline = quay.ref(f"img@{digest}"), ("--tlog-upload=false", "--yes")
    for name in ("mine", "other"):
        quay.run("cosign", "generate-key-pair", "--output-key-prefix", name)
    (quay.folder / "predicate.json").write_text('{"built": "here"}')
    verify = ("verify", "--insecure-ignore-tlog", *COSIGN)
    quay.run("cosign", "sign", "--key", "mine.key", *offline, *COSIGN, image)
    assert digest in quay.run("cosign", *verify, "--key", "mine.pub", image).out
    quay.run("cosign", *verify, "--key", "other.pub", image, status=None)
    quay.run("cosign", "attest", "--key", "mine.key", *offline, *COSIGN, "--predicate", "predicate.json", "--type", "custom", image)
    quay.run("cosign", "verify-attestation", "--insecure-ignore-tlog", *COSIGN, "--key", "mine.pub", "--type", "custom", image)
    tags = quay.run("crane", "--insecure", "ls", quay.ref("img")).out.split()
    plain = digest.replace(":", "-")
    assert set(tags) == {"v1", f"{plain}.sig", f"{plain}.att"}

    quay.env["COSIGN_EXPERIMENTAL"] = "1"
    quay.run("cosign", "sign", "--registry-referrers-mode", "oci-1-1", "--key", "other.key", *offline, *COSIGN, image)
    assert digest in quay.run("cosign", *verify, "--experimental-oci11", "--key", "other.pub", image).out
    found = json.loads(quay.run("oras", "discover", "--plain-http", "--format", "json", image).out)
    assert "application/vnd.dev.cosign.artifact.sig.v1+json" in json.dumps(found)


# -- the specification -------------------------------------------------------------------------------------------------


def run_conformance(stand: Stand, folder: Path, repositories: tuple[str, str], **more: str) -> str:
    """What the program of the specification reports, every switch on. Raises `AssertionError` where it fails."""
    if not CONFORMANCE.exists():
        miss("conformance")
    environment: Mapping[str, str] = {
        "PATH": os.defpath, "HOME": str(folder), "OCI_REGISTRY": stand.host, "OCI_TLS": "disabled", "OCI_VERSION": "1.1",
        "OCI_REPO1": repositories[0], "OCI_REPO2": repositories[1], "OCI_RESULTS_DIR": str(folder / "results"),
        "OCI_API_BLOBS_DIGEST_HEADER": "true", "OCI_API_BLOBS_UPLOAD_CANCEL": "true", "OCI_API_MANIFESTS_DIGEST_HEADER": "true",
        "OCI_API_MANIFESTS_TAG_PARAM": "true", **more,
    }  # fmt: skip
    done = subprocess.run([CONFORMANCE], cwd=folder, env=environment, capture_output=True, text=True, timeout=280, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.client
def test_conformance(database_stand: Stand, tmp_path: Path) -> None:
    """The registry does something that the specification of registries forbids, or not what it asks for."""
    team = database_stand.make_team()
    path = team.project["path_with_namespace"]
    login = team.maintainer
    report = run_conformance(database_stand, tmp_path, (f"{path}/one", f"{path}/two"), OCI_USERNAME=login.user, OCI_PASSWORD=login.token)
    counts = {line.partition(".")[0].strip(): line.rpartition(":")[2].strip() for line in report.splitlines() if "....:" in line}
    assert counts["FAIL"] == counts["Error"] == counts["Skip"] == "0" and int(counts["Pass"]) > 900
