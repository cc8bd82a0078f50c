"""What each request does and answers, through a small house in memory."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from packhouse import errors
from packhouse.contract import INSTANCE, PROJECT, Action
from packhouse.errors import (
    AlreadyExists,
    Conflict,
    FileNotFound,
    Invalid,
    InvalidName,
    InvalidUpload,
    NotFound,
    PackageNotFound,
    RegistryError,
    TooLarge,
    Unsupported,
    VersionNotFound,
)  # fmt: skip
from packhouse.formats.npm import FORMAT
from packhouse.formats.npm.errors import ERRORS
from packhouse.formats.npm.routes import PACKUMENT_LIMIT, wants_short
from packhouse.formats.npm.snippets import snippets
from packhouse.model import Moment
from packhouse.responses import Document, FileReply
from packhouse.wording import status_of

from . import samples
from .fake import MOMENT, House, ask, match
from .samples import Sample, sample

SHORT = {"accept": "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*"}
DEPRECATE = {"npm-command": "deprecate"}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def run(house: House, method: str, path: str, content: bytes = b"", **more: Any) -> Any:
    return asyncio.run(ask(house, method, path, content, **more))


def escape(name: str) -> str:
    """A name as npm writes it into a path."""
    return name.replace("/", "%2f")


def publish(house: House, new: Sample, **changes: Any) -> Any:
    return run(house, "PUT", escape(new.name), new.body(**changes), headers={"npm-command": "publish"})


def packument(house: House, name: str = "@acme/toy", query: str = "") -> dict[str, Any]:
    answer = run(house, "GET", escape(name) + query)
    assert isinstance(answer, Document)
    document: dict[str, Any] = json.loads(answer.body)
    return document


def value(answer: Any) -> Any:
    return json.loads(answer.body)


# -- publish and fetch -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["@acme/toy", "toy"])
def test_published_version_comes_back(name: str, house: House) -> None:
    """What was published cannot be found or fetched."""
    new = sample(name)
    answer = publish(house, new)
    assert answer.status_code == 200 and value(answer)["ok"] is True
    url = packument(house, name)["versions"]["1.0.0"]["dist"]["tarball"]
    base = "https://packhouse.example/api/v4/projects/7/packages/npm/"
    assert url == f"{base}{name}/-/{name}-1.0.0.tgz"
    fetched = run(house, "GET", url.removeprefix(base))
    assert isinstance(fetched, FileReply) and fetched.blob.sha256 == new.sha256


FORMS = ["@acme%2ftoy", "@acme%2Ftoy", "@acme/toy"]


@pytest.mark.parametrize("form", FORMS)
def test_scoped_name_is_known_in_every_form(form: str, house: House) -> None:
    """A client, or a proxy in front, that writes the slash another way finds nothing."""
    run(house, "PUT", form, sample().body())
    assert packument(house)["name"] == "@acme/toy"
    assert isinstance(run(house, "GET", form), Document)
    assert value(run(house, "GET", f"{form}/1.0.0"))["version"] == "1.0.0"
    assert value(run(house, "GET", f"{form}/latest"))["version"] == "1.0.0"
    assert value(run(house, "GET", f"-/package/{form}/dist-tags")) == {"latest": "1.0.0"}
    for file in ("toy-1.0.0.tgz", *(f"{each}-1.0.0.tgz" for each in FORMS)):
        assert run(house, "GET", f"{form}/-/{file}").blob.sha256 == sample().sha256


def test_same_bytes_again_are_a_success(house: House) -> None:
    """A retry after an unclear answer fails."""
    publish(house, sample())
    assert publish(house, sample()).status_code == 200


def test_other_bytes_are_refused(house: House) -> None:
    """A published version is replaced, or the client does not learn by which bytes it is taken."""
    publish(house, sample())
    with pytest.raises(AlreadyExists) as caught:
        publish(house, sample(variant=1))
    media_type, body = ERRORS.body(caught.value)
    assert (status_of(caught.value, ERRORS.status), media_type) == (403, "application/json")
    said = json.loads(body)
    assert said["message"].startswith("Package already exists.") and said["error"] == said["message"]
    assert sample().sha256 in said["error"] and sample(variant=1).sha256 in said["error"]


def test_build_of_a_published_version_is_refused(house: House) -> None:
    """Two builds of one version stand side by side."""
    publish(house, sample(version="1.0.0+a"))
    with pytest.raises(AlreadyExists):
        publish(house, sample(version="1.0.0+b"))
    assert run(house, "GET", "@acme/toy/-/@acme/toy-1.0.0+a.tgz").blob.sha256 == sample(version="1.0.0+a").sha256


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"a": 1, "a": 2}', b'{"_attachments": {"toy-1.0.0.tgz": {"data": "!"}}}'])
def test_body_that_is_no_document_is_refused(body: bytes, house: House) -> None:
    """A broken body is a failure of the server, or is stored."""
    with pytest.raises(Invalid) as caught:
        run(house, "PUT", "toy", body)
    assert status_of(caught.value, ERRORS.status) == 400
    assert not house.shelf


def test_broken_json_is_called_that(house: House) -> None:
    """The reason that clients of GitLab know for a broken body is another here."""
    with pytest.raises(InvalidUpload, match="Invalid json"):
        run(house, "PUT", "toy", b'{"name": ')


def test_name_of_address_and_document_must_agree(house: House) -> None:
    """Who may publish one package publishes another through it."""
    with pytest.raises(InvalidUpload, match="the address says"):
        run(house, "PUT", "other", sample("toy").body())


def test_bad_name_is_refused(house: House) -> None:
    """A package that nobody can install is stored."""
    with pytest.raises(InvalidName):
        run(house, "PUT", "my_inv@@lid", sample("my_inv@@lid").body())


def test_damaged_tarball_leaves_nothing(house: House) -> None:
    """An upload that was refused is listed."""
    new = Sample("toy", "1.0.0", b"no archive", {})
    with pytest.raises(InvalidUpload):
        publish(house, new)
    assert not house.shelf


@pytest.mark.parametrize("path", ["missing", "@acme%2fmissing", "my_inv@@lid", "@acme", "missing/-/missing-1.0.0.tgz", "missing/1.0.0"])
def test_what_is_not_there_is_not_found(path: str, house: House) -> None:
    """A missing package answers something that clients do not take for missing."""
    with pytest.raises(NotFound):
        run(house, "GET", path)


@pytest.mark.parametrize(
    "file", ["toy-1.0.1.tgz", "toy-1.0.0.zip", "other-1.0.0.tgz", "@evil/toy-1.0.0.tgz", "toy-1.0.0.sigstore", "toy-1.0.0.tgz/x"]
)
def test_other_files_of_a_package_are_not_found(file: str, house: House) -> None:
    """An address leads to a file that it does not name."""
    publish(house, sample())
    with pytest.raises((FileNotFound, LookupError)):
        run(house, "GET", f"@acme%2ftoy/-/{file}")


def test_accept_chooses_the_form(house: House) -> None:
    """Clients that install get the long form, or those that want it all the short one."""
    publish(house, sample())
    assert run(house, "GET", "@acme%2ftoy", headers=SHORT).media_type == "application/vnd.npm.install-v1+json"
    assert run(house, "GET", "@acme%2ftoy").media_type == "application/json"
    assert run(house, "GET", "@acme%2ftoy?write=true", headers=SHORT).media_type == "application/json"


@pytest.mark.parametrize(
    ("accept", "short"),
    [
        (SHORT["accept"], True), ("application/vnd.npm.install-v1+json", True), ("application/json", False), ("*/*", False), ("", False),
        ("application/vnd.npm.install-v1+json; q=0.5, application/json", False), ("application/vnd.npm.install-v1+json;q=0", False),
        ("Application/Vnd.NPM.Install-v1+JSON", True), ("application/vnd.npm.install-v1+json; q=x", False), (",;q=1,", False),
    ],
)  # fmt: skip
def test_accept_is_weighed(accept: str, short: bool) -> None:
    """A client's order of preference is ignored."""
    assert wants_short(accept) is short


