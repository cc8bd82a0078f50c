"""Pulling through a proxy: what the upstream is asked for, and what of it is kept."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from stand import DEVELOPER, Stand
from wire import Client

from .conftest import MANIFEST, Front, Group, Handler, Image, Registry, make_group, token_of

MIB = 1024 * 1024


def check(image: Image, answers: list[object]) -> None:
    bodies = [answer.expect(200).body for answer in answers]  # type: ignore[attr-defined]
    assert bodies == [image.manifest, image.config, image.layer]


def test_first_pull_asks_once(group: Group, registry: Registry) -> None:
    """A first pull would ask the upstream more than once for a thing, or give out other bytes or headers than it has."""
    image = registry.push()
    answers = group.pull(image)
    check(image, answers)
    assert [seen.method for seen in group.front.seen] == ["GET"] * 3
    assert answers[0].headers["Docker-Content-Digest"] == image.digest
    assert answers[0].headers["Content-Type"] == MANIFEST
    assert answers[0].headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert answers[2].headers["Docker-Content-Digest"] == image.layer_digest


def test_warm_pull_asks_one_head(group: Group, registry: Registry) -> None:
    """A pull of what is cached would cost more than one HEAD for its tag."""
    image = registry.push()
    group.pull(image)
    group.front.seen.clear()
    answers = group.pull(image)
    check(image, answers)
    assert [answer.headers["X-Cache"] for answer in answers] == ["HIT"] * 3
    assert [(seen.method, seen.path) for seen in group.front.seen] == [("HEAD", f"/v2/{image.name}/manifests/1")]


def test_digests_are_not_asked_for_again(group: Group, registry: Registry) -> None:
    """A manifest that came by its tag would be fetched again, or checked, by its digest."""
    image = registry.push()
    group.manifest(image)
    group.front.seen.clear()
    assert group.manifest(image, image.digest).expect(200).body == image.manifest
    assert group.front.seen == []


def test_head_stores_what_the_get_needs(group: Group, registry: Registry) -> None:
    """A client that asks for the head of a tag and then for its digest would leave nothing that serves when the upstream is down."""
    image = registry.push()
    head = group.manifest(image, method="HEAD").expect(200)
    assert (head.body, head.headers["Docker-Content-Digest"]) == (b"", image.digest)
    assert int(head.headers["Content-Length"]) == len(image.manifest)
    assert group.manifest(image, image.digest).expect(200).body == image.manifest
    assert len(group.front.seen) == 1
    group.front.stop()
    assert group.manifest(image, method="HEAD").expect(200).headers["Docker-Content-Digest"] == image.digest


def test_head_of_a_blob_fetches_nothing(group: Group, registry: Registry) -> None:
    """The size of a layer would be told wrongly, or the whole layer fetched for it."""
    image = registry.push()
    head = group.blob(image, method="HEAD").expect(200)
    assert int(head.headers["Content-Length"]) == len(image.layer)
    assert group.front.asked("GET") == []


def test_heads_are_their_gets(group: Group, registry: Registry) -> None:
    """A client that asks with HEAD first would decide by headers that GET does not have, before or after a thing is cached."""
    image = registry.push()
    paths = [f"{image.name}/blobs/{digest}" for digest in (image.layer_digest, "sha256:" + "0" * 64, "sha256:odd")]
    paths += [f"{image.name}/manifests/{reference}" for reference in ("1", image.digest, "absent", "sha256:odd")]
    for _ in range(2):
        for path in paths:
            head, got = (group.get(path, method) for method in ("HEAD", "GET"))
            assert (head.status, head.body) == (got.status, b""), path
            for name in ("Content-Type", "Content-Length", "Docker-Content-Digest", "Docker-Distribution-Api-Version"):
                assert got.status != 200 or got.headers[name] == head.headers[name], (path, name)


def test_moved_tag_is_followed(group: Group, registry: Registry) -> None:
    """A tag that moved upstream would still give the old image, or the old image be gone by its digest."""
    old = registry.push()
    group.pull(old)
    new = registry.push(old.name)
    answer = group.manifest(new).expect(200)
    assert (answer.body, answer.headers["Docker-Content-Digest"]) == (new.manifest, new.digest)
    check(new, group.pull(new))
    assert group.manifest(old, old.digest).expect(200).body == old.manifest


def test_same_digest_of_another_type_is_fetched_again(group: Group, registry: Registry) -> None:
    """A manifest whose media type changed upstream would be given out under the old one."""
    image = registry.push()
    body = image.manifest.replace(b'"mediaType": "' + MANIFEST.encode() + b'", ', b"", 1)
    digest = "sha256:" + hashlib.sha256(body).hexdigest()
    types = iter([MANIFEST] + ["application/vnd.docker.distribution.manifest.v2+json"] * 2)

    def typed(handler: Handler) -> bool:
        handler.answer(200, body, {"Content-Type": next(types), "Docker-Content-Digest": digest})
        return True

    group.front.fault = typed
    assert group.manifest(image).expect(200).headers["Content-Type"] == MANIFEST
    assert group.manifest(image).expect(200).headers["Content-Type"] == "application/vnd.docker.distribution.manifest.v2+json"


def test_misses_at_once_ask_once(group: Group, registry: Registry) -> None:
    """Clients that miss the same thing at the same moment, in whatever process, would each have it fetched."""
    image = registry.push(size=4 * MIB)
    asked, go = threading.Event(), threading.Event()

    def wait(handler: Handler) -> bool:
        asked.set()
        go.wait(30)
        return False

    group.front.fault = wait
    with ThreadPoolExecutor(20) as pool:
        layers = [pool.submit(group.blob, image) for _ in range(10)]
        manifests = [pool.submit(group.manifest, image) for _ in range(10)]
        assert asked.wait(30)
        go.set()
        assert all(layer.result().expect(200).body == image.layer for layer in layers)
        assert all(manifest.result().expect(200).body == image.manifest for manifest in manifests)
    assert group.front.asked("GET", "/blobs/") == [f"/v2/{image.name}/blobs/{image.layer_digest}"]
    assert group.front.asked("GET", "/manifests/") == [f"/v2/{image.name}/manifests/1"]


@contextlib.contextmanager
def begun(group: Group, image: Image) -> Iterator[http.client.HTTPResponse]:
    """The answer to a GET of the layer, its body not read."""
    connection = http.client.HTTPConnection(urlsplit(group.stand.url).netloc, timeout=25)
    connection.request("GET", f"{group.base}/{image.name}/blobs/{image.layer_digest}", headers=dict(group.headers))
    with contextlib.closing(connection), connection.getresponse() as response:
        yield response


class Halfway:
    """Sends half of a body, and the rest when told to."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def __call__(self, handler: Handler) -> bool:
        status, headers, body = handler.fetch()
        handler.start(status, headers, len(body))
        handler.wfile.write(body[: len(body) // 2])
        handler.wfile.flush()
        self.go.wait(60)
        handler.wfile.write(body[len(body) // 2 :])
        return True


def test_first_client_is_served_while_it_comes(group: Group, registry: Registry) -> None:
    """The first client of a large layer would get nothing before all of it is stored."""
    image, half = registry.push(size=8 * MIB), Halfway()
    group.front.fault = half
    with begun(group, image) as response:
        assert response.headers["Content-Length"] == str(8 * MIB)
        first = response.read(2 * MIB)
        half.go.set()
        assert first + response.read() == image.layer


def test_followers_are_served_while_it_comes(group: Group, registry: Registry) -> None:
    """Clients that come second, to whatever process, would wait for the end of a layer that is still on its way."""
    image, half = registry.push(size=8 * MIB), Halfway()
    group.front.fault = half
    with contextlib.ExitStack() as stack:
        responses = [stack.enter_context(begun(group, image)) for _ in range(8)]
        firsts = [response.read(2 * MIB) for response in responses]
        half.go.set()
        assert all(first + response.read() == image.layer for first, response in zip(firsts, responses, strict=True))
    assert len(group.front.asked("GET")) == 1


def test_pull_outlives_its_first_client(group: Group, registry: Registry) -> None:
    """A client that goes away would take the pull of those with it who wait for the same layer."""
    image, half = registry.push(size=8 * MIB), Halfway()
    group.front.fault = half
    with begun(group, image) as first, begun(group, image) as second:
        first.read(MIB)
        first.close()
        half.go.set()
        assert second.read() == image.layer
    assert len(group.front.asked("GET")) == 1
    assert group.blob(image).expect(200).headers["X-Cache"] == "HIT"


def test_ranges_of_what_is_cached(group: Group, registry: Registry) -> None:
    """A client that resumes a layer would not get the part that it asks for."""
    image = registry.push()
    group.blob(image)
    answer = group.get(f"{image.name}/blobs/{image.layer_digest}", headers={**group.headers, "Range": "bytes=100-199"})
    assert (answer.status, answer.body) == (206, image.layer[100:200])


def test_cache_survives_a_restart(registry: Registry, front: Front, tmp_path: object) -> None:
    """What is cached would be fetched again after a restart of the server."""
    image = registry.push()
    with Stand(tmp_path / "data", {"PACKHOUSE_OUTBOUND_ALLOW": "127.0.0.1"}) as stand:  # type: ignore[operator]
        group = make_group(stand, front)
        group.pull(image)
        stand.restart()
        front.seen.clear()
        check(image, group.pull(image))
        assert [seen.method for seen in front.seen] == ["HEAD"]


def test_both_databases(registry: Registry, front: Front, tmp_path: object, database_url: str) -> None:
    """A pull, a warm pull or a purge would work on one database and not on the other."""
    image = registry.push()
    with Stand(tmp_path / "data", {"PACKHOUSE_OUTBOUND_ALLOW": "127.0.0.1", "PACKHOUSE_DATABASE_URL": database_url}) as stand:  # type: ignore[operator]
        group = make_group(stand, front)
        check(image, group.pull(image))
        front.seen.clear()
        check(image, group.pull(image))
        assert [seen.method for seen in front.seen] == ["HEAD"]
        usage = stand.want(200, "GET", group.api)
        assert (usage["blob_count"], usage["image_count"]) == (2, 1)
        assert usage["total_size"] == len(image.manifest) + len(image.config) + len(image.layer)
        stand.api("DELETE", f"{group.api}/cache").expect(202)
        front.seen.clear()
        check(image, group.pull(image))
        assert [seen.method for seen in front.seen] == ["GET"] * 3


def test_official_names_have_no_slash(group: Group, registry: Registry) -> None:
    """An image without a slash would not be found in the upstream's official namespace, or its warm pull cost more than one HEAD."""
    image = registry.push("library/busy")
    assert group.get("busy/manifests/1").expect(200).body == image.manifest
    assert group.get(f"busy/blobs/{image.layer_digest}").expect(200).body == image.layer
    group.front.seen.clear()
    assert group.get("busy/manifests/1").expect(200).body == image.manifest
    assert [(seen.method, seen.path) for seen in group.front.seen] == [("HEAD", "/v2/library/busy/manifests/1")]


def test_prefix_is_as_the_group_says(group: Group, registry: Registry) -> None:
    """A group that says what its upstream calls official images would still have it asked for both names."""
    registry.push("library/plain")
    group.set(library_prefix=False)
    group.get("plain/manifests/1").expect(404)
    assert group.front.asked("GET") == ["/v2/plain/manifests/1"]
    group.set(library_prefix=True)
    group.front.seen.clear()
    group.get("plain/manifests/2").expect(404)
    assert group.front.asked("GET") == ["/v2/library/plain/manifests/2"]


def test_groups_share_nothing_but_bytes(house: Stand, group: Group, registry: Registry, other: Front) -> None:
    """A group would get by its digest what only another group has pulled, and its own upstream does not give."""
    image = registry.push()
    group.pull(image)
    second = make_group(house, other)

    def nothing(handler: Handler) -> bool:
        handler.answer(404)
        return True

    other.fault = nothing
    second.blob(image).expect(404)
    second.manifest(image, image.digest).expect(404)


def test_another_upstream_has_a_cache_of_its_own(group: Group, registry: Registry, other: Front) -> None:
    """A group that moves to another upstream would go on giving out what the first one said."""
    image = registry.push()
    group.pull(image)
    group.set(upstream_url=other.url)
    other.fault = lambda handler: handler.answer(404) is None
    group.manifest(image).expect(404)


def test_absent_is_remembered(group: Group, registry: Registry) -> None:
    """A name that the upstream does not know would be asked for again with every try."""
    with Client(group.stand.url) as client:
        for _ in range(5):
            answer = client.get(f"{group.base}/team/nothing/manifests/1", dict(group.headers)).expect(404)
            assert answer.json()["errors"][0]["code"] == "MANIFEST_UNKNOWN"
    assert len(group.front.asked("GET")) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_absence_is_of_one_image(method: str, group: Group, registry: Registry) -> None:
    """Somebody who asks for a layer by a wrong image could keep everybody from the right one."""
    image = registry.push()
    with Client(group.stand.url) as client:
        for _ in range(3):
            client.request(method, f"{group.base}/team/nothing/blobs/{image.layer_digest}", None, dict(group.headers)).expect(404)
    assert group.blob(image).expect(200).body == image.layer


def test_a_tag_is_asked_for_each_time(group: Group, registry: Registry) -> None:
    """A tag that moved upstream could be remembered here for as long as nobody commits."""
    first = registry.push()
    assert group.manifest(first).expect(200).body == first.manifest
    second = registry.push(first.name, first.tag)
    for _ in range(3):
        assert group.manifest(second).expect(200).body == second.manifest


def test_old_path_of_a_group_leads_on(house: Stand, group: Group, registry: Registry) -> None:
    """A group that was renamed would break the images that its old name is written in."""
    image = registry.push()
    house.want(200, "PUT", f"/groups/{group.group['id']}", {"path": f"{group.group['path']}-new"})
    assert group.manifest(image).expect(200).body == image.manifest


def test_numbers_are_paths(house: Stand, registry: Registry, front: Front) -> None:
    """The path of a group that is a number would be taken for another group's id."""
    image = registry.push()
    victim = make_group(house, front)
    path = str(victim.group["id"])
    impostor = house.make_group(path)
    member = house.make_member(impostor, DEVELOPER)
    house.want(200, "PUT", f"/groups/{impostor['id']}/dependency_proxy", {"upstream_url": front.url, "enabled": False})
    with Client(house.url) as client:
        answer = client.get(f"/v2/{path}/dependency_proxy/containers/{image.name}/manifests/1", token_of(house, member))
    assert answer.status == 404
    assert "switched off" in answer.text  # the impostor's own proxy, not the victim's
