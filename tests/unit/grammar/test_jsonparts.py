"""Files inside JSON: found wherever the body is torn, decoded exactly, and what is ambiguous is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pieces import Parts, cut, split

from packhouse.errors import InvalidUpload, TooLarge
from packhouse.grammar import jsonparts
from packhouse.grammar.jsonparts import JsonPartsSplitter
from packhouse.model import PartStart


def read(data: bytes | str, places: tuple[int, ...] = (), **options: object) -> Parts:
    data = data.encode() if isinstance(data, str) else data
    return split(JsonPartsSplitter(**options), cut(data, places))  # type: ignore[arg-type]


def files_of(parts: Parts) -> dict[str, bytes]:
    assert all(start.file for start, _ in parts[:-1])
    return {start.name: content for start, content in parts[:-1]}


def document_of(parts: Parts) -> Any:
    start, content = parts[-1]
    assert start == PartStart(name="document", media_type="application/json")
    return json.loads(content)


def publish(content: bytes) -> dict[str, Any]:
    return {
        "_id": "x",
        "name": "x",
        "versions": {"1.0.0": {"name": "x", "data": "not a file", "_attachments": {"y": {"data": "nor this"}}}},
        "_attachments": {
            "x-1.0.0.tgz": {"content_type": "application/octet-stream", "data": base64.b64encode(content).decode(), "length": len(content)}
        },
    }


def test_a_publish_document() -> None:
    """npm's document would lose its tarball or a part of itself."""
    parts = read(json.dumps(publish(b"tarball")))
    assert parts[0] == (PartStart(name="x-1.0.0.tgz", file=True), b"tarball")
    expected = publish(b"")
    expected["_attachments"]["x-1.0.0.tgz"]["length"] = 7
    assert document_of(parts) == expected


def test_the_rest_is_kept_byte_for_byte() -> None:
    """The document would be written anew instead of kept."""
    assert read('{ "_attachments" : {"a":{"data" : "QQ==" , "x":1e5}},"é":"\\u00e9\\/" }\n')[-1][1] == (
        '{ "_attachments" : {"a":{"data" : "" , "x":1e5}},"é":"\\u00e9\\/" }\n'.encode()
    )


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ('{"_attachments":{"a":{"data":"QUJD"}}}', {"a": b"ABC"}),
        ('{"versions":{},"_attachments":{"a":{"data":"QUJD"}}}', {"a": b"ABC"}),
        ('{"_attachments":{"a":{"data":"QUJD"}},"versions":{"1":{"data":"x"}}}', {"a": b"ABC"}),
        ('{"_attachments":{"a":{"data":"QQ=="},"b":{"data":"QUI="}}}', {"a": b"A", "b": b"AB"}),
        ('{"_attachments":{"a":{"data":""}}}', {"a": b""}),
        ('{"_attachments":{"a":{"data":"\\/\\/\\/\\/"}}}', {"a": b"\xff\xff\xff"}),
        ('{"_attachments":{"a":{"data":"\\u002b\\u002F++"}}}', {"a": b"\xfb\xff\xbe"}),
        ('{"_att\\u0061chments":{"a":{"d\\u0061ta":"QUJD"}}}', {"a": b"ABC"}),
        ('{"_attachments":{"a\\"\\\\:{":{"data":"QUJD"}}}', {'a"\\:{': b"ABC"}),
        ('{"_attachments":{"\\ud83d\\ude00é":{"data":"QUJD"}}}', {"😀é": b"ABC"}),
        ('{"_attachments":{"":{"data":"QUJD"}}}', {"": b"ABC"}),
        ('\t{\r\n"_attachments"\n:\t{ "a" : { "data" : "QUJD" } } }\n ', {"a": b"ABC"}),
        ('{"x":["_attachments",{"a":{"data":"QUJD"}}]}', {}),
        ('{"x":{"_attachments":{"a":{"data":"QUJD"}}}}', {}),
        ('{"_attachments":[{"a":{"data":"QUJD"}}]}', {}),
        ('{"_attachments":{"a":[{"data":"QUJD"}]}}', {}),
        ('{"_attachments":{"a":{"b":{"data":"QUJD"}}}}', {}),
        ('{"_attachments":{"a":{"data":["QUJD"]}}}', {}),
        ('{"_attachments":{"a":{"data":{"data":"QUJD"}}}}', {}),
        ('{"_attachments":{"a":{"data":null,"x":"data"}}}', {}),
        ('{"_attachments":{"data":"QUJD"}}', {}),
        ('{"_attachments":"a"}', {}),
        ('{"a":"}","_attachments":{"a":{"x":"{[\\"","data":"QUJD"}}}', {"a": b"ABC"}),
        ('{"_attachments":{"a":{"x":{"y":[1,{"z":2}]},"data":"QUJD"}}}', {"a": b"ABC"}),
        ("[]", {}),
        ("null", {}),
        ('"_attachments"', {}),
        ("{}", {}),
    ],
)
def test_what_is_a_file(text: str, files: dict[str, bytes]) -> None:
    """A file would be missed, or some other string taken for one."""
    for places in ((), tuple(range(len(text.encode())))):
        parts = read(text, places)
        assert files_of(parts) == files
        document_of(parts)


