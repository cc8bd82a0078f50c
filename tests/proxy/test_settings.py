"""The settings of a group's proxy, emptying it, and what it forgets by itself."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from stand import ADMIN_TOKEN, Stand
from wire import basic

from packhouse.assemble import make_house
from packhouse.db.engine import now
from packhouse.packages.collect import Horizon, collect
from packhouse.proxy.jobs import forget
from packhouse.settings import Settings

from .conftest import Front, Group, Registry, make_group

DAY = 86_400_000_000


def database(stand: Stand) -> sqlite3.Connection:
    return sqlite3.connect(stand.data / "packhouse.sqlite3", timeout=30)


def forget_at(stand: Stand, at: int) -> None:
    """What the job does at this instant."""

    async def run() -> None:
        house = make_house(Settings(data=str(stand.data)))
        await house.database.start()
        try:
            await forget(house, "test", at)
        finally:
            await house.database.close()

    with closing(database(stand)) as connection, connection:
        connection.execute("DELETE FROM lease WHERE name = 'dependency_proxy'")
    asyncio.run(run())


def test_defaults(house: Stand) -> None:
    """A group would not have a proxy by default, or show one that differs from what is in force."""
    group = house.make_group()
    shown = house.want(200, "GET", f"/groups/{group['id']}/dependency_proxy")
    assert shown == {
        "enabled": True,
        "upstream_url": None,
        "effective_upstream_url": None,
        "identity": None,
        "auth_hosts": [],
        "library_prefix": None,
        "ttl_days": None,
        "image_prefix": f"{house.host}/{group['path']}/dependency_proxy/containers",
        "blob_count": 0,
        "image_count": 0,
        "total_size": 0,
    }


def test_no_upstream(group: Group) -> None:
    """Without an upstream, a pull would end in something else than a 503 that says why."""
    group.set(upstream_url=None)
    answer = group.get("team/image/manifests/1").expect(503)
    assert answer.json()["errors"][0]["code"] == "UNAVAILABLE"
    assert "No upstream" in answer.text


def test_upstream_of_the_instance(registry: Registry, front: Front, other: Front, tmp_path: Path) -> None:
    """A group that names no upstream would not use the instance's, or one that names its own would not use that."""
    image = registry.push()
    environment = {"PACKHOUSE_OUTBOUND_ALLOW": "127.0.0.1", "PACKHOUSE_DEPENDENCY_PROXY_UPSTREAM": f"{front.url}/v2/"}
    with Stand(tmp_path / "data", environment) as stand:
        group = make_group(stand, other)
        group.manifest(image).expect(200)
        assert (len(front.seen), len(other.seen)) == (0, 1)
        assert group.set(upstream_url="")["effective_upstream_url"] == front.url
        group.manifest(image).expect(200)
        assert len(front.seen) == 1


def test_switched_off(group: Group, registry: Registry, tmp_path: Path) -> None:
    """A proxy that is off would still give out what it has."""
    image = registry.push()
    group.pull(image)
    group.set(enabled=False)
    group.manifest(image).expect(404)
    group.blob(image).expect(404)
    group.set(enabled=True)
    group.manifest(image).expect(200)


def test_off_for_the_instance(tmp_path: Path, registry: Registry, front: Front) -> None:
    """An instance without dependency proxies would still have them."""
    with Stand(tmp_path / "data", {"PACKHOUSE_OUTBOUND_ALLOW": "127.0.0.1", "PACKHOUSE_DEPENDENCY_PROXY": "false"}) as stand:
        group = make_group(stand, front, service="container_registry")
        group.manifest(registry.push()).expect(404)
        assert stand.api("DELETE", f"{group.api}/cache").status == 404
        assert stand.http.get("/jwt/auth?service=dependency_proxy", basic("root", ADMIN_TOKEN)).status == 404
        stand.http.get("/jwt/auth?service=container_registry", basic("root", ADMIN_TOKEN)).expect(200)
    assert front.seen == []


