"""Request headers → one credential: every carrier, and everything that only looks like one."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.auth.credentials import ANY, DEPLOY, JOB, MAX_LENGTH, PERSONAL, Credential, read_credential, split_path
from packhouse.errors import Invalid, InvalidCredential, RegistryError


def basic(text: str) -> bytes:
    return b"Basic " + base64.b64encode(text.encode())


@pytest.mark.parametrize(("headers", "query", "wanted"), [
    ({}, {}, None),
    ({b"authorization": basic("user:secret")}, {}, Credential("secret", ANY, "user")),
    ({b"authorization": basic(":secret")}, {}, Credential("secret", ANY, "")),
    ({b"authorization": basic("user:se:cr:et")}, {}, Credential("se:cr:et", ANY, "user")),
    ({b"authorization": basic("üser:sécret")}, {}, Credential("sécret", ANY, "üser")),
    ({b"authorization": b"bEaReR  secret "}, {}, Credential("secret")),
    ({b"authorization": b"Negotiate abc"}, {}, None),
    ({b"private-token": b"secret"}, {}, Credential("secret", PERSONAL)),
    ({b"job-token": b"secret"}, {}, Credential("secret", JOB)),
    ({b"deploy-token": b"secret"}, {}, Credential("secret", DEPLOY)),
    ({}, {"private_token": "secret"}, Credential("secret", PERSONAL)),
    ({}, {"job_token": "secret"}, Credential("secret", JOB)),
    ({}, {"access_token": "secret"}, Credential("secret", PERSONAL)),
    ({b"cookie": b"private_token=secret", b"x-api-key": b"secret"}, {"token": "secret"}, None),
])  # fmt: skip
def test_carriers(headers: dict[bytes, bytes], query: dict[str, str], wanted: Credential | None) -> None:
    """A credential could be overlooked, or be taken from where nobody sends one."""
    assert read_credential(headers, query) == wanted


def test_the_same_twice_is_one() -> None:
    """A client that sends its token in two ways could be refused, or gain from it."""
    headers = {b"authorization": basic("user:secret"), b"private-token": b"secret"}
    found = read_credential(headers, {"private_token": "secret"})
    assert found == Credential("secret", PERSONAL, "user")
    both = read_credential({b"private-token": b"secret", b"deploy-token": b"secret"}, {})
    assert both is not None and not both.kinds, "no token is of two kinds"


def test_two_different_are_refused() -> None:
    """Whichever credential is stronger could count, or whichever comes first."""
    for headers, query in (
        ({b"authorization": basic("user:one"), b"private-token": b"two"}, {}),
        ({b"private-token": b"one"}, {"private_token": "two"}),
        ({b"job-token": b"one", b"deploy-token": b"two"}, {}),
        ({}, {"private_token": "one", "job_token": "two"}),
    ):
        with pytest.raises(Invalid, match="two different credentials"):
            read_credential(headers, query)


BROKEN = (
    b"Basic", b"Basic !!!", b"Basic " + base64.b64encode(b"nocolon"), b"Basic " + base64.b64encode(b"a:\xff"), basic("user:"), b"Bearer",
    b"Bearer   ",
    basic("user:" + "x" * (MAX_LENGTH + 1)),
)  # fmt: skip


@pytest.mark.parametrize("value", BROKEN)
def test_broken_ones_are_refused(value: bytes) -> None:
    """A credential that cannot be read could pass for none, and a client would wonder why it is a stranger."""
    with pytest.raises(InvalidCredential):
        read_credential({b"authorization": value}, {})


def test_query_switched_off() -> None:
    """A token in an address, and so in everybody's log, could still work where the instance refuses it."""
    with pytest.raises(InvalidCredential, match="switched off"):
        read_credential({}, {"private_token": "secret"}, query_allowed=False)
    assert read_credential({b"private-token": b"secret"}, {"page": "1"}, query_allowed=False) == Credential("secret", PERSONAL)


@pytest.mark.parametrize(
    ("path", "token", "rest"),
    [("/t/secret/api/v4/x", "secret", "/api/v4/x"), ("/t/a%2Fb%25/api/v4/x", "a/b%", "/api/v4/x"), ("/t/secret", None, "/t/secret"),
     ("/t/secret/", None, "/t/secret/"), ("/t//x", None, "/t//x"), ("/x/t/secret/y", None, "/x/t/secret/y"), ("/team/x/y", None, "/team/x/y")],
)  # fmt: skip
def test_token_in_front_of_a_path(path: str, token: str | None, rest: str) -> None:
    """A token could be left in a path, and so in the log, or a part of a path be taken for one."""
    assert split_path(path) == (token, rest)


def test_token_of_a_path() -> None:
    """A token from a path could win over another one, or work where the instance refuses those in addresses."""
    assert read_credential({}, {}, in_path="secret") == Credential("secret")
    assert read_credential({b"private-token": b"secret"}, {}, in_path="secret") == Credential("secret", PERSONAL)
    with pytest.raises(Invalid, match="two different"):
        read_credential({b"private-token": b"other"}, {}, in_path="secret")
    with pytest.raises(InvalidCredential, match="switched off"):
        read_credential({}, {}, in_path="secret", query_allowed=False)


def test_odd_header_of_a_format() -> None:
    """A format's own header could be read on other formats' routes, or win over the usual one."""
    extra = (lambda headers: headers.get("x-odd-key"),)
    assert read_credential({b"x-odd-key": b"secret"}, {}, extra) == Credential("secret")
    assert read_credential({b"x-odd-key": b"secret"}, {}) is None
    assert read_credential({b"x-odd-key": b"other", b"private-token": b"secret"}, {}, extra) == Credential("secret", PERSONAL)


@given(st.dictionaries(st.sampled_from([b"authorization", b"private-token", b"job-token", b"deploy-token"]), st.binary(max_size=200)),
       st.dictionaries(st.sampled_from(["private_token", "job_token", "access_token"]), st.text(max_size=50)))  # fmt: skip
def test_any_bytes(headers: dict[bytes, bytes], query: dict[str, str]) -> None:
    """Odd bytes in a header could be an error of ours."""
    try:
        found = read_credential(headers, query)
    except RegistryError:
        return
    assert found is None or found.secret
