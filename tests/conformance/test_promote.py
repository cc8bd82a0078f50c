"""Versions of every format promoted to another project: their clients find them there, with the digests they had."""

from __future__ import annotations

import hashlib
import json

from .conftest import make_home
from .driver import Ask, Client
from .furniture import DEVELOPER, PRIVATE
from .server import Server


def test_promoted(server: Server, client: Client) -> None:
    """What was promoted could be listed and not served, served and not listed, or be other bytes."""
    source, target = make_home(server, client, PRIVATE), make_home(server, client, PRIVATE)
    worker = server.furniture.member(source.project, DEVELOPER)
    server.furniture.join(target.project, server.furniture.owner_of(worker), DEVELOPER)
    sample = source.publish_new()
    rows = source.send(Ask("GET", f"/api/v4/projects/{source.project}/packages?include_versionless=true"), source.maintainer).json()
    assert rows
    for row in rows:
        body, headers = json.dumps({"to": target.project}).encode(), {"Content-Type": "application/json"}
        ask = Ask("POST", f"/api/v4/projects/{source.project}/packages/{row['id']}/-/promote", body, headers)
        source.send(ask, worker).expect(201)
        source.send(ask, worker).expect(200)
    got = target.fetch(sample).expect(200)
    assert hashlib.sha256(got.body).hexdigest() == sample.sha256
    listing = target.listing(sample).expect(200)
    assert client.shows(listing.body, sample)
    source.delete(sample)
    assert target.fetch(sample).expect(200).body == got.body
