"""A Release and a signer → the same, clear-signed, and the signature beside it."""

from __future__ import annotations

from packhouse.contract import Documents, NewDocument, Signer
from packhouse.formats.debian.index import TEXT


def sign_release(made: Documents, signer: Signer) -> Documents:
    """The documents, with InRelease and Release.gpg."""
    body = made["Release"].body
    return {
        **made,
        "InRelease": NewDocument(body=signer.clear(body), media_type=TEXT),
        "Release.gpg": NewDocument(body=signer.detached(body), media_type="application/pgp-signature"),
    }