def test_version_that_is_not_there(house: House) -> None:
    """A missing version or tag is not told from a missing package."""
    publish(house, sample())
    for version in ("9.0.0", "nope"):
        with pytest.raises(VersionNotFound):
            run(house, "GET", f"@acme%2ftoy/{version}")


def test_provenance_is_served(house: House) -> None:
    """`npm audit signatures` does not find the bundle that the document points at."""
    publish(house, samples.with_provenance(sample()))
    attestations = packument(house)["versions"]["1.0.0"]["dist"]["attestations"]
    assert attestations["provenance"] == {"predicateType": "https://slsa.dev/provenance/v1"}
    path = attestations["url"].removeprefix("https://packhouse.example/api/v4/projects/7/packages/npm/")
    for form in (path, path.replace("%2f", "/"), path.replace("%2f", "%2F")):
        reply = run(house, "GET", form)
        assert isinstance(reply, FileReply) and reply.media_type == "application/json"
    for form in (
        "-/npm/v1/attestations/@acme%2ftoy@9.0.0",
        "-/npm/v1/attestations/toy",
        "-/npm/v1/attestations/@acme%2ftoy",
        "-/npm/v1/attestations/..@1",
    ):
        with pytest.raises(NotFound):
            run(house, "GET", form)


# -- deprecate and unpublish -------------------------------------------------------------------------------------------


