"""multipart/form-data: what real clients send is cut right wherever it is torn, the rest is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pieces import Parts, cut, split

from packhouse.errors import InvalidUpload, TooLarge
from packhouse.grammar.multipart import MultipartSplitter
from packhouse.model import PartStart

TYPE = "multipart/form-data; boundary=B"
NAME = b'Content-Disposition: form-data; name="name"'
FILE = b'Content-Disposition: form-data; name="content"; filename="a.whl"\r\nContent-Type: application/octet-stream'


def part(headers: bytes = NAME, content: bytes = b"x", boundary: bytes = b"B") -> bytes:
    return b"--" + boundary + b"\r\n" + headers + b"\r\n\r\n" + content + b"\r\n"


def read(data: bytes, content_type: str = TYPE, **options: object) -> Parts:
    return split(MultipartSplitter(content_type, **options), [data])  # type: ignore[arg-type]


def test_fields_and_files() -> None:
    """A field would be taken for a file, or a file would lose its name, type or bytes."""
    assert read(part() + part(FILE, b"\0\r\n-\xff") + b"--B--\r\n") == [
        (PartStart(name="name"), b"x"),
        (PartStart(name="content", filename="a.whl", media_type="application/octet-stream", file=True), b"\0\r\n-\xff"),
    ]


@pytest.mark.parametrize(
    ("header", "name", "filename"),
    [
        (b'Content-Disposition: form-data; name="a b"; filename="c;d.txt"', "a b", "c;d.txt"),
        (b"content-disposition:form-data;name=package;filename=package.nupkg;filename*=utf-8''package.nupkg", "package", "package.nupkg"),
        (b"Content-Disposition: Form-Data; NAME=p; FileName=q", "p", "q"),
        ('Content-Disposition: form-data; name="p"; filename="ü.txt"'.encode(), "p", "ü.txt"),
        (b'Content-Disposition: form-data; name="p"; filename="a\\"b\\\\c"', "p", 'a"b\\c'),
        (b'Content-Disposition: form-data; name="p"; filename=""', "p", ""),
        (b'Content-Disposition: form-data; name="p"; filename="q" ;', "p", "q"),
        (b'X-Other: 1\r\nContent-Disposition: form-data; name="p"; filename="q"\r\nContent-Transfer-Encoding: binary', "p", "q"),
    ],
)
def test_what_clients_write(header: bytes, name: str, filename: str) -> None:
    """A header as some client writes it would be misread."""
    ((start, _),) = read(part(header) + b"--B--")
    assert (start.name, start.filename, start.file) == (name, filename, True)


@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/form-data; boundary="B"',
        "Multipart/Form-Data;boundary=B",
        "multipart/form-data; charset=utf-8; boundary=B",
        "multipart/form-data ; Boundary = B",
    ],
)
def test_content_types(content_type: str) -> None:
    """A boundary as some client writes it would not be found."""
    assert read(part() + b"--B--", content_type) == [(PartStart(name="name"), b"x")]


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=B; boundary=C",
        "application/json; boundary=B",
        "multipart/mixed; boundary=B",
        "multipart/form-data; boundary=" + "B" * 71,
        'multipart/form-data; boundary="B "',
        'multipart/form-data; boundary="B\r\n"',
        'multipart/form-data; boundary="B',
        "multipart/form-data; boundary=ü",
        "multipart/form-data boundary=B",
        'multipart/form-data; boundary="a\\"b"',
        ";boundary=B",
        "\0",
    ],
)
def test_odd_content_types_are_refused(content_type: str) -> None:
    """A body would be cut at a boundary that others read differently, or at none."""
    with pytest.raises(InvalidUpload):
        MultipartSplitter(content_type)


HOSTILE = {
    "empty": b"",
    "no boundary": b"hello",
    "text in front": b"hello\r\n" + part() + b"--B--",
    "text behind an empty line": b"\r\nhello" + part() + b"--B--",
    "other boundary": part(boundary=b"C") + b"--C--",
    "no end": part(),
    "end cut short": part() + b"--B-",
    "part cut short": b"--B\r\n" + NAME,
    "no disposition": part(b"Content-Type: text/plain") + b"--B--",
    "no headers": b"--B\r\n\r\nx\r\n--B--",
    "no name": part(b"Content-Disposition: form-data") + b"--B--",
    "empty name": part(b'Content-Disposition: form-data; name=""') + b"--B--",
    "other disposition": part(b'Content-Disposition: attachment; name="a"') + b"--B--",
    "two dispositions": part(NAME + b"\r\n" + NAME) + b"--B--",
    "two types": part(NAME + b"\r\nContent-Type: a/b\r\nContent-Type: c/d") + b"--B--",
    "two names": part(b'Content-Disposition: form-data; name="a"; name="b"') + b"--B--",
    "two names in other letters": part(b'Content-Disposition: form-data; name="a"; NAME=b') + b"--B--",
    "two filenames": part(FILE.replace(b"a.whl", b'a"; filename="b')) + b"--B--",
    "quote not closed": part(b'Content-Disposition: form-data; name="a') + b"--B--",
    "text behind a quote": part(b'Content-Disposition: form-data; name="a"b') + b"--B--",
    "NUL in the name": part(b'Content-Disposition: form-data; name="a\0b"') + b"--B--",
    "newline in the name": part(b'Content-Disposition: form-data; name="a\nb"') + b"--B--",
    "name that is not UTF-8": part(b'Content-Disposition: form-data; name="\xff"') + b"--B--",
    "base64": part(NAME + b"\r\nContent-Transfer-Encoding: base64") + b"--B--",
    "folded header": part(b"Content-Disposition: form-data;\r\n name=a") + b"--B--",
    "header without a colon": part(b"Content-Disposition") + b"--B--",
    "header with a space in its name": part(NAME.replace(b":", b" :")) + b"--B--",
    "long header": part(NAME + b"\r\nX: " + b"y" * 9000) + b"--B--",
    "many headers": part(NAME + b"\r\nX: y" * 1) .replace(b"X: y", b"\r\n".join(b"X%d: y" % at for at in range(40))) + b"--B--",
    "headers that are long together": part(NAME + b"".join(b"\r\nX%d: " % at + b"y" * 3000 for at in range(3))) + b"--B--",
    "bare newlines": part().replace(b"\r\n", b"\n") + b"--B--",
}  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bodies_are_refused(data: bytes) -> None:
    """A body that is cut short, or that others read differently, would be accepted."""
    with pytest.raises(InvalidUpload):
        read(data)
    with pytest.raises(InvalidUpload):
        split(MultipartSplitter(TYPE), [data[at : at + 1] for at in range(len(data))])


def test_only_named_files() -> None:
    """A file under a name nobody expects would be spooled."""
    assert len(read(part(FILE) + b"--B--", file_fields=frozenset({"content"}))) == 1
    with pytest.raises(InvalidUpload, match="expected package"):
        read(part(FILE) + b"--B--", file_fields=frozenset({"package"}))
    with pytest.raises(InvalidUpload):
        read(part(FILE) + b"--B--", file_fields=frozenset())


def test_limits_are_counted() -> None:
    """A limit on parts, on one field, or on all of them would not hold."""
    assert len(read(part() * 3 + b"--B--", max_parts=3)) == 3
    with pytest.raises(InvalidUpload, match="more than 3 parts"):
        read(part() * 4 + b"--B--", max_parts=3)
    assert len(read(part(content=b"x" * 9) + part(FILE, b"x" * 99) + b"--B--", field_limit=9)) == 2
    with pytest.raises(InvalidUpload, match="more than 9 bytes"):
        read(part(content=b"x" * 10) + b"--B--", field_limit=9)
    assert len(read(part(content=b"x" * 10) + b"--B--", field_limit=9, field_limits={"name": 10})) == 1
    with pytest.raises(InvalidUpload, match="more than 10 bytes"):
        read(part(content=b"x" * 11) + b"--B--", field_limits={"name": 10})
    assert len(read(part(content=b"x" * 5) * 2 + b"--B--", text_limit=10)) == 2
    with pytest.raises(TooLarge):
        read(part(content=b"x" * 6) * 2 + b"--B--", text_limit=10)


def test_lookalike_boundaries_are_counted() -> None:
    """A file full of near boundaries would cost a microsecond each without end."""
    assert len(read(part(FILE, b"\r\n--BX" * 10) + b"--B--", max_parts=64)) == 1
    with pytest.raises(InvalidUpload):
        read(part(FILE, b"\r\n--BX" * 100) + b"--B--", max_parts=64)


def test_no_parts_and_epilogue() -> None:
    """An empty form, or the newline clients send behind the last boundary, would be refused."""
    assert read(b"--B--\r\n") == []
    assert len(read(b"\r\n" + part() + b"--B--\r\n\r\n")) == 1


CONTENTS = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"-", b"--", b"B", b"\r\n--", b"\r\n-B", b"\r\n--C", b"\0", b"text"]), max_size=12).map(
    b"".join
)


@given(st.lists(st.tuples(st.booleans(), CONTENTS), max_size=4), st.lists(st.integers(0, 2000), max_size=12))
def test_any_cut_gives_the_same(parts: list[tuple[bool, bytes]], places: list[int]) -> None:
    """A body torn at an unlucky place would come out differently."""
    boundary = b"BBxy-1"
    data = b"".join(part(FILE if file else NAME, content, boundary) for file, content in parts) + b"--" + boundary + b"--\r\n"
    found = split(MultipartSplitter("multipart/form-data; boundary=BBxy-1"), cut(data, places))
    assert [(start.file, content) for start, content in found] == parts


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_any_bytes_are_answered(data: bytes, places: list[int]) -> None:
    """Some bytes would raise something else than InvalidUpload, or be read although they do not begin a form."""
    for body in (data, b"--B\r\n" + data, part() + data, part(data) + b"--B--"):
        try:
            split(MultipartSplitter(TYPE), cut(body, places))
        except InvalidUpload as error:
            assert error.message


@given(st.text(max_size=80))
def test_any_content_type_is_answered(text: str) -> None:
    """Some header would raise something else than InvalidUpload."""
    for content_type in (text, "multipart/form-data;" + text, "multipart/form-data; boundary=" + text):
        try:
            MultipartSplitter(content_type)
        except InvalidUpload as error:
            assert not re.search(r"[\x00-\x1f]", error.message)


def test_large_pieces_pass_through() -> None:
    """A file would be copied byte by byte, or in smaller pieces than it came in."""
    splitter = MultipartSplitter(TYPE)
    block = b"x" * 65536
    splitter.feed(b"--B\r\n" + FILE + b"\r\n\r\n")
    assert list(splitter.feed(block)) == [block]
