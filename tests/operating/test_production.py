"""The reverse proxy of the operating guide, as printed there, with a certificate: what clients send arrives as they sent it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import ssl
import subprocess
import threading
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import Desk
from stand import ADMIN_TOKEN, ROOT, Stand, free_port

GUIDE = (ROOT / "docs" / "operating" / "production.md").read_text()
NAME = "packages.example"


def block(mark: str) -> str:
    """The block of the guide behind this mark."""
    found = re.search(rf"<!-- {mark} -->\n```\w+\n(.*?)```", GUIDE, re.DOTALL)
    assert found is not None, mark
    return found[1]


@pytest.fixture(scope="module", name="site")
def serve_behind_nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """The guide's settings and its nginx; `stand.url` is the proxy's, and the stand's own client knows the certificate."""
    folder = tmp_path_factory.mktemp("site")
    certificate, key, port = folder / "tls.pem", folder / "tls.key", free_port()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True,
    )  # fmt: skip
    settings = tomllib.loads(block("settings"))
    assert set(settings) == {"data", "listen", "external_url", "trusted_proxies"}
    more = {"PACKHOUSE_EXTERNAL_URL": f"https://localhost:{port}", "PACKHOUSE_TRUSTED_PROXIES": settings["trusted_proxies"]}
    with Stand(folder / "data", more) as stand:
        text = block("nginx").replace("127.0.0.1:8080", stand.host).replace("listen 443", f"listen 127.0.0.1:{port}").replace(NAME, "localhost")
        text = text.replace("/etc/ssl/localhost.pem", str(certificate)).replace("/etc/ssl/localhost.key", str(key))
        temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        whole = f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}} http {{ access_log off; {temporary}\n{text} }}"
        (folder / "nginx.conf").write_text(whole)
        proxy = subprocess.Popen(["nginx", "-c", folder / "nginx.conf"], env={"PATH": f"{os.environ['PATH']}:/usr/sbin"})
        try:
            wait_for(f"https://localhost:{port}/-/readiness", certificate, proxy)
            stand.environment |= {"SITE": f"https://localhost:{port}", "CERTIFICATE": str(certificate)}
            yield stand
        finally:
            proxy.terminate()
            proxy.wait(20)


def wait_for(url: str, certificate: Path, proxy: subprocess.Popen[bytes]) -> None:
    context, pause = ssl.create_default_context(cafile=str(certificate)), threading.Event()
    for _ in range(200):
        assert proxy.poll() is None, "nginx has ended"
        try:
            with urllib.request.urlopen(url, context=context, timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            pause.wait(0.05)
    raise AssertionError("nginx is not ready")


def run(site: Stand, desk: Desk, folder: Path, script: str) -> str:
    environment = {
        **desk.environment(), "SITE": site.environment["SITE"], "TOKEN": ADMIN_TOKEN, "CURL_CA_BUNDLE": site.environment["CERTIFICATE"],
        "npm_config_cafile": site.environment["CERTIFICATE"],
    }  # fmt: skip
    done = subprocess.run(["bash", "-eu", "-o", "pipefail", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.client
def test_names_and_bodies_arrive(site: Stand, desk: Desk, tmp_path: Path) -> None:
    """A name with an escaped slash could be decoded on the way, a large upload be refused, or a range be lost."""
    project = site.make_project(site.make_group("site"))
    (tmp_path / "large.bin").write_bytes(content := os.urandom(40 * 1024 * 1024))
    path = f"$SITE/api/v4/projects/{project['path_with_namespace'].replace('/', '%2F')}/packages/generic/large/1.0.0/large.bin"
    run(site, desk, tmp_path, f'curl -sSf -H "PRIVATE-TOKEN: $TOKEN" -T large.bin "{path}"')
    run(site, desk, tmp_path, f'curl -sSf -H "PRIVATE-TOKEN: $TOKEN" -r 1000- -o part.bin "{path}"')
    assert hashlib.sha256((tmp_path / "part.bin").read_bytes()).digest() == hashlib.sha256(content[1000:]).digest()


@pytest.mark.client
def test_npm_with_a_scope(site: Stand, desk: Desk, tmp_path: Path) -> None:
    """npm could not publish or install a name with a scope behind the proxy, or be sent past it to fetch the tarball."""
    project = site.make_project()
    (tmp_path / "package.json").write_text('{"name": "@site/tool", "version": "1.0.0"}')
    base = f"{site.environment['SITE']}/api/v4/projects/{project['id']}/packages/npm/"
    (tmp_path / ".npmrc").write_text(f"registry={base}\n{base.removeprefix('https:')}:_authToken={ADMIN_TOKEN}\n")
    run(site, desk, tmp_path, "npm publish")
    assert run(site, desk, tmp_path, "npm view @site/tool dist.tarball").strip().startswith(base)
    run(site, desk, tmp_path, "mkdir there && cp .npmrc there && cd there && npm init -y >/dev/null && npm install @site/tool")
    assert (tmp_path / "there" / "node_modules" / "@site" / "tool" / "package.json").is_file()


@pytest.mark.client
def test_addresses_are_the_callers(site: Stand, desk: Desk, tmp_path: Path) -> None:
    """The log could name the proxy in place of the caller, or browsers not be told to come back by https alone."""
    head = run(site, desk, tmp_path, 'curl -sSf -o /dev/null -D - -H "X-Forwarded-For: 203.0.113.9" "$SITE/users/sign_in?look=here"').lower()
    assert "strict-transport-security:" in head
    request = re.search(r"x-request-id: (\S+)", head)
    assert request is not None
    (line,) = (line for line in until_logged(site, request[1]) if request[1] in line)
    assert json.loads(line)["address"] == "203.0.113.9"


def until_logged(site: Stand, what: str) -> list[str]:
    """The end of the log, which is written a moment after the answer."""
    pause = threading.Event()
    for _ in range(200):
        lines = site.tail(20).splitlines()
        if any(what in line for line in lines):
            return lines
        pause.wait(0.05)
    raise AssertionError(f"{what} is not in the log")
