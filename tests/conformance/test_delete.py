"""Deleting: gone from file and index, gone only once, and free to be published again."""

from __future__ import annotations

from wire import Answer

from .conftest import Home
from .driver import Ask, Sample


def delete_noting(home: Home, sample: Sample) -> tuple[Answer, list[Ask]]:
    """The deletion, and the requests it took that were no reads."""
    asked: list[Ask] = []

    def send(ask: Ask) -> Answer:
        if ask.method != "GET":
            asked.append(ask)
        return home.send(ask)

    answer = home.client.delete(home.project, sample, send)
    return answer, asked


def test_deleted_is_gone(home: Home) -> None:
    """A deleted version could still be fetched, or be offered by the index."""
    first, second = home.publish_new(version="1.0.0"), home.publish_new(version="2.0.0")
    home.delete(first).expect(200, 202, 204)
    home.fetch(first).expect(404)
    assert not home.client.shows(home.listing(first).body, first)
    assert home.client.shows(home.listing(second).expect(200).body, second)
    assert home.fetch(second).expect(200).body == second.content


def test_deleted_twice(home: Home) -> None:
    """Deleting what is gone could pass for a success, or break something."""
    sample = home.publish_new()
    answer, asked = delete_noting(home, sample)
    answer.expect(200, 202, 204)
    assert asked
    home.send(asked[-1]).expect(404)


def test_emptied_package(home: Home) -> None:
    """A package without versions could be offered still, or answer with anything but an empty list or 404."""
    sample, other = home.publish_new("alpha"), home.publish_new("beta")
    home.delete(sample).expect(200, 202, 204)
    answer = home.listing(sample).expect(200, 404)
    assert not home.client.shows(answer.body, sample)
    for ask in home.client.documents("projects", home.project, sample):
        found = home.send(ask)
        assert found.status < 500 and sample.sha256 not in found.text
        assert found.status != 200 or not home.client.shows(found.body, sample), ask
    assert home.fetch(other).expect(200).body == other.content


def test_published_again(home: Home) -> None:
    """A package could not be corrected by deleting it and publishing it again, or the old bytes could come back."""
    sample, corrected = home.publish_new(variant=0), home.client.sample(variant=1)
    home.delete(sample).expect(200, 202, 204)
    home.publish(corrected).expect(200, 201)
    assert home.send(home.client.fetch(home.project, corrected)).expect(200).body == corrected.content
    listing = home.listing(corrected).expect(200)
    assert home.client.shows(listing.body, corrected)
    home.delete(corrected).expect(200, 202, 204)
    home.publish(sample).expect(200, 201)
    assert home.fetch(sample).expect(200).body == sample.content


def test_same_bytes_elsewhere_stay(home: Home) -> None:
    """Bytes that another project holds too could go with the first one's package."""
    sample = home.publish_new()
    furniture = home.server.furniture
    elsewhere = Home(home.server, home.client, furniture.project(), home.maintainer)
    furniture.join(elsewhere.project, furniture.owner_of(home.maintainer), 40)
    elsewhere.publish(sample).expect(200, 201)
    home.delete(sample).expect(200, 202, 204)
    home.fetch(sample).expect(404)
    assert elsewhere.fetch(sample).expect(200).body == sample.content
