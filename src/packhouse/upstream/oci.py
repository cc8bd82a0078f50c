"""The protocol of an upstream container registry as its client: where a token comes from, and what may never leave for another host."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

import msgspec

from packhouse.errors import Forbidden, NotFound, RegistryError, TooManyRequests, UpstreamFailed, UpstreamRefused
from packhouse.model import Struct
from packhouse.upstream.client import Incoming, Outbound, origin, read_url

MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ACCEPT = ", ".join(MANIFESTS)

LARGEST_TOKEN = 64 * 1024
TOKEN_SECONDS = 60  # where the token service does not say
EARLIER_SECONDS = 10
MOST_SECONDS = 3600
REMEMBERED = 1024
MOST_FAILURES = 5
REST_SECONDS = 30
LONGEST_SCOPE = 1024
RETRY_SECONDS = 60
TRIAL_SECONDS = 10
NOBODY = "The upstream's token service wants to know who we are: set identity and secret, unless everything that is pulled is public"

_CHALLENGE = re.compile(r"\s*(?:,\s*)*([A-Za-z][A-Za-z0-9_-]*)(?:\s+(?=[A-Za-z0-9_-]+\s*=)|\s*(?=,|$))")
_PARAMETER = re.compile(r'\s*(?:,\s*)*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))')
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")


class UpstreamSpoiled(UpstreamFailed):
    """The upstream sent other bytes than it promised, or something else than was asked for: nothing of it is kept."""

    code = "upstream_spoiled"


class UpstreamResting(UpstreamFailed):
    """It failed too often in a row, and is left alone for a while."""

    code = "upstream_resting"


@dataclass(frozen=True, slots=True)
class Source:
    """An upstream registry, and who we are there. `auth_hosts`: hosts besides its own that may give tokens for it, `host` or `host:port`."""

    url: str
    identity: str = ""
    secret: str = field(default="", repr=False)
    auth_hosts: frozenset[str] = frozenset()

    @property
    def basic(self) -> dict[str, str]:
        """The credential as a header; empty for an anonymous one."""
        if not self.identity:
            return {}
        return {"Authorization": "Basic " + base64.b64encode(f"{self.identity}:{self.secret}".encode()).decode()}


class Trial(Struct):
    """What an upstream said to somebody who only wanted to know whether it would work.

    `result`: reachable, wants_credentials, refused_credentials, not_allowed, no_registry, or not_reachable where nothing could be told.
    """

    result: str
    message: str

    @property
    def is_wrong(self) -> bool:
        """It cannot work as it is."""
        return self.result in ("refused_credentials", "not_allowed", "no_registry")


class Challenge(Struct):
    """What an upstream wants to be shown: a token of this realm, or with the realm "" a name and password."""

    realm: str = ""
    service: str = ""
    scope: str = ""


# -- pure ------------------------------------------------------------------------------------------------------------


def read_challenges(values: Iterable[str]) -> list[tuple[str, dict[str, str]]]:
    """Every challenge of these WWW-Authenticate fields: the scheme in lower case, its parameters. What is malformed ends the field."""
    found: list[tuple[str, dict[str, str]]] = []
    for value in values:
        at = 0
        while at < len(value):
            parameter = _PARAMETER.match(value, at)
            if parameter is not None and found:
                quoted = parameter[2]
                found[-1][1].setdefault(parameter[1].lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else parameter[3])
                at = parameter.end()
                continue
            scheme = _CHALLENGE.match(value, at)
            if scheme is None:
                break
            found.append((scheme[1].lower(), {}))
            at = scheme.end()
    return found


def pick_challenge(values: Iterable[str], source: Source) -> Challenge | None:
    """The challenge we can meet; None where there is none. Raises `UpstreamRefused` for a realm that may not be asked."""
    challenges = read_challenges(values)
    for scheme, parameters in challenges:
        if scheme == "bearer" and parameters.get("realm"):
            realm = check_realm(parameters["realm"], source)
            return Challenge(realm=realm, service=parameters.get("service", ""), scope=parameters.get("scope", "")[:LONGEST_SCOPE])
    if source.identity and any(scheme == "basic" for scheme, _ in challenges):
        return Challenge()
    return None


def check_realm(text: str, source: Source) -> str:
    """The address of a token service as it is asked: the upstream itself, or a host that was named for it. Raises `UpstreamRefused`."""
    realm = str(read_url(text))
    parts = urlsplit(realm)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password or parts.fragment:
        raise UpstreamRefused(f"The upstream names a token service that is no http or https URL: {text[:120]!r}")
    if origin(realm) == origin(source.url):
        return realm
    if parts.scheme != "https" and urlsplit(source.url).scheme == "https":
        raise UpstreamRefused("The upstream's token service is on plain http, the upstream itself on https")
    scheme, host, port = origin(realm)
    usual = port == (443 if scheme == "https" else 80)
    if f"{host}:{port}" not in source.auth_hosts and not (usual and host in source.auth_hosts):
        raise UpstreamRefused(
            f"The upstream sends its clients to {host}:{port} for tokens, which is not its own address: if that is right, name it in auth_hosts"
        )
    return realm


def scope_of(image: str) -> str:
    """The usual scope of a pull."""
    return f"repository:{image}:pull"


def token_url(challenge: Challenge, image: str) -> str:
    """Where a token to pull this image is asked for."""
    query = {"scope": challenge.scope or scope_of(image)} if image or challenge.scope else {}  # without an image: only who we are
    if challenge.service:
        query["service"] = challenge.service
    return challenge.realm + ("&" if "?" in challenge.realm else "?") * bool(query) + urlencode(query)


def read_token(body: bytes) -> tuple[str, float]:
    """A token, and the seconds it is good for. Raises `UpstreamFailed`."""
    try:
        answer = msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UpstreamFailed("The upstream's token service did not answer JSON") from error
    token = answer.get("token") or answer.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise UpstreamFailed("The upstream's token service answered without a token")
    seconds = answer.get("expires_in")
    usable = isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0
    return token, min(float(seconds), MOST_SECONDS) if usable else TOKEN_SECONDS  # type: ignore[arg-type]


def retry_after(headers: Mapping[str, str]) -> int:
    """The seconds an upstream asks us to wait."""
    text = headers.get("retry-after", "")
    return min(int(text), MOST_SECONDS) if text.isascii() and text.isdigit() and len(text) < 10 else RETRY_SECONDS


def refusal(status: int, headers: Mapping[str, str], what: str) -> RegistryError:
    """What an upstream's status other than 200 means for whoever asked us."""
    if status in (404, 410):
        return NotFound(f"{what} is not known to the upstream registry")
    if status in (401, 403):
        return Forbidden(f"The upstream registry does not let this group read {what}: it does not exist there, or needs another identity")
    if status == 429:
        return TooManyRequests("The upstream registry limits its requests: try again later", retry_after=retry_after(headers))
    return UpstreamFailed(f"The upstream registry answered {status} for {what}", status=status)


