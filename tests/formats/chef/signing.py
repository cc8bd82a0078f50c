"""Signs requests as a client does: written apart from the reader, after mixlib-authentication, which `tests/clients/test_chef.py` runs itself."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KEY, OTHER = generate_private_key(65537, 2048), generate_private_key(65537, 2048)


def pem_of(key: RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def hash_of(content: bytes, algorithm: str) -> str:
    return base64.b64encode(hashlib.new(algorithm, content).digest()).decode()


def write_clock(offset: float = 0) -> str:
    """The time as clients send it."""
    return f"{datetime.fromtimestamp(datetime.now(UTC).timestamp() + offset, UTC):%Y-%m-%dT%H:%M:%SZ}"


def encrypt(key: RSAPrivateKey, text: bytes) -> bytes:
    """The text itself under the private key, as Ruby's `private_encrypt` makes it."""
    numbers = key.private_numbers()
    size = key.key_size // 8
    padded = b"\0\1" + b"\xff" * (size - 3 - len(text)) + b"\0" + text
    return pow(int.from_bytes(padded, "big"), numbers.d, numbers.public_numbers.n).to_bytes(size, "big")


def sign(
    method: str, path: str, content: bytes = b"", *, user: str = "alice", version: str = "1.0", key: RSAPrivateKey = KEY, at: str = "",
    api_version: str = "",
) -> dict[str, str]:  # fmt: skip
    """The headers of a signed request."""
    algorithm, at = "sha256" if version == "1.3" else "sha1", at or write_clock()
    path, digest = re.sub("/+", "/", path.partition("?")[0]).rstrip("/") or "/", hash_of(content, algorithm)
    if version == "1.3":
        text = f"Method:{method}\nPath:{path}\nX-Ops-Content-Hash:{digest}\nX-Ops-Sign:version=1.3\nX-Ops-Timestamp:{at}\nX-Ops-UserId:{user}"
        signature = key.sign(f"{text}\nX-Ops-Server-API-Version:{api_version or 0}".encode(), PKCS1v15(), SHA256())
    else:
        who = user if version == "1.0" else hash_of(user.encode(), "sha1")
        hashed = hash_of(path.encode(), "sha1")
        text = f"Method:{method}\nHashed Path:{hashed}\nX-Ops-Content-Hash:{digest}\nX-Ops-Timestamp:{at}\nX-Ops-UserId:{who}"
        signature = key.sign(text.encode(), PKCS1v15(), SHA1()) if version == "1.2" else encrypt(key, text.encode())
    pieces = re.findall(".{1,60}", base64.b64encode(signature).decode())
    return {
        "X-Ops-Sign": f"algorithm={algorithm};version={version};",
        "X-Ops-Userid": user,
        "X-Ops-Timestamp": at,
        "X-Ops-Content-Hash": digest,
        **({"X-Ops-Server-API-Version": api_version} if api_version else {}),
        **{f"X-Ops-Authorization-{number}": piece for number, piece in enumerate(pieces, 1)},
    }