HOSTILE = {
    "empty": "",
    "blank": "  ",
    "cut in a file": '{"_attachments":{"a":{"data":"QUJD',
    "cut after a file": '{"_attachments":{"a":{"data":"QUJD"',
    "cut in a key": '{"_attach',
    "cut in an escape": '{"a\\',
    "cut in a value": '{"a":1',
    "second document": "{}{}",
    "text behind": "{} x",
    "bracket too many": "{}}",
    "brackets that do not fit": '{"a":[}]',
    "comma at the end": '{"a":1,}',
    "no colon": '{"a" "b"}',
    "single quotes": "{'a':1}",
    "comment": '{"a":1/*x*/}',
    "NaN": '{"a":NaN}',
    "infinity": '{"a":-Infinity}',
    "control character in a string": '{"a":"\n"}',
    "unknown escape": '{"a":"\\x"}',
    "byte order mark": "\ufeff{}",
    "not UTF-8": b'{"a":"\xff"}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "key that is not UTF-8": b'{"\xff":1}',
    "half a surrogate pair in a key": '{"_attachments":{"\\ud800":{"data":"QUJD"}}}',
    "same key twice": '{"a":1,"a":2}',
    "same key twice, once escaped": '{"a":1,"\\u0061":2}',
    "attachments twice": '{"_attachments":{"a":{"data":"QUJD"}},"_attachments":{"a":{"data":"QUJE"}}}',
    "one attachment twice": '{"_attachments":{"a":{"data":"QUJD"},"a":{"data":"QUJE"}}}',
    "data twice": '{"_attachments":{"a":{"data":"QUJD","data":"QUJE"}}}',
    "same key twice far down": '{"versions":{"1.0.0":{"dist":{"a":1,"a":1}}}}',
    "base64 with a space": '{"_attachments":{"a":{"data":"QU JD"}}}',
    "base64 with a newline": '{"_attachments":{"a":{"data":"QUJD\\n"}}}',
    "base64 of another alphabet": '{"_attachments":{"a":{"data":"QU-_"}}}',
    "base64 without padding": '{"_attachments":{"a":{"data":"QQ"}}}',
    "base64 of one digit": '{"_attachments":{"a":{"data":"Q"}}}',
    "base64 that goes on after its padding": '{"_attachments":{"a":{"data":"QQ==QUJD"}}}',
    "base64 with much padding": '{"_attachments":{"a":{"data":"Q==="}}}',
    "base64 of padding": '{"_attachments":{"a":{"data":"===="}}}',
    "base64 with padding too many": '{"_attachments":{"a":{"data":"QUJD===="}}}',
    "base64 with a backslash": '{"_attachments":{"a":{"data":"QUJ\\\\D"}}}',
    "base64 with a quote": '{"_attachments":{"a":{"data":"QUJ\\"D"}}}',
    "base64 with a non-ASCII letter": '{"_attachments":{"a":{"data":"QUJé"}}}',
    "base64 with a letter beyond ASCII escaped": '{"_attachments":{"a":{"data":"QUJ\\u0144"}}}',
    "data address": '{"_attachments":{"a":{"data":"data:;base64,QUJD"}}}',
    "deep": "[" * 65 + "]" * 65,
    "very deep": "[" * 100_000,
    "very deep objects": '{"a":' * 100_000,
    "many files": json.dumps({"_attachments": {str(at): {"data": "QUJD"} for at in range(17)}}),
}  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_documents_are_refused(data: bytes | str) -> None:
    """Something that is no clear JSON document with clear base64 in it would be accepted."""
    with pytest.raises(InvalidUpload):
        read(data)
    with pytest.raises(InvalidUpload):
        read(data, tuple(range(min(len(data) * 2, 5000))))


