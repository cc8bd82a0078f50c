"""Names that nobody means well with: whatever a path or a name holds, the answer is a plain refusal, and nothing leaves its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from .conftest import Home
from .driver import Ask, Client, values_of

HOSTILE = {
    "dot": "%2e", "dots": "%2e%2e", "plain dots": "..", "up": "..%2f..%2f..%2fetc%2fpasswd", "up, upper case": "%2E%2E%2F%2E%2E%2Fetc%2Fpasswd",
    "up, twice encoded": "%252e%252e%252fetc", "backslash": "..%5c..%5cetc", "slash": "a%2fb", "slash, twice encoded": "a%252fb",
    "double slash": "a%2f%2fb",
    "end of line": "a%0d%0aSet-Cookie:%20x=1", "nul": "a%00b", "tab": "a%09b", "delete": "a%7fb", "blank": "%20", "blanks around": "%20a%20",
    "script": "%3Cscript%3Ealert(1)%3C%2Fscript%3E", "attribute": "a%22%20onload=%22x", "markup": "%3C!--%3E%26lt;", "template": "%7B%7B7*7%7D%7D",
    "quote": "a'b", "shell": "$(id);id%7Cid", "sql": "a'%20OR%20'1'='1", "like": "%25", "invalid utf-8": "%ff%fe", "surrogate": "%ed%a0%80",
    "overlong slash": "%c0%af", "composed": "caf%c3%a9", "decomposed": "cafe%cc%81", "full width dots": "%ef%bc%8e%ef%bc%8e", "kelvin": "%e2%84%aa",
    "right to left": "%e2%80%aetxt.exe", "zero width": "a%e2%80%8bb", "emoji": "%f0%9f%93%a6", "dash": "-", "dashes": "--",
    "option": "--upload-pack=x",
    "at": "@", "tilde": "~", "hidden": ".git", "device": "con", "stream": "a:b", "long": "a" * 1025, "very long": "a" * 3000,
    "deep": "a%2f" * 90 + "a",
    "percent": "%25zz", "number": "9" * 400, "negative": "-1", "version like": "1.0.0" + ".0" * 200, "json": "%7B%22a%22%3A1%7D",
    "underscore": "__proto__",
}  # fmt: skip
RAW = ("%", "%2", "%zz", "a%", "%u0041")
PARAMETER = re.compile(r"\{(\w+)[*+]?\}")


def spoiled(client: Client, home: Home) -> Iterator[tuple[str, str]]:
    """Every route's path with one hostile value in the place of each parameter, after the method."""
    sample = client.sample()
    values = {name: quote(text, safe="@") for name, text in values_of(sample, b"").items()}
    for route in client.format.routes:
        names = PARAMETER.findall(route.path)
        if any(name not in values for name in names):
            continue
        for spoil in names:
            for hostile in (*HOSTILE.values(), *RAW):
                path = route.path
                for name, value in {**values, spoil: hostile}.items():
                    path = re.sub(rf"\{{{name}[*+]?\}}", value.replace("\\", r"\\"), path)
                yield route.method, client.base("projects", home.project) + path


def test_no_path_breaks_the_server(home: Home) -> None:
    """A path could be an error of ours, carry markup into an answer, or split its headers."""
    wrong = []
    for method, path in dict.fromkeys(spoiled(home.client, home)):
        answer = home.send(Ask(method, path, b"{}" if method in ("PUT", "POST") else None))
        if answer.status >= 500 or answer.status < 200:
            wrong.append(f"{method} {path[:200]}: {answer.status}")
        if "set-cookie" in answer.headers or ("<script>alert" in answer.text and "html" in answer.headers["content-type"]):
            wrong.append(f"{method} {path[:200]}: {answer.headers} {answer.text[:100]}")
    assert not wrong, "\n".join(wrong[:30])


def test_nothing_leaves_the_store(home: Home) -> None:
    """A name could become a path on our disk."""
    allowed = re.compile(r"[0-9a-f]{64}(\.\d+)?|[0-9a-f]{32}")
    for name in ("../../escaped", "a/../../escaped", "/etc/escaped", "..\\escaped", "a\0b", "<script>alert(1)</script>", "a" * 300, "con", " "):
        sample = home.client.sample("toy")
        ask = home.client.publish(home.project, sample)
        for body in {ask.body, (ask.body or b"").replace(b"toy", name.encode())}:
            for path in {ask.path, ask.path.replace("toy", quote(name, safe=""))}:
                assert home.send(Ask(ask.method, path, body, ask.headers)).status < 500, (name, path)
    stored = [path for folder in ("blobs", "spool") for path in (home.server.data / folder).rglob("*") if path.is_file()]
    assert stored
    assert not [path for path in stored if not allowed.fullmatch(path.name)]
    assert not list(home.server.data.parent.rglob("*escaped*"))


@pytest.mark.parametrize("spelling", ["%2F", "%2f"])
def test_id_as_a_path(home: Home, spelling: str) -> None:
    """A project could be found by its number and not by its encoded path, or answer other bytes there."""
    sample = home.publish_new()
    path = home.server.furniture.path_of(home.project).replace("/", spelling)
    by_number = home.client.fetch(home.project, sample)
    by_path = home.client.fetch(path, sample)
    assert home.send(by_path).expect(200).body == home.send(by_number).body == sample.content
    assert home.send(home.client.listing(path, sample)).expect(200).body == home.listing(sample).body
    home.send(home.client.publish(path, home.client.sample(version="2.0.0"))).expect(200, 201)
    decoded = home.client.fetch(home.server.furniture.path_of(home.project), sample)
    assert home.send(decoded).expect(200).body == sample.content, "a proxy decodes the path, and it still means one thing"
    upper = home.client.fetch(path.upper(), sample)
    assert home.send(upper).status in (200, 404)


@pytest.mark.parametrize("spelling", ["%252F", "%2F%2F", "%2F.%2F", "%2F..%2F", "%5C", "%00%2F", "%2F%2e%2e%2F"])
def test_other_spellings_of_an_id(home: Home, spelling: str) -> None:
    """Another spelling of a path could get past the look at who may read it (threats, T07)."""
    sample = home.publish_new()
    path = home.server.furniture.path_of(home.project).replace("/", spelling)
    for ask in (home.client.fetch(path, sample), home.client.listing(path, sample)):
        assert home.send_bare(ask).status in (400, 401, 404)
        assert home.send(ask).status in (400, 404)


def test_names_in_other_letters(home: Home) -> None:
    """Two spellings of one name could be two packages in one place and one in another."""
    sample = home.publish_new("alpha")
    key = home.client.format.coordinates.name_key
    other = home.client.sample("ALPHA")
    answer = home.publish(other)
    try:
        same = key(other.name) == key(sample.name)
    except Exception:
        assert answer.status in (400, 422)
        return
    if not same and answer.status in (200, 201):
        assert home.send(home.client.fetch(home.project, other)).expect(200).body == other.content
    assert home.fetch(sample).expect(200).body == sample.content
    assert answer.status < 500


def test_listings_escape(home: Home) -> None:
    """A name that a format does allow could act as markup in a document of another kind."""
    for name in ("a.b-c", "a+b", "x--y", "0", "a_b"):
        sample = home.client.sample(name)
        if home.publish(sample).status not in (200, 201):
            continue
        assert home.fetch(sample).expect(200).body == sample.content
        assert home.client.shows(home.listing(sample).expect(200).body, sample), name
