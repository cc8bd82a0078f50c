"""A repomd.xml and a signer → the same, and the signature beside it."""

from __future__ import annotations

from packhouse.contract import Documents, NewDocument, Signer


def sign_repomd(made: Documents, signer: Signer) -> Documents:
    """The documents, with repomd.xml.asc."""
    return {**made, "repomd.xml.asc": NewDocument(body=signer.detached(made["repomd.xml"].body), media_type="application/pgp-signature")}
