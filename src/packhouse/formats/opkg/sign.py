"""Lists and a signer → the same, with usign's signature for OpenWrt, an OpenPGP one for Yocto, and the key that usign's is checked with."""

from __future__ import annotations

import hashlib
from base64 import b64encode

from packhouse.contract import Documents, NewDocument, Signer
from packhouse.formats.opkg.index import TEXT

ALGORITHM = b"Ed"


def sign_feed(made: Documents, signer: Signer) -> Documents:
    """The documents, with Packages.sig, Packages.asc and key.pub."""
    packages = made["Packages"].body
    signed = signer.bare(packages)
    id_ = key_id(signed.key)
    return {
        **made,
        "Packages.sig": _write(f"signed by key {id_.hex()}", id_ + signed.signature),
        "Packages.asc": NewDocument(body=signer.detached(packages), media_type="application/pgp-signature"),
        "key.pub": _write(f"public key {id_.hex()}", id_ + signed.key),
    }


def key_id(key: bytes) -> bytes:
    """What usign calls a key: eight bytes, which routers find its file by."""
    return hashlib.sha256(key).digest()[:8]


def _write(comment: str, content: bytes) -> NewDocument:
    text = f"untrusted comment: {comment}\n{b64encode(ALGORITHM + content).decode()}\n"
    return NewDocument(body=text.encode(), media_type=TEXT)
