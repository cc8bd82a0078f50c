"""Published means immutable: the same bytes again are a success, other bytes are refused in the format's own way."""

from __future__ import annotations

from .conftest import Home
from .driver import Client


def test_same_bytes_again(home: Home) -> None:
    """A retry after an unclear answer could fail, or move the index."""
    sample = home.publish_new()
    before = home.listing(sample).expect(200)
    assert home.publish(sample).status in (200, 201)
    after = home.listing(sample).expect(200)
    assert (after.body, after.headers["etag"]) == (before.body, before.headers["etag"])
    assert home.fetch(sample).expect(200).body == sample.content


def test_other_bytes(home: Home) -> None:
    """A published file could be replaced, or the refusal could hide which bytes are meant."""
    sample, other = home.publish_new(variant=0), home.client.sample(variant=1)
    assert other.content != sample.content and other.filename == sample.filename
    before = home.listing(sample).expect(200).body
    refused = home.publish(other)
    assert refused.status == home.client.conflict, refused.text
    assert sample.sha256 in refused.text and other.sha256 in refused.text
    assert home.listing(sample).expect(200).body == before
    assert home.fetch(sample).expect(200).body == sample.content


def test_other_bytes_by_anybody(home: Home) -> None:
    """Whoever may publish a new version could also replace an old one, with another token or as the owner."""
    sample, other = home.publish_new(variant=0), home.client.sample(variant=1)
    furniture = home.server.furniture
    owner = furniture.member(home.project, 50)
    writer = furniture.deploy_token(home.project, "read_package_registry", "write_package_registry", "delete_package_registry")
    for login in (owner, writer):
        assert home.publish_as(other, login).status == home.client.conflict
    assert home.fetch(sample).expect(200).body == sample.content


def test_same_name_elsewhere(home: Home, client: Client) -> None:
    """A name taken in one project could be taken in another one too."""
    home.publish_new(variant=0)
    elsewhere = Home(home.server, client, home.server.furniture.project(), home.maintainer)
    home.server.furniture.join(elsewhere.project, home.server.furniture.owner_of(home.maintainer), 40)
    elsewhere.publish_new(variant=1)
