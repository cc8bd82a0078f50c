"""The form of our tokens: a prefix for the kind, 256 random bits in base62, and a checksum that catches typing errors."""

from __future__ import annotations

import hashlib
import secrets
import zlib

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIXES = {"personal": "phpat", "project": "phprj", "group": "phgrp", "deploy": "phdep", "job": "phjob", "session": "phses", "exchanged": "phoid"}
BODY = 43  # characters that hold 256 bits in base 62

USER_SCOPES = frozenset(
    [
        "api",
        "read_api",
        "read_registry",
        "write_registry",
        "read_virtual_registry",
        "write_virtual_registry",
        "read_user",
        "read_repository",
        "write_repository",
        "self_rotate",
        "admin_mode",
        "sudo",
        "create_runner",
        "manage_runner",
        "k8s_proxy",
        "ai_features",
    ]
)
DEPLOY_SCOPES = frozenset(
    [
        "read_repository",
        "read_registry",
        "write_registry",
        "read_package_registry",
        "write_package_registry",
        "delete_package_registry",
        "read_virtual_registry",
        "write_virtual_registry",
    ]
)


def make_token(kind: str) -> str:
    """A new secret of this kind."""
    body = f"{PREFIXES[kind]}_{_base62(secrets.randbits(256), BODY)}"
    return body + _check(body)


def hash_token(secret: str) -> bytes:
    """What is stored and looked up. The secret holds 256 random bits, so one fast hash is the right one."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def is_mistyped(secret: str) -> bool:
    """It has the form of one of ours, and its checksum is wrong."""
    prefix, _, rest = secret.partition("_")
    return prefix in PREFIXES.values() and len(rest) == BODY + 6 and _check(secret[:-6]) != secret[-6:]


def _check(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), 6)


def _base62(number: int, width: int) -> str:
    out = []
    for _ in range(width):
        number, rest = divmod(number, 62)
        out.append(ALPHABET[rest])
    return "".join(reversed(out))