def test_secret_is_not_shown_nor_stored_plain(registry: Registry, front: Front, tmp_path: Path) -> None:
    """A secret could be read back, or lie in the database, the log or a file that others may read."""
    with Stand(tmp_path / "data", {"PACKHOUSE_OUTBOUND_ALLOW": "127.0.0.1"}) as stand:
        group = make_group(stand, front)
        shown = group.set(identity="robot", secret="s3cret-of-this-test")
        assert shown["identity"] == "robot" and "secret" not in shown
        assert "s3cret" not in str(stand.want(200, "GET", group.api))
        front.fault = lambda handler: handler.answer(500) is None
        group.get("team/x/manifests/1").expect(503)
        key = stand.data / "keys" / "upstream" / "key"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        with closing(database(stand)) as connection:
            events = [row[0] for row in connection.execute("SELECT detail FROM event WHERE what = 'dependency_proxy_settings'")]
        assert any("robot" in detail for detail in events)
    for path in (stand.log, *(path for path in stand.data.rglob("*") if path.is_file())):
        assert b"s3cret-of-this-test" not in path.read_bytes(), path


@pytest.mark.parametrize(
    "settings",
    [
        {"identity": "robot"},
        {"secret": "s"},
        {"identity": "a:b", "secret": "s"},
        {"upstream_url": "registry.example"},
        {"upstream_url": "ftp://registry.example"},
        {"upstream_url": "https://user:pass@registry.example"},
        {"upstream_url": "https://registry.example/?x=1"},
        {"upstream_url": "https://registry.example/a/../b"},
        {"upstream_url": "https://registry.example:99999"},
        {"upstream_url": "http://10.1.2.3"},
        {"upstream_url": "http://169.254.169.254"},
        {"upstream_url": "http://[::1]:5000"},
        {"upstream_url": "https://" + "a" * 300},
        {"ttl_days": -1},
        {"ttl_days": "soon"},
        {"ttl_days": 100_000},
        {"auth_hosts": "https://auth.example/token"},
        {"upstream_url": "http://registry.example", "identity": "a", "secret": "b"},
        {"enabled": "perhaps"},
    ],
)
def test_unusable_settings(group: Group, settings: dict[str, object]) -> None:
    """A setting that cannot work would be stored, or refused without saying which it is."""
    before = group.stand.want(200, "GET", group.api)
    answer = group.stand.api("PUT", group.api, settings).expect(400)
    assert any(name in answer.json()["error"] for name in ("identity", "secret", "upstream_url", "ttl_days", "auth_hosts", "enabled"))
    assert group.stand.want(200, "GET", group.api) == before


def test_settings_are_kept(group: Group) -> None:
    """A field that was not sent would change, or one that was would not."""
    group.set(ttl_days=7, auth_hosts=["auth.example", "auth.example:8443"], library_prefix=True)
    shown = group.set(enabled=True)
    assert (shown["ttl_days"], shown["library_prefix"], shown["upstream_url"]) == (7, True, group.front.url)
    assert shown["auth_hosts"] == ["auth.example", "auth.example:8443"]
    assert group.set(ttl_days=0, library_prefix=None)["ttl_days"] is None


def test_purge(group: Group, registry: Registry) -> None:
    """A purge would leave something behind, or could be asked for without end."""
    image = registry.push()
    group.pull(image)
    assert group.stand.api("DELETE", f"{group.api}/cache").expect(202).body in (b"", b"202", b'{"message":"202 Accepted"}')
    assert group.stand.want(200, "GET", group.api)["blob_count"] == 0
    group.front.seen.clear()
    group.pull(image)
    assert [seen.method for seen in group.front.seen] == ["GET"] * 3
    assert "once an hour" in group.stand.api("DELETE", f"{group.api}/cache").expect(409).text
    assert group.stand.want(200, "GET", group.api)["blob_count"] == 2


