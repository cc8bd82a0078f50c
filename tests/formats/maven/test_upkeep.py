"""Builds of a snapshot that go by themselves, where a project keeps only the newest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import update

from packhouse.db import events
from packhouse.db import upkeep as rows
from packhouse.db.engine import now
from packhouse.db.tables import package_policy
from packhouse.jobs.upkeep import keep_house
from packhouse.model import write_time
from packhouse.packages import upkeep

from . import samples
from .house import PUBLIC, Answer, House, Shop

LIB = "com/acme/lib"
SNAPSHOT = f"{LIB}/1.1-SNAPSHOT"
BUILDS = [f"1.1-2026010{number}.030405-{number}" for number in range(1, 5)]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("house"))
    yield house
    house.close()


@pytest.fixture
def shop(house: House) -> Shop:
    """A project of this test's own."""
    return Shop(house)


def ask_policy(shop: Shop, body: bytes | None = None, token: str | None = "") -> Answer:
    method = "GET" if body is None else "PATCH"
    path = f"/api/v4/projects/{shop.project}/-/packages/cleanup_policy"
    return shop.house.ask(method, path, body, {"content-type": "application/json"}, token)


def keep(shop: Shop, number: int | str) -> dict[str, Any]:
    answer = ask_policy(shop, b'{"keep_n_duplicated_package_files": "%s"}' % str(number).encode())
    return answer.expect(200).json()  # type: ignore[no-any-return]


def deploy(shop: Shop, *tails: str) -> None:
    for build in BUILDS:
        for tail in tails:
            body = samples.pom(LIB, "1.1-SNAPSHOT") if tail == ".pom" else f"{build}{tail}".encode()
            shop.put(f"{SNAPSHOT}/lib-{build}{tail}", body).expect(200)


def run_when_due(shop: Shop) -> int:
    """A run of the job at a time when the policy of this project is due."""
    shop.house.write(lambda connection: connection.execute(update(package_policy).values(next_run_at=now() - 1)))
    return shop.house.work(upkeep.keep_newest)  # type: ignore[no-any-return]


def test_keeps_the_newest_builds(shop: Shop) -> None:
    """Builds stay for ever, or one goes that the metadata names, or a file that is no build."""
    deploy(shop, ".jar", ".pom")
    shop.put(f"{SNAPSHOT}/lib-{BUILDS[0]}-sources.jar", b"sources").expect(200)
    shop.put(f"{SNAPSHOT}/notes.txt", b"notes").expect(200)
    shop.put(f"{LIB}/1.0/lib-1.0.jar", b"release").expect(200)
    keep(shop, 1)

    assert run_when_due(shop) == 6

    kept = {f"lib-{BUILDS[3]}.jar", f"lib-{BUILDS[3]}.pom", f"lib-{BUILDS[0]}-sources.jar", "notes.txt", "lib-1.0.jar"}
    assert shop.files() == kept
    metadata = shop.get(f"{SNAPSHOT}/maven-metadata.xml").expect(200).text
    assert set(re.findall(r"<value>([^<]+)</value>", metadata)) == {BUILDS[3], BUILDS[0]}
    assert "<version>1.1-SNAPSHOT</version>" in shop.get(f"{LIB}/maven-metadata.xml").expect(200).text
    shop.get(f"{SNAPSHOT}/lib-{BUILDS[0]}.jar").expect(404)


def test_what_went_is_there_at_an_earlier_moment(shop: Shop) -> None:
    """A build that a lock file names could not be had any more, not even from before it went."""
    deploy(shop, ".jar")
    keep(shop, 1)
    before = write_time(now())
    assert run_when_due(shop) == 3

    path = f"/api/v4/projects/{shop.project}/-/at/{before}/packages/maven/{SNAPSHOT}"
    assert shop.house.ask("GET", f"{path}/lib-{BUILDS[0]}.jar").expect(200).body == f"{BUILDS[0]}.jar".encode()


def test_nothing_goes_by_itself(shop: Shop) -> None:
    """Builds go though nobody asked for it, or before their time, or although all are to be kept again."""
    deploy(shop, ".jar")
    assert ask_policy(shop).expect(200).json() == {"keep_n_duplicated_package_files": "all", "next_run_at": None}
    assert shop.house.work(upkeep.keep_newest) == 0
    assert keep(shop, 10)["keep_n_duplicated_package_files"] == 10
    assert run_when_due(shop) == 0
    assert keep(shop, 1)["next_run_at"] > write_time(now() + 11 * upkeep.HOUR)
    assert shop.house.work(upkeep.keep_newest) == 0
    keep(shop, "all")
    assert run_when_due(shop) == 0
    assert len(shop.files()) == len(BUILDS)


def test_the_next_run_is_half_a_day_later(shop: Shop) -> None:
    """The job goes over every project again and again, or never again."""
    keep(shop, 1)
    run_when_due(shop)
    policy = shop.house.write(rows.get_policy, shop.project)
    assert upkeep.EVERY - upkeep.HOUR < policy.next_run_at - now() <= upkeep.EVERY


def test_one_process_does_it(shop: Shop) -> None:
    """Several processes of one instance go over the same files at once, or none does."""
    deploy(shop, ".jar")
    keep(shop, 1)
    shop.house.write(lambda connection: connection.execute(update(package_policy).values(next_run_at=now() - 1)))
    shop.house.write(lambda connection: events.take_lease(connection, "upkeep", "one", now(), 900))
    shop.house.work(keep_house, "another")
    assert len(shop.files()) == len(BUILDS)
    shop.house.work(keep_house, "one")
    assert shop.files() == {f"lib-{BUILDS[3]}.jar"}


@pytest.mark.parametrize("value", ["0", "2", "-1", "ten", "", "null"])
def test_other_numbers_are_refused(shop: Shop, value: str) -> None:
    """A project keeps no build at all, or a number that no page can show."""
    ask_policy(shop, b'{"keep_n_duplicated_package_files": "%s"}' % value.encode()).expect(400)
    assert ask_policy(shop).json()["keep_n_duplicated_package_files"] == "all"


def test_nobody_else_sets_it(shop: Shop) -> None:
    """Whoever has no right here would let builds go."""
    ask_policy(shop, b'{"keep_n_duplicated_package_files": 1}', token=None).expect(404)
    open_shop = Shop(shop.house, shop.house.project(visibility=PUBLIC))
    ask_policy(open_shop, b'{"keep_n_duplicated_package_files": 1}', token=None).expect(403)
    assert ask_policy(open_shop).expect(200).json()["keep_n_duplicated_package_files"] == "all"


def test_warnings_are_those_of_the_newest_pom(shop: Shop) -> None:
    """A page would warn of a POM that was put right since, or the REST answer would hide what the page says."""
    wrong, right = samples.pom("org/other/thing", "9.9"), samples.pom(LIB, "1.1-SNAPSHOT")

    def warnings() -> list[str]:
        [package] = shop.packages()
        answer = shop.house.ask("GET", f"/api/v4/projects/{shop.project}/packages/{package['id']}").expect(200).json()
        return answer.get("warnings", [])  # type: ignore[no-any-return]

    shop.put(f"{SNAPSHOT}/lib-{BUILDS[0]}.pom", wrong).expect(200)
    [said] = warnings()
    assert "org.other:thing:9.9" in said
    shop.put(f"{SNAPSHOT}/lib-{BUILDS[1]}.pom", right).expect(200)
    assert warnings() == []
    shop.put(f"{SNAPSHOT}/lib-{BUILDS[2]}.pom", wrong).expect(200)
    assert len(warnings()) == 1
