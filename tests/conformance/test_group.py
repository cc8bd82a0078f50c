"""A group shows the union of what its projects hold, to each the part that they may read."""

from __future__ import annotations

import pytest

from packhouse.db.engine import now
from packhouse.model import Reach

from .conftest import Home, make_home
from .driver import Ask, Client, Sample, write_moment
from .furniture import DEVELOPER, INTERNAL, PRIVATE, PUBLIC, READ, REPORTER, WRITE
from .server import Server


@pytest.fixture(name="reaching")
def only_formats_with_groups(client: Client) -> Client:
    """A format with routes in a group; the others have none by their record."""
    if not any(Reach.GROUP in route.reach for route in client.format.routes):
        pytest.skip(f"{client.name} has no routes in a group")
    return client


def seen_in(home: Home, group: int, samples: dict[str, Sample], headers: dict[str, str] | None = None, login: object = None) -> set[str]:
    """Which of the samples the group's documents show."""
    seen = set()
    for key, sample in samples.items():
        for ask in home.client.documents("groups", group, sample, accepted=["*/*"]):
            answer = home.send_bare(ask) if login is None else home.send(ask, login)  # type: ignore[arg-type]
            if answer.status == 200 and home.client.shows(answer.body, sample):
                seen.add(key)
    return seen


def test_union(server: Server, reaching: Client) -> None:
    """A group could leave out a project, a version, or what lies in a subgroup; or show what the reader may not see."""
    top = server.furniture.group(PUBLIC)
    below = server.furniture.group(PUBLIC, top)
    homes = {
        "public": make_home(server, reaching, PUBLIC, top),
        "internal": make_home(server, reaching, INTERNAL, top),
        "private": make_home(server, reaching, PRIVATE, top),
        "nested": make_home(server, reaching, PRIVATE, below),
        "outside": make_home(server, reaching, PUBLIC),
    }
    samples = {key: home.publish_new(f"of-{key}") for key, home in homes.items()}
    # where a name has one owner, what the others publish under it has a name of its own
    names = {key: f"shared-{key}" if reaching.format.owned_names else "shared" for key in homes}
    samples |= {f"{key}, shared": home.publish_new(names[key], f"{n}.0.0") for n, (key, home) in enumerate(homes.items())}
    furniture, any_home = server.furniture, homes["public"]
    readers = {
        "anonymous": (None, {"public"}),
        "stranger": (furniture.token(furniture.user()), {"public", "internal"}),
        "external": (furniture.token(furniture.user(external=True)), {"public"}),
        "reporter of one": (furniture.member(homes["nested"].project, REPORTER), {"public", "internal", "nested"}),
        "guest of one": (furniture.member(homes["private"].project, 10), {"public", "internal"}),
        "member of all": (furniture.member(top, DEVELOPER), {"public", "internal", "private", "nested"}),
        "deploy token of the group": (furniture.deploy_token(top, READ, WRITE), {"public", "private", "nested", "internal"}),
        "deploy token of one": (furniture.deploy_token(homes["private"].project, READ), {"public", "private"}),
    }
    wrong = []
    for who, (login, keys) in readers.items():
        if who == "anonymous" and reaching.shy:
            keys = set()
        seen = seen_in(any_home, top, samples, login=login)
        wanted = keys | {f"{key}, shared" for key in keys}
        if seen != wanted:
            wrong.append(f"{who}: missing {sorted(wanted - seen)}, too many {sorted(seen - wanted)}")
    assert not wrong, "\n".join(wrong)


def test_one_reader_after_another(server: Server, reaching: Client) -> None:
    """A document made for one reader could be served to another one who may see less."""
    top = server.furniture.group(PUBLIC)
    hidden, shown = make_home(server, reaching, PRIVATE, top), make_home(server, reaching, PUBLIC, top)
    other = "shared-too" if reaching.format.owned_names else "shared"
    secret, open_ = hidden.publish_new("shared", "2.0.0"), shown.publish_new(other, "1.0.0")
    member = server.furniture.member(top, REPORTER)
    stranger = server.furniture.token(server.furniture.user()) if reaching.shy else None
    for _ in range(4):
        assert seen_in(shown, top, {"secret": secret, "open": open_}, login=member) == {"secret", "open"}
        assert seen_in(shown, top, {"secret": secret, "open": open_}, login=stranger) == {"open"}


def test_file_through_the_group(server: Server, reaching: Client) -> None:
    """An address that a group's document names could lead nowhere, or to a project that the reader may not see."""
    top = server.furniture.group(PUBLIC)
    hidden, shown = make_home(server, reaching, PRIVATE, top), make_home(server, reaching, PUBLIC, top)
    secret, open_ = hidden.publish_new("hidden-one"), shown.publish_new("shown-one")
    member = server.furniture.member(top, REPORTER)
    stranger = server.furniture.token(server.furniture.user())
    ask = reaching.in_group(reaching.fetch(shown.project, open_), shown.project, top)
    if not any((Reach.PROJECT | Reach.GROUP) in route.reach and route.method == "GET" and "{file" in route.path for route in reaching.format.routes):
        shown.send(reaching.fetch(shown.project, open_), stranger).expect(200)
        return  # a group's documents name the files of the projects
    assert shown.send(ask, stranger).expect(200).body == open_.content
    there = reaching.in_group(reaching.fetch(hidden.project, secret), hidden.project, top)
    assert shown.send(there, member).expect(200).body == secret.content
    shown.send(there, stranger).expect(404)
    shown.send(Ask(there.method, there.path, None, {"Range": "bytes=0-1"}), stranger).expect(404)


def test_moved_rights_move_documents(server: Server, reaching: Client) -> None:
    """A project that became private could still be listed by its group, or one that became public not yet."""
    top = server.furniture.group(PUBLIC)
    home = make_home(server, reaching, PUBLIC, top)
    sample = home.publish_new("shown-one")
    stranger = server.furniture.token(server.furniture.user())
    for visibility, seen in ((PUBLIC, True), (PRIVATE, False), (PUBLIC, True)):
        server.furniture.change_place(home.project, visibility=int(visibility))
        for _ in range(4):
            assert bool(seen_in(home, top, {"it": sample}, login=stranger)) is seen


def test_a_group_at_a_moment(server: Server, reaching: Client) -> None:
    """A group of last week could show what is there today, or show somebody of today what they may not see."""
    top = server.furniture.group(PUBLIC)
    hidden, shown = make_home(server, reaching, PRIVATE, top), make_home(server, reaching, PUBLIC, top)
    samples = {"secret": hidden.publish_new("secret-one"), "gone": shown.publish_new("gone-one"), "kept": shown.publish_new("kept-one")}
    time = write_moment(now())
    shown.delete(samples["gone"]).expect(200, 202, 204)
    samples["new"] = shown.publish_new("new-one")
    member, stranger = server.furniture.member(top, REPORTER), server.furniture.token(server.furniture.user())
    for login, then, today in ((member, {"secret", "gone", "kept"}, {"secret", "kept", "new"}), (stranger, {"gone", "kept"}, {"kept", "new"})):
        assert seen_in(shown, top, samples, login=login) == today
        seen = set()
        for key, sample in samples.items():
            for ask in reaching.documents("groups", top, sample, time, accepted=["*/*"]):
                answer = shown.send(ask, login)
                assert answer.status < 500, ask.path
                if answer.status == 200 and reaching.shows(answer.body, sample):
                    seen.add(key)
        assert seen == then
