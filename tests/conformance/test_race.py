"""Several publish at once, through both processes: the database decides, one wins, nobody sees a half state or a broken server."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from wire import Answer, basic
from wire import Client as Wire

from .conftest import BOTH, Home
from .driver import Ask

WRITERS = 16


def send_at_once(home: Home, asks: Sequence[Ask]) -> list[Answer]:
    """The answers, each over a connection of its own, all begun together."""
    barrier = threading.Barrier(len(asks))
    headers = basic(home.maintainer.user, home.maintainer.secret)

    def run(ask: Ask) -> Answer:
        with Wire(home.server.url) as wire:
            wire.get("/-/health")  # the connection is open before the start
            barrier.wait(30)
            return wire.request(ask.method, ask.path, ask.body, {**ask.headers, **headers})

    with ThreadPoolExecutor(len(asks)) as pool:
        return list(pool.map(run, asks))


@BOTH
def test_other_bytes_at_once(home: Home) -> None:
    """Two publishes of one file could both win, or the loser could get anything but the refusal."""
    samples = [home.client.sample(variant=n) for n in range(WRITERS)]
    answers = send_at_once(home, [home.client.publish(home.project, sample) for sample in samples])
    won = [sample for sample, answer in zip(samples, answers, strict=True) if answer.status in (200, 201)]
    lost = [answer for answer in answers if answer.status not in (200, 201)]
    assert len(won) == 1, [answer.status for answer in answers]
    assert {answer.status for answer in lost} == {home.client.conflict}, [answer.text for answer in lost]
    assert home.fetch(won[0]).expect(200).body == won[0].content
    assert home.client.shows(home.listing(won[0]).expect(200).body, won[0])


@BOTH
def test_same_bytes_at_once(home: Home) -> None:
    """A client that retries beside itself could lose its file: the copy of the bytes that counts could be taken for the spare one."""
    for round_ in range(4):
        sample = home.client.sample(version=f"{round_}.0.0")
        answers = send_at_once(home, [home.client.publish(home.project, sample)] * WRITERS)
        assert {answer.status for answer in answers} <= {200, 201}, [answer.text for answer in answers]
        assert home.fetch(sample).expect(200).body == sample.content


@BOTH
def test_versions_at_once(home: Home) -> None:
    """Of versions published at once one could be missing from the index, or be refused."""
    samples = [home.client.sample(version=f"{n}.0.0") for n in range(WRITERS)]
    answers = send_at_once(home, [home.client.publish(home.project, sample) for sample in samples])
    assert {answer.status for answer in answers} <= {200, 201}, [answer.text for answer in answers]
    for sample in samples:
        assert home.client.shows(home.listing(sample).expect(200).body, sample)
        assert home.fetch(sample).expect(200).body == sample.content


@BOTH
def test_delete_at_once(home: Home) -> None:
    """A file deleted by several at once could be deleted twice, or break the server."""
    sample = home.publish_new()
    removal = home.client.removal(home.project, sample, home.listing(sample).body)
    answers = send_at_once(home, [removal] * 8)
    assert {answer.status for answer in answers} <= {200, 204, 404, 409}, [answer.text for answer in answers]
    assert any(answer.status < 300 for answer in answers)
