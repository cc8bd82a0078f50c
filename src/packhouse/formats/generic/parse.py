"""The digests a client declares for its upload (RFC 1864, RFC 3230, RFC 9530 and X-Checksum-*), compared with what arrived."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping

from packhouse.errors import DigestMismatch, InvalidUpload
from packhouse.model import Blob, Struct

LENGTHS = {"md5": 16, "sha1": 20, "sha256": 32, "sha512": 64}
TOKENS = {"md5": "md5", "sha": "sha1", "sha-256": "sha256", "sha-512": "sha512"}
DICT_MEMBER = re.compile(r"\s*([a-z*][a-z0-9_.*-]*)\s*=\s*:([A-Za-z0-9+/=]*):\s*")
WHOLE_BODY = ("content-md5", "digest", "content-digest", "repr-digest")


class Declared(Struct):
    """One digest a header declares, in lower-case hex."""

    header: str
    algorithm: str
    digest: str


def check_digests(headers: Mapping[str, str], blob: Blob, *, multipart: bool = False) -> None:
    """Nothing, if every declared digest is that of the blob. Raises `DigestMismatch`, `InvalidUpload`."""
    if multipart and (header := next((name for name in WHOLE_BODY if name in headers), None)):
        # These speak of the body with its boundaries, which nobody keeps: silence would look like agreement.
        raise InvalidUpload(f"Header {header} cannot be checked against a form; send the file as the body, or its digest in X-Checksum-SHA256")
    for declared in read_declared(headers):
        actual = getattr(blob, declared.algorithm)
        if actual is not None and actual != declared.digest:
            said = f"{declared.algorithm} {declared.digest}"
            raise DigestMismatch(f"Header {declared.header} declares {said}, the file has {actual}", sent=declared.digest, actual=actual)


def read_declared(headers: Mapping[str, str]) -> tuple[Declared, ...]:
    """Every digest the header fields declare, in an algorithm known here. Raises `InvalidUpload` for one that cannot be read."""
    return tuple(declared for header, read in READERS.items() if header in headers for declared in read(header, headers[header].strip()))


def read_hex(header: str, value: str) -> Iterator[Declared]:
    algorithm = header.rpartition("-")[2]
    digest = value.lower()
    if not re.fullmatch(rf"[0-9a-f]{{{LENGTHS[algorithm] * 2}}}", digest):
        raise InvalidUpload(f"Header {header} must be {LENGTHS[algorithm] * 2} hexadecimal digits, not {value[:140]!r}")
    yield Declared(header=header, algorithm=algorithm, digest=digest)


def read_content_md5(header: str, value: str) -> Iterator[Declared]:
    yield declare_base64(header, "md5", value)


def read_digest(header: str, value: str) -> Iterator[Declared]:
    # RFC 3230: the names of algorithms are case-insensitive, unknown ones are passed over.
    for item in value.split(","):
        name, equals, text = item.strip().partition("=")
        if not equals:
            raise InvalidUpload(f"Header {header} must be a list of algorithm=digest, not {value[:140]!r}")
        if algorithm := TOKENS.get(name.lower()):
            yield declare_base64(header, algorithm, text)


def read_digest_fields(header: str, value: str) -> Iterator[Declared]:
    # RFC 9530 section 2: a dictionary of byte sequences; unknown algorithms are passed over.
    for item in value.split(","):
        member = DICT_MEMBER.fullmatch(item)
        if not member:
            raise InvalidUpload(f"Header {header} must be a list of algorithm=:digest:, not {value[:140]!r}")
        if algorithm := TOKENS.get(member[1]):
            yield declare_base64(header, algorithm, member[2])


def declare_base64(header: str, algorithm: str, text: str) -> Declared:
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidUpload(f"Header {header} must hold base64, not {text[:140]!r}") from error
    if len(digest) != LENGTHS[algorithm]:
        raise InvalidUpload(f"Header {header} must hold {LENGTHS[algorithm]} bytes of {algorithm}, not {len(digest)}")
    return Declared(header=header, algorithm=algorithm, digest=digest.hex())


READERS: Mapping[str, Callable[[str, str], Iterator[Declared]]] = {
    "x-checksum-md5": read_hex,
    "x-checksum-sha1": read_hex,
    "x-checksum-sha256": read_hex,
    "x-checksum-sha512": read_hex,
    "content-md5": read_content_md5,
    "digest": read_digest,
    "content-digest": read_digest_fields,
    "repr-digest": read_digest_fields,
}
