"""An issuer of identity tokens on loopback: discovery, keys that can change, and tokens as GitLab and GitHub write them."""

from __future__ import annotations

import json
import secrets
import time
import warnings
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey
from loopback import Loopback, send

SHA = "89abcdef0123456789abcdef0123456789abcdef"
REQUEST_TOKEN = "request-token-of-the-runner"

Key = RSAKey | ECKey | OKPKey
Json = dict[str, Any]


def make_key(algorithm: str, kid: str) -> Key:
    """A key pair for this algorithm."""
    parameters: Any = {"kid": kid, "use": "sig"}
    if algorithm.startswith("RS"):
        return RSAKey.generate_key(2048, parameters)
    return ECKey.generate_key("P-256", parameters) if algorithm.startswith("ES") else OKPKey.generate_key("Ed25519", parameters)


class Issuer(Loopback):
    """`with Issuer() as issuer: token = issuer.sign(issuer.of_gitlab())`."""

    def __init__(self, algorithm: str = "RS256") -> None:
        super().__init__()
        self.algorithm = algorithm
        self.kid = "key-1"
        self.key = make_key(algorithm, self.kid)
        self.published: dict[str, Key] = {self.kid: self.key}
        self.asked: list[str] = []
        self.called = ""  # what discovery says that it is called, where that is not its URL
        self.redirect = ""
        self.broken = False
        self.given: list[str] = []  # audiences that a runner asked for
        self.claims: Json = {}  # of the tokens that a runner asks for

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """One request."""
        parts = urlsplit(request.path)
        self.asked.append(parts.path)
        if self.redirect:
            send(request, 302, b"", {"Location": self.redirect + request.path})
            return
        body: Json | None = None
        if self.broken:
            body = None
        elif parts.path == "/.well-known/openid-configuration":
            body = {"issuer": self.called or self.url, "jwks_uri": f"{self.url}/keys"}
        elif parts.path == "/keys":
            body = {"keys": [key.as_dict(private=False) for key in self.published.values()]}
        elif parts.path == "/token" and request.headers.get("Authorization", "").lower() == f"bearer {REQUEST_TOKEN}":
            audience = parse_qs(parts.query)["audience"][0]
            self.given.append(audience)
            body = {"value": self.sign({**self.claims, "aud": audience})}
        send(request, 200 if body is not None else 500, json.dumps(body or {}).encode(), {"Content-Type": "application/json"})

    # -- keys --------------------------------------------------------------------------------------------------------

    def change_key(self, kid: str, *, keep: bool = False) -> None:
        """Sign with another key from now on."""
        self.kid, self.key = kid, make_key(self.algorithm, kid)
        self.published = {**(self.published if keep else {}), kid: self.key}

    # -- tokens ------------------------------------------------------------------------------------------------------

    def base(self, **more: Any) -> Json:
        """What every token says."""
        at = int(time.time())
        return {"iss": self.url, "aud": "packhouse", "iat": at, "nbf": at - 5, "exp": at + 300, "jti": secrets.token_hex(8), **more}

    def of_gitlab(self, **more: Any) -> Json:
        """The claims of a job of a forge of GitLab's kind."""
        claims = {
            "sub": "project_path:acme/tools:ref_type:branch:ref:main", "namespace_id": "7", "namespace_path": "acme", "project_id": "42",
            "project_path": "acme/tools", "user_id": "3", "user_login": "ann", "pipeline_id": "900", "pipeline_source": "push", "job_id": "5000",
            "ref": "main", "ref_type": "branch", "ref_path": "refs/heads/main", "ref_protected": "true", "runner_environment": "self-hosted",
            "sha": SHA,
        }  # fmt: skip
        return self.base(**{**claims, **more})

    def of_github(self, **more: Any) -> Json:
        """The claims of a run of GitHub's kind."""
        claims = {
            "sub": "repo:acme/tools:ref:refs/heads/main", "repository": "acme/tools", "repository_id": "77", "repository_owner": "acme",
            "repository_owner_id": "8", "run_id": "12345", "run_number": "10", "run_attempt": "1", "actor": "ann", "actor_id": "3",
            "workflow": "publish", "workflow_ref": "acme/tools/.github/workflows/publish.yml@refs/heads/main", "event_name": "push",
            "ref": "refs/heads/main", "ref_type": "branch", "ref_protected": "true", "sha": SHA, "runner_environment": "github-hosted",
            "repository_visibility": "private",
        }  # fmt: skip
        return self.base(**{**claims, **more})

    def sign(self, claims: Json, *, key: Key | None = None, **header: Any) -> str:
        """A signed token."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # of the old name of an algorithm
            return jwt.encode({"alg": self.algorithm, "kid": self.kid, **header}, claims, key or self.key, algorithms=[self.algorithm])
