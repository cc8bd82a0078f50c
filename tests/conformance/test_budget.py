"""What a request may cost the database (notes, section 7): counted, not timed, and not growing with what is stored."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .driver import Ask, Client, Sample
from .furniture import PRIVATE, REPORTER, Login
from .inside import Inside

PUBLISH_MOST = 22
"""Statements of a publish of up to three files: some reads before, the rest in its one transaction."""


class Desk:
    """A project inside an application, with some versions in it."""

    def __init__(self, inside: Inside, client: Client) -> None:
        self.inside = inside
        self.client = client
        self.project = inside.furniture.project(PRIVATE)
        self.maintainer = inside.furniture.member(self.project, 40)
        self.reader = inside.furniture.member(self.project, REPORTER)

    def publish(self, version: str, name: str = "alpha") -> Sample:
        sample = self.client.sample(name, version)
        self.send(self.client.publish(self.project, sample), self.maintainer, 200, 201)
        return sample

    def send(self, ask: Ask, login: Login | None, *statuses: int) -> list[str]:
        """The statements of one request, nothing remembered from before."""
        self.inside.forget()
        status, _, body = self.inside.ask(ask, login)
        assert status in statuses, (status, body[:300])
        return list(self.inside.statements)


@pytest.fixture(scope="module", name="inside")
def run_inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """One application for the module."""
    with Inside(tmp_path_factory.mktemp("inside") / "data") as inside:
        yield inside


@pytest.fixture(name="desk")
def furnish(inside: Inside, client: Client) -> Desk:
    """A project of the test's own."""
    return Desk(inside, client)


def test_any_request_costs_one(desk: Desk) -> None:
    """To find out who asks, and whether they may, could take more than one look."""
    sample = desk.publish("1.0.0")
    stranger = desk.inside.furniture.token(desk.inside.furniture.user())
    ask = desk.client.fetch(desk.project, sample)
    assert len(desk.send(ask, stranger, 404)) == 1
    assert len(desk.send(ask, None, 401)) == 1
    by_path = desk.client.fetch(desk.inside.furniture.path_of(desk.project).replace("/", "%2F"), sample)
    # whether it is an old path is asked for the hidden and the absent alike: else the time would tell them apart
    assert len(desk.send(by_path, stranger, 404)) == 2
    assert len(desk.send(by_path, desk.reader, 200)) == 2


def test_fetching_a_file_costs_one_more(desk: Desk) -> None:
    """A download could ask the database for more than who asks and where the file is."""
    sample = desk.publish("1.0.0")
    statements = desk.send(desk.client.fetch(desk.project, sample), desk.reader, 200)
    assert len(statements) == 2, statements


def test_unchanged_index_costs_one_more(desk: Desk) -> None:
    """An index that is in memory could be looked for anywhere but at its generation."""
    if not desk.client.format.indexes:
        pytest.skip(f"{desk.client.name} has no index")
    sample = desk.publish("1.0.0")
    ask = desk.client.listing(desk.project, sample)
    desk.send(ask, desk.reader, 200)
    statements = desk.send(ask, desk.reader, 200)
    assert len(statements) == 2, statements
    assert desk.inside.transactions == 0


def test_stale_index_reads_rows_once(desk: Desk) -> None:
    """An index that has to be made could cost more with every version that it lists."""
    if not desk.client.format.indexes:
        pytest.skip(f"{desk.client.name} has no index")
    costs = []
    for n in range(6):
        sample = desk.publish(f"{n}.0.0")
        costs.append(len(desk.send(desk.client.listing(desk.project, sample), desk.reader, 200)))
    stored = any(index.set_up for index in desk.client.format.indexes.values())  # signed: kept, document by document, as many as there are lists
    assert len(set(costs[stored:])) == 1, costs
    assert costs[0] <= (50 if stored else 9), costs


def test_publishing_does_not_grow(desk: Desk) -> None:
    """A publish could cost more with every version that is there already, or take more than one transaction."""
    costs = []
    for n in range(12):
        sample = desk.client.sample("alpha", f"{n}.0.0")
        costs.append(len(desk.send(desk.client.publish(desk.project, sample), desk.maintainer, 200, 201)))
        assert desk.inside.transactions == 1
    assert len(set(costs[1:])) == 1, costs
    assert max(costs) <= PUBLISH_MOST, costs


def test_refused_publish_writes_nothing(desk: Desk) -> None:
    """A refusal could leave a trace in the database."""
    desk.publish("1.0.0")
    ask = desk.client.publish(desk.project, desk.client.sample("alpha", "2.0.0"))
    assert len(desk.send(ask, desk.reader, 403)) == 1
    assert desk.inside.transactions == 0


def test_reading_never_writes(desk: Desk) -> None:
    """A download or a list could wait for a writer."""
    sample = desk.publish("1.0.0")
    desk.send(desk.client.listing(desk.project, sample), desk.reader, 200)
    for ask in (desk.client.fetch(desk.project, sample), desk.client.listing(desk.project, sample)):
        desk.send(ask, desk.reader, 200)
        assert desk.inside.transactions == 0
