"""Requests signed with an RSA key, as Chef's clients do it: headers X-Ops-…, protocols 1.0 to 1.3 (mixlib-authentication). Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime

from packhouse.errors import Invalid, InvalidCredential
from packhouse.model import Instant, Struct

WINDOW: Instant = 15 * 60 * 1_000_000  # how far the client's clock may be off, as upstream allows
SMALLEST, LARGEST = 2048, 8192  # bits of a key: what is larger takes long to check
PEM_LIMIT = 4096
EXPONENTS = range(65537, 2**32)
MOST_PIECES = 64

_PREFIX = "x-ops-authorization-"
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_ALGORITHMS = {"1.0": "sha1", "1.1": "sha1", "1.2": "sha1", "1.3": "sha256"}
_SLASHES = re.compile("/{2,}")


class Signature(Struct):
    """What the headers of a signed request say. `digest` is of the file that is sent, or of the body, in base64."""

    user: str
    version: str
    timestamp: str
    time: Instant
    digest: str
    signature: bytes
    api_version: str = "0"

    @property
    def algorithm(self) -> str:
        """What is hashed with: sha1 or sha256."""
        return _ALGORITHMS[self.version]


def read_signature(headers: Mapping[str, str]) -> Signature | None:
    """The signature of a request by its headers, in lower case; None where there is none. Raises `InvalidCredential`."""
    if "x-ops-sign" not in headers and "x-ops-userid" not in headers:
        return None
    missing = [name for name in ("x-ops-sign", "x-ops-userid", "x-ops-timestamp", "x-ops-content-hash") if not headers.get(name)]
    if missing:
        raise InvalidCredential(f"The request is signed without {missing[0].title()}: sign it again")
    timestamp = headers["x-ops-timestamp"]
    return Signature(
        user=headers["x-ops-userid"],
        version=_read_version(headers["x-ops-sign"]),
        timestamp=timestamp,
        time=_read_time(timestamp),
        digest=headers["x-ops-content-hash"],
        signature=_join_pieces(headers),
        api_version=headers.get("x-ops-server-api-version", "0"),
    )


def _read_version(text: str) -> str:
    """The protocol, where the algorithm beside it is the one that it goes with."""
    parts = [part.strip().partition("=") for part in text.split(";") if part.strip()]
    said = {name: value for name, _, value in parts}
    version = said.get("version", "")
    algorithm = _ALGORITHMS.get(version)
    if algorithm is None or said.get("algorithm", algorithm) != algorithm or len(said) != len(parts) or said.keys() - {"algorithm", "version"}:
        raise InvalidCredential("X-Ops-Sign is not known here: use algorithm=sha1 with version=1.0 or 1.1, or algorithm=sha256 with version=1.3")
    return version


def _read_time(text: str) -> Instant:
    try:
        if not _TIME.fullmatch(text):
            raise ValueError
        return int(datetime.fromisoformat(text).timestamp()) * 1_000_000
    except ValueError as error:
        raise InvalidCredential("X-Ops-Timestamp must be a time in UTC, such as 2026-01-31T12:00:00Z") from error


def _join_pieces(headers: Mapping[str, str]) -> bytes:
    """The signature, which comes in pieces that are numbered from 1."""
    count = sum(name.startswith(_PREFIX) for name in headers)
    numbered = [headers.get(f"{_PREFIX}{number}") for number in range(1, min(count, MOST_PIECES) + 1)]
    pieces = [piece for piece in numbered if piece is not None]
    try:
        if not all(pieces) or len(pieces) != count or not count:
            raise ValueError
        return base64.b64decode("".join(pieces), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidCredential("X-Ops-Authorization-1 and those that follow are incomplete, or no base64: sign the request again") from error


# -- what is signed ----------------------------------------------------------------------------------------------------


def write_text(signature: Signature, method: str, path: str) -> bytes:
    """The text that was signed. `path` is as it was sent: without the query, with its escapes."""
    path = _SLASHES.sub("/", path)
    path = path[:-1] if len(path) > 1 and path.endswith("/") else path
    user = _hash(signature.user, "sha1") if signature.version in ("1.1", "1.2") else signature.user
    if signature.version == "1.3":
        lines = [
            f"Method:{method}",
            f"Path:{path}",
            f"X-Ops-Content-Hash:{signature.digest}",
            "X-Ops-Sign:version=1.3",
            f"X-Ops-Timestamp:{signature.timestamp}",
            f"X-Ops-UserId:{user}",
            f"X-Ops-Server-API-Version:{signature.api_version}",
        ]
    else:
        lines = [
            f"Method:{method}",
            f"Hashed Path:{_hash(path, 'sha1')}",
            f"X-Ops-Content-Hash:{signature.digest}",
            f"X-Ops-Timestamp:{signature.timestamp}",
            f"X-Ops-UserId:{user}",
        ]
    return "\n".join(lines).encode("latin-1", "replace")


def _hash(text: str, algorithm: str) -> str:
    return base64.b64encode(hashlib.new(algorithm, text.encode("latin-1", "replace")).digest()).decode()


def is_made_by(signature: Signature, key: str, method: str, path: str) -> bool:
    """Whether the holder of this public key signed this request. The key is one that `read_key` took."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    public, text = load_pem_public_key(key.encode()), write_text(signature, method, path)
    assert isinstance(public, RSAPublicKey)
    try:
        if signature.version in ("1.0", "1.1"):  # the text itself under the key, and no digest of it
            return public.recover_data_from_signature(signature.signature, PKCS1v15(), None) == text
        public.verify(signature.signature, text, PKCS1v15(), SHA256() if signature.version == "1.3" else SHA1())
    except (InvalidSignature, ValueError):
        return False
    return True


def is_digest_of(signature: Signature, digest: str) -> bool:
    """Whether the signature speaks of what has this digest, in hex."""
    return signature.digest == base64.b64encode(bytes.fromhex(digest)).decode()


# -- keys --------------------------------------------------------------------------------------------------------------


class Key(Struct):
    """A public key in the one shape that is kept, and the SHA-256 of its DER."""

    pem: str
    fingerprint: str
    bits: int


def read_key(text: str) -> Key:
    """An RSA public key in PEM, of either kind. Raises `Invalid`."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    try:
        if len(text) > PEM_LIMIT or "PRIVATE" in text:
            raise ValueError
        public = load_pem_public_key(text.strip().encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Invalid("key must be an RSA public key in PEM: `openssl rsa -in key.pem -pubout` writes it; never send the private one") from error
    if not isinstance(public, RSAPublicKey) or not SMALLEST <= public.key_size <= LARGEST or public.public_numbers().e not in EXPONENTS:
        raise Invalid(f"key must be an RSA key of {SMALLEST} to {LARGEST} bits with an exponent of 65537 or more")
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return Key(pem=pem, fingerprint=hashlib.sha256(der).hexdigest(), bits=public.key_size)
