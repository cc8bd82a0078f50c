"""A release and a signer → the same, clear-signed, and the signature beside it."""

from __future__ import annotations

from packhouse.contract import Documents, NewDocument, Signer

from .index import TEXT


def sign_release(made: Documents, signer: Signer) -> Documents:
    """The documents and their signatures."""
    body = made["release"].body
    return {
        **made,
        "release.signed": NewDocument(body=signer.clear(body), media_type=TEXT),
        "release.sig": NewDocument(body=signer.detached(body), media_type=TEXT),
    }