# -- asking ----------------------------------------------------------------------------------------------------------


class RegistryClient:
    """Asks upstream registries. One for each process: it remembers tokens, challenges, and who does not answer."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._challenges: dict[tuple[Source, str], Challenge] = {}  # by image; "" for any image
        self._tokens: dict[tuple[Source, str], tuple[str, float]] = {}
        self._asking: dict[Source, asyncio.Lock] = {}
        self._failures: dict[str, tuple[int, float]] = {}  # in a row, and until when nobody is asked

    @contextlib.asynccontextmanager
    async def ask(self, method: str, source: Source, image: str, tail: str, *, large: bool = False) -> AsyncIterator[Incoming]:
        """The answer for `/v2/<image>/<tail>`, whatever its status. Raises `UpstreamFailed` and its like, `Forbidden`, `TooManyRequests`."""
        self._check_breaker(source.url)
        headers = {"Accept": ACCEPT if tail.startswith("manifests/") else "*/*", "Accept-Encoding": "identity"}
        try:
            async with self._answer(method, source, image, f"{source.url}/v2/{image}/{tail}", headers, large) as incoming:
                if incoming.status < 500:
                    self._failures.pop(source.url, None)
                yield incoming
                if incoming.status >= 500:
                    self._count_failure(source.url)
        except (UpstreamRefused, UpstreamSpoiled):
            raise  # no sign of its health
        except UpstreamFailed:
            self._count_failure(source.url)
            raise

    async def test(self, source: Source) -> Trial:
        """Whether a registry answers there, and takes us for who we say we are. Asks once, and remembers no failure."""
        url = f"{source.url}/v2/"
        try:
            async with asyncio.timeout(TRIAL_SECONDS), self._answer("GET", source, "", url, {"Accept-Encoding": "identity"}, False) as incoming:
                return self._read_trial(source, incoming)
        except TimeoutError:
            return Trial(result="not_reachable", message=f"The upstream did not answer within {TRIAL_SECONDS} seconds")
        except Forbidden:
            if not source.identity:
                return Trial(result="wants_credentials", message=NOBODY)
            return Trial(result="refused_credentials", message="The upstream's token service does not accept this identity and secret")
        except UpstreamRefused as error:
            return Trial(result="not_allowed", message=error.message)
        except RegistryError as error:
            return Trial(result="not_reachable", message=error.message)

    def _read_trial(self, source: Source, incoming: Incoming) -> Trial:
        if origin(incoming.url) != origin(source.url):
            return Trial(result="not_reachable", message="The upstream sends its clients on to another host, which is not told who we are")
        if incoming.status == 200:
            met = self._challenges.get((source, ""))
            said = "" if not source.identity else ", and accepts the identity" if met is not None else ", and does not ask who we are"
            return Trial(result="reachable", message=f"The upstream answers{said}")
        if incoming.status == 401:
            if (source, "") in self._tokens:  # good for images, if not for this
                return Trial(result="reachable", message="The upstream answers, and its token service accepts us")
            if source.identity:
                return Trial(result="refused_credentials", message="The upstream does not accept this identity and secret")
            return Trial(result="wants_credentials", message="The upstream wants to know who we are: set identity and secret")
        if incoming.status == 429 or incoming.status >= 500:
            return Trial(result="not_reachable", message=f"The upstream answered {incoming.status}: whether it would work cannot be told now")
        return Trial(result="no_registry", message=f"The upstream answered {incoming.status} where a container registry answers 200 or 401")

    @contextlib.asynccontextmanager
    async def _answer(self, method: str, source: Source, image: str, url: str, headers: Mapping[str, str], large: bool) -> AsyncIterator[Incoming]:
        for attempt in range(2):
            shown = await self._authorization(source, image)
            async with self._outbound.request(method, url, headers={**headers, **shown}, large=large) as incoming:
                if incoming.status != 401 or attempt or not self._learn(source, image, incoming):
                    yield incoming
                    return

    def _learn(self, source: Source, image: str, incoming: Incoming) -> bool:
        """Take the challenge of a 401; whether it is worth another try. A host that a redirect led to teaches us nothing."""
        if origin(incoming.url) != origin(source.url):
            return False
        challenge = pick_challenge(incoming.every("www-authenticate"), source)
        if challenge is None:
            return False
        if len(self._challenges) >= REMEMBERED:
            self._challenges.clear()
        self._challenges[source, image] = challenge
        if challenge.scope in ("", scope_of(image)):
            self._challenges[source, ""] = Challenge(realm=challenge.realm, service=challenge.service)
        self._tokens.pop((source, image), None)
        return True

    async def _authorization(self, source: Source, image: str) -> Mapping[str, str]:
        challenge = self._challenges.get((source, image)) or self._challenges.get((source, ""))
        if challenge is None:
            return {}
        if not challenge.realm:
            return source.basic
        lock = self._asking.setdefault(source, asyncio.Lock())
        async with lock:
            held = self._tokens.get((source, image))
            if held is None or held[1] <= time.monotonic():
                held = await self._fetch_token(source, image, challenge)
                if len(self._tokens) >= REMEMBERED:
                    self._tokens.clear()
                self._tokens[source, image] = held
        return {"Authorization": f"Bearer {held[0]}"}

    async def _fetch_token(self, source: Source, image: str, challenge: Challenge) -> tuple[str, float]:
        check_realm(challenge.realm, source)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", **source.basic}
        async with self._outbound.request("GET", token_url(challenge, image), headers=headers) as incoming:
            if incoming.status != 200:
                raise refusal(401 if incoming.status == 404 else incoming.status, incoming.headers, image)
            token, seconds = read_token(await incoming.read(LARGEST_TOKEN))
        return token, time.monotonic() + max(seconds - EARLIER_SECONDS, seconds / 2)

    # -- an upstream that does not answer ----------------------------------------------------------------------------

    def _check_breaker(self, url: str) -> None:
        failures, until = self._failures.get(url, (0, 0.0))
        if failures >= MOST_FAILURES and time.monotonic() < until:
            raise UpstreamResting(f"The upstream registry has failed {failures} times in a row: it is asked again in {REST_SECONDS} seconds")

    def _count_failure(self, url: str) -> None:
        if len(self._failures) >= REMEMBERED:
            self._failures.clear()
        failures = self._failures.get(url, (0, 0.0))[0] + 1
        self._failures[url] = (failures, time.monotonic() + REST_SECONDS)
