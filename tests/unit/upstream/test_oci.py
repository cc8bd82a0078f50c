"""What a registry's client believes of what an upstream says."""

from __future__ import annotations

import pytest

from packhouse.errors import Forbidden, Invalid, NotFound, TooManyRequests, UpstreamFailed, UpstreamRefused
from packhouse.packages.proxies import read_upstream
from packhouse.proxy.manifests import check_manifest, digest_of, read_head
from packhouse.upstream.oci import Source, UpstreamSpoiled, pick_challenge, read_challenges, read_token, refusal, token_url

SOURCE = Source(url="https://registry.example", auth_hosts=frozenset({"auth.example", "tokens.example:8443"}))


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (['Bearer realm="https://a/t",service="s"'], [("bearer", {"realm": "https://a/t", "service": "s"})]),
        (['bearer Realm = "https://a/t" , scope="a b,c"'], [("bearer", {"realm": "https://a/t", "scope": "a b,c"})]),
        (['Basic realm="x", Bearer realm="y",service=z'], [("basic", {"realm": "x"}), ("bearer", {"realm": "y", "service": "z"})]),
        (['Bearer realm="a\\"b"'], [("bearer", {"realm": 'a"b'})]),
        (["Negotiate", 'Basic realm="x"'], [("negotiate", {}), ("basic", {"realm": "x"})]),
        (['Bearer realm="open'], [("bearer", {})]),
        ([""], []),
        (["\x00\x01"], []),
    ],
)
def test_challenges(values: list[str], found: list[tuple[str, dict[str, str]]]) -> None:
    """A challenge would be read as something that it does not say."""
    assert [one for one in read_challenges(values) if one[1] or found][: len(found)] == found


@pytest.mark.parametrize(
    "realm",
    ["https://registry.example/token", "https://registry.example:443/token", "https://auth.example/token", "https://tokens.example:8443/x"],
)
def test_realms_that_may_be_asked(realm: str) -> None:
    """A token service of the upstream, or one that is named, would be refused."""
    challenge = pick_challenge([f'Bearer realm="{realm}",service="s"'], SOURCE)
    assert challenge is not None and token_url(challenge, "a/b") == f"{realm.replace(':443', '')}?scope=repository%3Aa%2Fb%3Apull&service=s"


@pytest.mark.parametrize(
    "realm",
    [
        "https://evil.example/token", "http://registry.example/token", "http://auth.example/token", "https://registry.example:444/token",
        "https://auth.example:8443/token", "https://tokens.example/x", "https://registry.example.evil.example/t", "https://registry.example@evil.example/t",
        "file:///etc/passwd", "//registry.example/t", "/token", "https://evil.example#@registry.example", "https://evil.example\\@registry.example/",
    ],
)  # fmt: skip
def test_realms_that_may_not(realm: str) -> None:
    """Credentials would be sent where the upstream says and nobody has named."""
    with pytest.raises(UpstreamRefused):
        pick_challenge([f'Bearer realm="{realm}"'.replace("\\", "\\\\")], SOURCE)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"token":5}', b'{"token":""}', b'{"token":"a\\nb: c"}', b'{"token":"' + b"x" * 20000 + b'"}', b"\xff"]
)
def test_tokens_that_are_none(body: bytes) -> None:
    """Something that is no token would be sent as one, or end in a crash."""
    with pytest.raises(UpstreamFailed):
        read_token(body)


@pytest.mark.parametrize(
    ("seconds", "kept"), [("300", 300), ("0", 60), ("-5", 60), ("true", 60), ('"x"', 60), ("null", 60), ("1e30", 3600), ("0.5", 0.5)]
)
def test_life_of_a_token(seconds: str, kept: float) -> None:
    """A token would be used for longer than it is good, or for ever."""
    assert read_token(f'{{"access_token":"t","expires_in":{seconds}}}'.encode()) == ("t", kept)


def test_secret_is_not_in_the_text_of_a_source() -> None:
    """A secret would be written wherever an upstream is logged."""
    assert "s3cret" not in repr(Source(url="https://a", identity="i", secret="s3cret"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, NotFound), (410, NotFound), (401, Forbidden), (403, Forbidden), (429, TooManyRequests), (500, UpstreamFailed), (302, UpstreamFailed)],
)
def test_refusals(status: int, kind: type[Exception]) -> None:
    """A status of the upstream would mean something else here."""
    assert isinstance(refusal(status, {"retry-after": "never"}, "x"), kind)


TYPE = "application/vnd.oci.image.manifest.v1+json"
BODY = b'{"schemaVersion":2,"mediaType":"' + TYPE.encode() + b'"}'


def test_manifests_keep_the_word() -> None:
    """A good manifest would be refused, whatever algorithm it goes by and however its type is written."""
    sha256, sha512 = digest_of(BODY, "sha256:"), digest_of(BODY, "sha512:")
    for digest in (sha256, sha512):
        head = read_head({"docker-content-digest": digest, "content-type": f"{TYPE.upper()}; charset=utf-8"})
        assert check_manifest(BODY, "latest", head) == digest
        assert check_manifest(BODY, digest, read_head({"content-type": TYPE})) == digest
    assert check_manifest(BODY, "latest", read_head({"content-type": TYPE, "docker-content-digest": "md5:0"})) == sha256


@pytest.mark.parametrize(
    ("body", "reference", "headers"),
    [
        (BODY + b" ", digest_of(BODY, "sha256:"), {"content-type": TYPE}),
        (BODY, "latest", {"content-type": TYPE, "docker-content-digest": "sha256:" + "0" * 64}),
        (BODY, "latest", {"content-type": "text/html"}),
        (BODY, "latest", {}),
        (BODY, "latest", {"content-type": "application/vnd.oci.image.index.v1+json"}),
        (b"[]", "latest", {"content-type": TYPE}),
        (b"{}", "latest", {"content-type": TYPE}),
        (b"[" * 100_000, "latest", {"content-type": TYPE}),
        (b"\xff\xfe", "latest", {"content-type": TYPE}),
    ],
)
def test_manifests_that_do_not(body: bytes, reference: str, headers: dict[str, str]) -> None:
    """Something that is not what was asked for would be kept."""
    with pytest.raises(UpstreamSpoiled):
        check_manifest(body, reference, read_head(headers))


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://registry.example", "https://registry.example"),
        (" https://Registry.example/ ", "https://registry.example"),
        ("https://registry.example/v2/", "https://registry.example"),
        ("http://127.0.0.1:5000/mirror/v2", "http://127.0.0.1:5000/mirror"),
    ],
)
def test_upstream_urls(text: str, url: str) -> None:
    """One upstream would be kept twice, or a usable one refused."""
    assert read_upstream(text) == url
    assert read_upstream(url) == url


@pytest.mark.parametrize(
    "text", ["", "registry.example", "https://", "https://a b", "https://a@b", "https://a?b", "https://a#b", "https://a/%2e", "https://ä"]
)
def test_unusable_urls(text: str) -> None:
    """A URL that means something else to somebody else would be taken."""
    with pytest.raises(Invalid):
        read_upstream(text)
