"""Clients that publish without a secret: they bring the identity token of the build they run in. twine does this for public indexes alone."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from issuer import REQUEST_TOKEN, SHA, Issuer
from npm_clients import Npm, project_registry, write_package
from programs import Desk
from pypi_clients import Uv, make_tree
from stand import Login, Stand, Team, new_name

# these are no package to mypy
from .test_container import Quay  # type: ignore[import-not-found]
from .test_jobs import find_tag  # type: ignore[import-not-found]


class TlsFront:
    """Takes TLS connections on loopback, and passes their bytes on to a server."""

    def __init__(self, folder: Path, port: int) -> None:
        self.certificate = folder / "front.pem"
        self._make_certificate()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        self._context = context
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _make_certificate(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "front of the tests")])
        at = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), at, at + datetime.timedelta(days=1))
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(plain,), daemon=True).start()

    def _join(self, plain: socket.socket) -> None:
        address = ("127.0.0.1", self._target)
        with suppress(OSError), plain, self._context.wrap_socket(plain, server_side=True) as near, socket.create_connection(address) as far:
            back = threading.Thread(target=_pump, args=(far, near), daemon=True)
            back.start()
            _pump(near, far)
            back.join()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module", name="trusting")
def serve_trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A server that may reach loopback."""
    folder = tmp_path_factory.mktemp("trusting")
    with Stand(folder / "data", {"PACKHOUSE_OUTBOUND_ALLOW": "127.0.0.1/32"}) as stand:
        yield stand


@pytest.fixture(name="issuer")
def trust_issuer(trusting: Stand) -> Iterator[Issuer]:
    """An issuer that the instance trusts."""
    with Issuer() as issuer:
        row = trusting.want(201, "POST", "/-/oidc/issuers", {"name": "ci", "issuer_url": issuer.url})
        yield issuer
        trusting.want(204, "DELETE", f"/-/oidc/issuers/{row['id']}")


def trust(stand: Stand, team: Team, issuer: Issuer, claims: dict[str, str], **more: str) -> None:
    """The team's project trusts builds with these claims."""
    path = f"/projects/{team.project['id']}/-/trusted_publishers"
    stand.want(201, "POST", path, {"issuer": issuer.url, "claims": claims, **more}, token=team.maintainer.token)


def runner_of(issuer: Issuer) -> dict[str, str]:
    """The environment of a runner that hands out identity tokens for the asking."""
    return {"CI": "true", "GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN,
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.url}/token?api-version=2"}  # fmt: skip


@pytest.mark.parametrize("kind", ["asked for", "in a variable"])
def test_uv(kind: str, trusting: Stand, issuer: Issuer, desk: Desk, tmp_path: Path) -> None:
    """uv cannot publish without a secret, from a runner that it asks for a token or from one that puts it into a variable."""
    team = trusting.make_team()
    tree = make_tree(tmp_path / "tree", new_name("toy"), "1.0.0", Uv.build_system)
    Uv().build(desk, tree)
    asked = kind == "asked for"
    trust(trusting, team, issuer, {"repository_id": "77"} if asked else {"project_id": "42"}, format="pypi", package=tree.name)
    issuer.claims = issuer.of_github()
    env = runner_of(issuer) if asked else {"CI": "true", "GITLAB_CI": "true", "PACKHOUSE_ID_TOKEN": issuer.sign(issuer.of_gitlab())}
    front = TlsFront(tmp_path, trusting.port)
    try:
        url = f"{front.url}/api/v4/projects/{team.project['id']}/packages/pypi"
        options = ["--trusted-publishing", "always", "--publish-url", url]
        env |= {"SSL_CERT_FILE": str(front.certificate), "UV_HTTP_RETRIES": "0"}
        desk.run("uv", "publish", *options, *tree.dists, cwd=tree.folder, env=env)
    finally:
        front.close()
    [package] = trusting.list_packages(team.project)
    assert (package["name"], package["pipeline"]["sha"]) == (tree.name, SHA)
    assert issuer.given == (["packhouse"] if asked else [])


@pytest.mark.parametrize("kind", ["asked for", "in a variable"])
def test_npm(kind: str, trusting: Stand, issuer: Issuer, desk: Desk, tmp_path: Path) -> None:
    """npm cannot publish without a secret, or publishes another package than the one that is trusted."""
    team, npm = trusting.make_team(), Npm()
    asked = kind == "asked for"
    name = f"@{team.scope}/lib"
    trust(trusting, team, issuer, {"repository_id": "77"} if asked else {"project_id": "42"}, format="npm", package=name)
    issuer.claims = issuer.of_github()
    made = issuer.sign(issuer.of_gitlab(aud="npm:127.0.0.1"))
    env = runner_of(issuer) if asked else {"CI": "true", "GITLAB_CI": "true", "NPM_ID_TOKEN": made}
    for folder, package, status in (("lib", name, 0), ("other", f"@{team.scope}/other", None)):
        tree = write_package(tmp_path / folder, package, "1.0.0")
        # of a scope's registry alone it would not send the identity token to the root of the host
        (tree / ".npmrc").write_text(f"registry={project_registry(trusting, team, None).url}\n")
        desk.run("npm", "publish", cwd=tree, env={**npm.environment(tree), **env}, status=status)
    [published] = trusting.list_packages(team.project)
    assert (published["name"], published["pipeline"]["sha"]) == (name, SHA)
    assert set(issuer.given) == ({"npm:127.0.0.1"} if asked else set())


def test_skopeo(trusting: Stand, issuer: Issuer, desk: Desk, tmp_path: Path) -> None:
    """An image cannot be pushed without a secret, or does not tell from which commit it was built."""
    team = trusting.make_team()
    trust(trusting, team, issuer, {"project_id": "42"})
    wanted = {"id_token": issuer.sign(issuer.of_gitlab()), "project": team.project["id"], "scopes": ["read_registry", "write_registry"]}
    token = trusting.want(201, "POST", "/-/oidc/exchange", wanted, token=None)["token"]
    quay = Quay(trusting, team, desk, tmp_path)
    quay.push("img:v1", Login("build", token))
    assert find_tag(trusting, team, "img", "v1")["pipeline"]["sha"] == SHA