def deprecate(house: House, message: Any, *versions: str, headers: Mapping[str, str] = DEPRECATE) -> Any:
    """As npm does: the whole packument comes back with a message."""
    document = packument(house, query="?write=true")
    for version in versions:
        document["versions"].setdefault(version, {})["deprecated"] = message
    return run(house, "PUT", "@acme%2ftoy", json.dumps(document).encode(), headers=headers)


@pytest.mark.parametrize("headers", [DEPRECATE, {}])
def test_deprecation_is_set_and_taken_back(headers: dict[str, str], house: House) -> None:
    """`npm deprecate` has no effect, cannot be undone, or touches other versions."""
    publish(house, sample())
    publish(house, sample(version="1.1.0"))
    assert deprecate(house, "use another", "1.0.0", headers=headers).status_code == 200
    assert [each.get("deprecated") for each in packument(house)["versions"].values()] == ["use another", None]
    deprecate(house, "", "1.0.0", headers=headers)
    assert [each.get("deprecated") for each in packument(house)["versions"].values()] == [None, None]


def test_deprecation_changes_only_what_is_new(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deprecating one version writes again what was deprecated long ago, and moves its date."""
    publish(house, sample())
    publish(house, sample(version="1.1.0"))
    deprecate(house, "old", "1.0.0")
    changed: list[Mapping[str, str | None]] = []
    yank_all = house.yank_all

    async def watched(name: str, reasons: Mapping[str, str | None]) -> None:
        changed.append(reasons)
        await yank_all(name, reasons)

    monkeypatch.setattr(house, "yank_all", watched)
    deprecate(house, "newer", "1.1.0", "9.9.9")
    assert changed == [{"1.1.0": "newer"}]


def test_deprecation_without_a_reason_is_not_rewritten(house: House) -> None:
    """A version yanked elsewhere without a reason gets one, only because its document came back."""
    publish(house, sample())
    publish(house, sample(version="1.1.0"))
    asyncio.run(house.yank_all("@acme/toy", {"1.0.0": ""}))
    deprecate(house, "x", "1.1.0")
    assert [row.yanked for row in house.shelf["@acme/toy"].versions] == ["", "x"]


def test_deprecating_what_is_not_there(house: House) -> None:
    """A deprecation that says nothing, or of nothing, is a success."""
    with pytest.raises(PackageNotFound):
        run(house, "PUT", "toy", b'{"versions": {"1.0.0": {"deprecated": "x"}}}', headers=DEPRECATE)
    publish(house, sample())
    with pytest.raises(InvalidUpload):
        deprecate(house, None)


def test_packument_that_comes_back_is_bounded(house: House) -> None:
    """A body of any size is held in memory."""
    for path in ("toy", "toy/-rev/1"):
        with pytest.raises(TooLarge):
            run(house, "PUT", path, b" " * (PACKUMENT_LIMIT + 1), headers=DEPRECATE)


def unpublish(house: House, *gone: str, rev: str | None = None) -> Any:
    """The step of `npm unpublish` that leaves versions out."""
    document = packument(house, query="?write=true")
    document["versions"] = {version: each for version, each in document["versions"].items() if version not in gone}
    return run(house, "PUT", f"@acme%2ftoy/-rev/{rev or document['_rev']}", json.dumps(document).encode())


@pytest.mark.parametrize("form", FORMS)
def test_one_version_is_unpublished_in_the_steps_of_npm(form: str, house: House) -> None:
    """`npm unpublish` of a version leaves it, takes another with it, or ends with an error."""
    publish(house, sample())
    publish(house, sample(version="1.1.0"))
    document = packument(house, query="?write=true")
    tarball = document["versions"].pop("1.1.0")["dist"]["tarball"].partition("/packages/npm/")[2]
    assert run(house, "PUT", f"{form}/-rev/{document['_rev']}", json.dumps(document).encode()).status_code == 200
    rev = packument(house, query="?write=true")["_rev"]
    assert run(house, "DELETE", f"{tarball}/-rev/{rev}").status_code == 200
    assert list(packument(house)["versions"]) == ["1.0.0"]
    assert packument(house)["dist-tags"] == {"latest": "1.0.0"}


def test_tarball_is_unpublished_alone(house: House) -> None:
    """The last step of unpublishing, sent by itself, removes nothing, or more than its version."""
    publish(house, sample())
    publish(house, sample(version="1.1.0"))
    run(house, "DELETE", f"@acme/toy/-/toy-1.0.0.tgz/-rev/{packument(house)['_rev']}")
    assert list(packument(house)["versions"]) == ["1.1.0"]


@pytest.mark.parametrize("form", FORMS)
def test_whole_package_is_unpublished(form: str, house: House) -> None:
    """`npm unpublish --force` leaves something behind."""
    publish(house, sample())
    run(house, "DELETE", f"{form}/-rev/{packument(house)['_rev']}")
    assert not house.shelf


def test_stale_revision_unpublishes_nothing(house: House) -> None:
    """Somebody unpublishes a version that was published after they looked."""
    publish(house, sample())
    old = packument(house)["_rev"]
    publish(house, sample(version="1.1.0"))
    for method, path in (("DELETE", f"@acme%2ftoy/-rev/{old}"), ("DELETE", f"@acme/toy/-/toy-1.0.0.tgz/-rev/{old}")):
        with pytest.raises(Conflict):
            run(house, method, path)
    with pytest.raises(Conflict):
        unpublish(house, "1.0.0", rev=old)
    assert len(packument(house)["versions"]) == 2


@pytest.mark.parametrize("gone", [(), ("1.0.0", "1.1.0")])
def test_unpublishing_takes_one_version_at_a_time(gone: tuple[str, ...], house: House) -> None:
    """A document that lost its versions on the way removes them all."""
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        publish(house, sample(version=version))
    with pytest.raises(InvalidUpload, match="one version at a time"):
        unpublish(house, *gone)
    assert len(packument(house)["versions"]) == 3


def test_changing_owners_is_no_unpublishing(house: House) -> None:
    """`npm owner add` sends no versions, and removes them all."""
    publish(house, sample())
    rev = packument(house)["_rev"]
    with pytest.raises(InvalidUpload):
        run(house, "PUT", f"@acme%2ftoy/-rev/{rev}", json.dumps({"_id": "@acme/toy", "_rev": rev, "maintainers": []}).encode())
    assert len(packument(house)["versions"]) == 1


# -- dist-tags ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_tags_are_set_and_removed(form: str, house: House) -> None:
    """`npm dist-tag` does not add, move or remove a tag."""
    publish(house, sample())
    publish(house, sample(version="1.1.0"))
    answer = run(house, "PUT", f"-/package/{form}/dist-tags/next", b'"1.0.0"')
    assert (answer.status_code, answer.body) == (204, b"")
    assert packument(house)["dist-tags"] == {"latest": "1.1.0", "next": "1.0.0"}
    run(house, "PUT", f"-/package/{form}/dist-tags/next", b'"1.1.0"')
    assert packument(house)["dist-tags"]["next"] == "1.1.0"
    assert run(house, "DELETE", f"-/package/{form}/dist-tags/next").status_code == 204
    assert packument(house)["dist-tags"] == {"latest": "1.1.0"}


def test_yarn_1_is_told_in_its_own_way(house: House) -> None:
    """`yarn tag add` of yarn 1 ends with an error though the tag was set."""
    publish(house, sample())
    answer = run(house, "PUT", "-/package/@acme%2ftoy/dist-tags/next", b'"1.0.0"', headers={"user-agent": "yarn/1.22.22 npm/? node/v20"})
    assert (answer.status_code, value(answer)) == (200, {"ok": True})


@pytest.mark.parametrize(
    ("method", "path", "body", "error", "status"),
    [
        ("GET", "-/package/missing/dist-tags", b"", PackageNotFound, 404),
        ("GET", "-/package/my_inv@@lid/dist-tags", b"", InvalidName, 400),
        ("PUT", "-/package/missing/dist-tags/next", b'"1.0.0"', PackageNotFound, 404),
        ("PUT", "-/package/@acme%2ftoy/dist-tags/next", b'"9.0.0"', VersionNotFound, 404),
        ("PUT", "-/package/@acme%2ftoy/dist-tags/next", b"", Invalid, 400),
        ("PUT", "-/package/@acme%2ftoy/dist-tags/next", b'""', Invalid, 400),
        ("PUT", "-/package/@acme%2ftoy/dist-tags/next", b'{"version": "1.0.0"}', Invalid, 400),
        ("PUT", "-/package/@acme%2ftoy/dist-tags/%20", b'"1.0.0"', Invalid, 400),
        ("PUT", "-/package/@acme%2ftoy/dist-tags/1.x", b'"1.0.0"', Invalid, 400),
        ("DELETE", "-/package/@acme%2ftoy/dist-tags/nope", b"", NotFound, 404),
        ("DELETE", "-/package/@acme%2ftoy/dist-tags/%20", b"", Invalid, 400),
        ("DELETE", "-/package/missing/dist-tags/latest", b"", NotFound, 404),
    ],
)
def test_tags_of_nothing_are_refused(method: str, path: str, body: bytes, error: type[RegistryError], status: int, house: House) -> None:
    """A tag that clients cannot use is set, or a refusal has a status that they do not expect."""
    publish(house, sample())
    with pytest.raises(error) as caught:
        run(house, method, path, body)
    assert status_of(caught.value, ERRORS.status) == status


def test_latest_may_be_removed(house: House) -> None:
    """Without the tag `latest` clients find no version."""
    publish(house, sample())
    publish(house, sample(version="0.9.0"))
    run(house, "DELETE", "-/package/@acme%2ftoy/dist-tags/latest")
    assert packument(house)["dist-tags"] == {"latest": "1.0.0"}


# -- the rest ----------------------------------------------------------------------------------------------------------


def test_search_pages(house: House) -> None:
    """`npm search` shows other packages than asked for, all at once, or fails on a strange number."""
    for name in ("@acme/a", "@acme/b", "other"):
        publish(house, sample(name))
    found = value(run(house, "GET", "-/v1/search?text=acme&size=1&from=1"))
    assert (found["total"], [each["package"]["name"] for each in found["objects"]]) == (2, ["@acme/b"])
    assert len(value(run(house, "GET", "-/v1/search?size=-1&from=x"))["objects"]) == 3
    assert value(run(house, "GET", "-/v1/search?size=999999999999999999999"))["total"] == 3


def test_small_questions_have_their_answers(house: House) -> None:
    """`npm whoami`, `npm ping` or `npm profile get` fails."""
    assert value(run(house, "GET", "-/whoami")) == {"username": "anna"}
    assert value(run(house, "GET", "-/ping?write=true")) == {}
    assert value(run(house, "GET", "-/npm/v1/user"))["name"] == "anna"
    with pytest.raises(NotFound):
        run(house, "GET", "-/npm/v1/keys")


def test_audits_find_nothing(house: House) -> None:
    """`npm audit` breaks on the shape of the answer."""
    body = b'{"left": ["1.0.0"]}'
    assert value(run(house, "POST", "-/npm/v1/security/advisories/bulk", gzip.compress(body), headers={"content-encoding": "gzip"})) == {}
    for path in ("-/npm/v1/security/audits/quick", "-/npm/v1/security/audits"):
        assert value(run(house, "POST", path, body))["advisories"] == {}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "-/v1/login"),
        ("PUT", "-/user/org.couchdb.user:anna"),
        ("DELETE", "-/user/token/x"),
        ("GET", "-/npm/v1/tokens"),
        ("POST", "-/npm/v1/tokens"),
    ],
)
def test_signing_in_from_the_command_line_is_explained(method: str, path: str, house: House) -> None:
    """Who types `npm login` does not learn what to do instead."""
    with pytest.raises(Unsupported, match="access token"):
        run(house, method, path, b"{}")


def test_routes_are_each_there_once() -> None:
    """Two handlers claim the same path, and which one answers is chance."""
    shapes = Counter(
        (reach, route.method, "/".join(part.partition("{")[0] + "{}" if "{" in part else part for part in route.path.split("/")))
        for route in FORMAT.routes
        for reach in route.reach
    )
    assert [shape for shape, count in shapes.items() if count > 1] == []


def test_changes_are_for_people_who_signed_in() -> None:
    """An anonymous request changes something, or learns by another answer than 401 that it may not."""
    open_to_all = {"-/v1/login", "-/user/{user}", "-/user/token/{token}"}
    for route in FORMAT.routes:
        if route.method != "GET" and route.path not in open_to_all:
            assert route.signed_in, route.path


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", "@acme%2ftoy", Action.READ), ("GET", "@acme/toy/-/toy-1.0.0.tgz", Action.READ), ("PUT", "@acme%2ftoy", Action.PUBLISH),
        ("PUT", "@acme%2ftoy/-rev/1", Action.DELETE), ("DELETE", "@acme%2ftoy/-rev/1", Action.DELETE),
        ("DELETE", "a/-/a-1.0.0.tgz/-rev/1", Action.DELETE),
        ("PUT", "-/package/a/dist-tags/next", Action.PUBLISH), ("DELETE", "-/package/a/dist-tags/next", Action.DELETE),
    ],
)  # fmt: skip
def test_routes_ask_for_the_right_permission(method: str, path: str, action: Action) -> None:
    """A developer unpublishes or removes a tag, or a reader publishes."""
    route, _ = match(method, path)
    assert route.action is action


def test_tarballs_and_publishing_are_of_a_project() -> None:
    """Something can be published to a group, where no project is named."""
    for route in FORMAT.routes:
        if "/-/" in route.path or "-rev" in route.path or (route.method == "PUT" and not route.path.startswith("-/")):
            assert route.reach == PROJECT, route.path


def test_instance_routes_know_their_place() -> None:
    """At instance level a name leads to no group, or to one that does not own it."""
    for route in FORMAT.routes:
        if INSTANCE in route.reach and route.action not in (Action.OPEN, Action.SIGN_IN):
            assert route.place_of is not None
            params = {part.strip("@{}"): "x" for part in route.path.split("/") if "{" in part}
            assert route.place_of({**params, "scope": "acme/toy"} if "scope" in params else {**params, "package": "@acme/toy"}) == "acme"
            assert route.place_of({"package": "toy"}) is None


@pytest.mark.parametrize(
    ("path", "name", "tail"),
    [
        ("left", "left", "left"), ("@acme%2ftoy", "@acme/toy", "@acme%2Ftoy"), ("@acme/toy", "@acme/toy", "@acme%2Ftoy"),
        ("@acme%2ftoy/1.0.0", "@acme/toy", "@acme%2Ftoy/1.0.0"), ("%2f%2fevil.example", "//evil.example", "%2F%2Fevil.example"),
        ("a%3f%23b", "a?#b", "a%3F%23b"),
    ],
)  # fmt: skip
def test_absent_packages_are_forwarded_by_name(path: str, name: str, tail: str) -> None:
    """A client is sent to another package, or to another host."""
    route, params = match("GET", path)
    assert route.forward is not None and route.forward(params) == (name, tail)


# -- refusals ----------------------------------------------------------------------------------------------------------


def every_error() -> list[type[RegistryError]]:
    found = [RegistryError]
    for kind in found:
        found.extend(kind.__subclasses__())
    return [kind for kind in found if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_refusal_has_two_keys(kind: type[RegistryError]) -> None:
    """npm prints no reason, or asks for a one-time password that there is not."""
    for error in (kind(), kind("something is wrong")):
        media_type, body = ERRORS.body(error)
        said = json.loads(body)
        assert media_type == "application/json"
        assert set(said) == {"message", "error"} and all(isinstance(text, str) and text for text in said.values())
        assert "one-time pass" not in body.decode().lower()
    challenge = ERRORS.challenge(Action.READ, {}).lower()
    assert "otp" not in challenge and "ipaddress" not in challenge


def test_words_of_refusals_are_gitlabs() -> None:
    """Programs that look for GitLab's words find others."""
    said = [json.loads(ERRORS.body(error)[1]) for error in (PackageNotFound(), Invalid('"Tag" not given'), AlreadyExists())]
    assert said == [
        {"message": "404 Package Not Found", "error": "Package not found"},
        {"message": '400 Bad request - "Tag" not given', "error": '"Tag" not given'},
        {"message": "Package already exists.", "error": "Package already exists."},
    ]


# -- for people --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["project", "group", "instance"])
def test_snippets_name_this_registry_and_no_secret(level: str, house: House) -> None:
    """What people paste leads elsewhere, or has a token in it."""
    publish(house, sample())
    moment = Moment(at=0, api=MOMENT.api, format="npm", level=level, place=7)
    made = snippets(moment, house.shelf["@acme/toy"])
    npmrc = next(each.text for each in made if each.title.startswith(".npmrc")).splitlines()
    tokens = {f"{place.removeprefix('https:')}/:_authToken=${{NPM_TOKEN}}" for place in (moment.here, moment.project(7))}
    assert npmrc[0] == f"@acme:registry={moment.here}/"
    assert set(npmrc[1:]) == tokens
    assert {each.text for each in made if each.kind == "install"} == {f"{verb} @acme/toy" for verb in ("npm install", "pnpm add", "yarn add")}
    assert any(each.kind == "publish" for each in made) is (level == "project")
    assert "registry=" in next(each.text for each in snippets(moment, None) if each.title.startswith(".npmrc"))