def test_depth_of_64_passes() -> None:
    """A document as deep as allowed would be refused."""
    assert document_of(read("[" * 64 + "]" * 64))


def test_every_cut_is_refused() -> None:
    """An upload cut short would be accepted."""
    data = json.dumps(publish(b"tarball")).encode()
    for length in range(len(data)):
        with pytest.raises(InvalidUpload):
            read(data[:length])


def test_the_limit_counts_the_document_without_its_files() -> None:
    """A large file would count, or a large document would be kept in memory."""
    data = json.dumps(publish(bytes(100_000)))
    rest = len(data) - len(base64.b64encode(bytes(100_000)))
    assert len(read(data, limit=rest)) == 2
    with pytest.raises(TooLarge):
        read(data, limit=rest - 1)
    with pytest.raises(TooLarge):
        JsonPartsSplitter(limit=1000).feed(b'{"a":"' + b"x" * 1000)


def test_structure_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document of nothing but brackets or keys would keep us busy for seconds."""
    monkeypatch.setattr(jsonparts, "MAX_STRUCTURE", 100)
    assert document_of(read("[" + "[]," * 98 + "1]"))
    with pytest.raises(InvalidUpload, match="more than 100"):
        read("[" + "[]," * 100 + "1]")
    with pytest.raises(InvalidUpload, match="more than 100"):
        read(json.dumps({str(at): at for at in range(101)}))


def test_other_paths() -> None:
    """Another format with files in JSON could not say where they are."""
    parts = read('{"files":{"a.txt":"QUJD"},"f":{"a":"QUJD"}}', selected=("files", "*"), field="rest")
    assert parts == [
        (PartStart(name="a.txt", file=True), b"ABC"),
        (PartStart(name="rest", media_type="application/json"), b'{"files":{"a.txt":""},"f":{"a":"QUJD"}}'),
    ]
    assert files_of(read('{"a":"QUJD","b":"QUJD"}', selected=("a",), name_from=0)) == {"a": b"ABC"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.sampled_from(["_attachments", "data"]), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4), st.dictionaries(st.text(max_size=6), st.binary(max_size=60), max_size=3), st.data())
def test_any_cut_gives_the_same(rest: dict[str, Any], files: dict[str, bytes], draw: st.DataObject) -> None:
    """A document torn at an unlucky place, or written in another order or style, would come out differently."""
    attachments = {name: {"data": base64.b64encode(content).decode(), "extra": draw.draw(JSON)} for name, content in files.items()}
    items = draw.draw(st.permutations([*(rest | {"_attachments": attachments}).items()]))
    text = json.dumps(dict(items), ensure_ascii=draw.draw(st.booleans()), indent=draw.draw(st.sampled_from([None, 1, "\t"])))
    if draw.draw(st.booleans()):
        text = text.replace("/", "\\/")
    parts = read(text.encode("utf-8"), tuple(draw.draw(st.lists(st.integers(0, 5000), max_size=20))))
    assert files_of(parts) == files
    for attachment in attachments.values():
        attachment["data"] = ""
    assert document_of(parts) == rest | {"_attachments": attachments}
    assert parts == read(text.encode("utf-8"), tuple(range(5000)))


PIECES = st.lists(
    st.sampled_from([*'{}[]:,"\\/ \n=', "_attachments", '"_attachments":{"a":{"data":"', "QUJD", "\\u002b", "\\u0", "é", "1"]), max_size=40
).map("".join)


@given(PIECES | st.binary(max_size=100), st.lists(st.integers(0, 400), max_size=8))
def test_any_bytes_are_answered_the_same_way(data: bytes | str, places: list[int]) -> None:
    """Some bytes would raise something else than InvalidUpload, or be accepted only when they come in one piece."""
    answers = []
    for cuts in ((), tuple(places), tuple(range(400))):
        try:
            answers.append(read(data, cuts))
        except InvalidUpload as error:
            assert error.message
            answers.append([])
    assert answers[0] == answers[1] == answers[2]


def test_large_pieces_pass_through() -> None:
    """A file would be decoded in smaller pieces than it came in."""
    splitter = JsonPartsSplitter()
    splitter.feed(b'{"_attachments":{"a":{"data":"')
    (piece,) = splitter.feed(base64.b64encode(bytes(30_000)))
    assert piece == bytes(30_000)