def test_retention(registry: Registry, front: Front, tmp_path: Path) -> None:
    """What nobody reads would be kept for ever although the group says otherwise, what is read go, or the rows stay behind."""
    old, used = registry.push(), registry.push()
    with Stand(tmp_path / "data", {"PACKHOUSE_OUTBOUND_ALLOW": "127.0.0.1"}) as stand:
        group = make_group(stand, front)
        group.pull(old)
        group.pull(used)
        forget_at(stand, now() + 1000 * DAY)
        assert stand.want(200, "GET", group.api)["image_count"] == 2  # no policy: nothing goes
        group.set(ttl_days=7)
        forget_at(stand, now() + 6 * DAY)
        assert stand.want(200, "GET", group.api)["image_count"] == 2
        with closing(database(stand)) as connection, connection:
            connection.execute("UPDATE proxy_entry SET read_at = read_at - ?", (8 * DAY,))
        group.pull(used)  # sets its clock back
        stand.restart()
        forget_at(stand, now())
        assert stand.want(200, "GET", group.api)["image_count"] == 1
        front.seen.clear()
        group.pull(used)
        assert [seen.method for seen in front.seen] == ["HEAD"]
        group.pull(old)
        assert len(front.asked("GET")) == 3
        with closing(database(stand)) as connection:
            assert connection.execute("SELECT count(*) FROM proxy_entry WHERE expired IS NOT NULL").fetchone() == (0,)
            assert connection.execute("SELECT count(*) FROM event WHERE what = 'dependency_proxy_expire'").fetchone() == (1,)


def test_forgetting_on_both_databases(registry: Registry, front: Front, tmp_path: Path, database_url: str) -> None:
    """What nobody reads would be forgotten on one database, and never on the other."""
    image = registry.push()

    async def run(at: int) -> None:
        house = make_house(Settings(data=str(tmp_path / "data"), database_url=database_url))
        await house.database.start()
        try:
            await forget(house, "test", at)
        finally:
            await house.database.close()

    with Stand(tmp_path / "data", {"PACKHOUSE_OUTBOUND_ALLOW": "127.0.0.1", "PACKHOUSE_DATABASE_URL": database_url}) as stand:
        group = make_group(stand, front)
        group.pull(image)
        group.set(ttl_days=7)
        for days, left in ((6, 1), (8, 0)):
            asyncio.run(run(now() + days * DAY))
            assert stand.want(200, "GET", group.api)["image_count"] == left


def test_fetches_are_in_the_log(group: Group, registry: Registry) -> None:
    """What came from an upstream, and for whom, could not be told afterwards."""
    image = registry.push()
    group.pull(image)
    with closing(database(group.stand)) as connection:
        rows = connection.execute(
            "SELECT actor, detail FROM event WHERE what = 'fetch' AND project_id = ? ORDER BY id", (group.group["id"],)
        ).fetchall()
    assert [row[0] for row in rows] == [group.guest.user] * 3
    assert all(image.name in row[1] and group.front.url in row[1] for row in rows)


def collect_at(stand: Stand, at: int) -> None:
    """A round of garbage collection, to which everything seems old."""

    async def run() -> None:
        house = make_house(Settings(data=str(stand.data)))
        await house.database.start()
        try:
            await collect(house, Horizon(now=at, grace=at, retained=at, sweep=at))
        finally:
            await house.database.close()

    asyncio.run(run())


def test_collection(registry: Registry, front: Front, tmp_path: Path) -> None:
    """Collection would take what is cached, or leave the bytes of what was purged."""
    image = registry.push()
    with Stand(tmp_path / "data", {"PACKHOUSE_OUTBOUND_ALLOW": "127.0.0.1"}) as stand:
        group = make_group(stand, front)
        group.pull(image)
        stored = stand.data / "blobs" / image.layer_digest[7:9] / image.layer_digest[7:]
        collect_at(stand, now() + 1000 * DAY)
        assert group.blob(image).expect(200).body == image.layer
        stand.api("DELETE", f"{group.api}/cache").expect(202)
        forget_at(stand, now())
        assert stored.exists()
        collect_at(stand, now() + 1000 * DAY)
        assert not stored.exists()
        assert [answer.expect(200).body for answer in group.pull(image)] == [image.manifest, image.config, image.layer]
