"""Protected branches: over Git as well as over REST, and whatever a push looks like."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from git_work import Work
from stand import Stand, Team

from packhouse.errors import Invalid, TooLarge, Unsupported
from packhouse.git import serving
from packhouse.git.serving import Commands

Address = Callable[..., str]
OLD, NEW = "1" * 40, "2" * 40


def base(team: Team) -> str:
    return f"/projects/{team.project['id']}/protected_branches"


@pytest.fixture(name="pushed")
def push_something(work: Work, team: Team, address: Address) -> Work:
    """The first push of a project, by a developer: two commits."""
    work.commit({"a": "1"})
    work.commit({"a": "2"})
    work.run("push", "--quiet", address(team.project, team.developer), "main")
    return work


def test_the_first_push_protects_the_default_branch(pushed: Work, team: Team, stand: Stand) -> None:
    """A project's main branch is open to every developer, or closed to the one who begins."""
    [found] = stand.want(200, "GET", base(team), token=team.maintainer.token)
    assert (found["name"], found["allow_force_push"], found["push_access_levels"][0]["access_level"]) == ("main", False, 40)
    branch = stand.want(200, "GET", f"/projects/{team.project['id']}/repository/branches/main", token=team.developer.token)
    assert (branch["protected"], branch["can_push"], branch["developers_can_push"]) == (True, False, False)
    stand.want(403, "GET", base(team), token=team.developer.token)


def test_developers_do_not_push_to_it(pushed: Work, team: Team, address: Address) -> None:
    """A developer changes a protected branch; or is told nothing of why not; or may push nothing at all any more."""
    new = pushed.commit({"a": "3"})
    refused = pushed.run("push", address(team.project, team.developer), "main", status=1)
    assert "[remote rejected] main -> main" in refused.err and "not allowed to push code to protected branches" in refused.err
    both = pushed.run("push", address(team.project, team.developer), "main", "HEAD:refs/heads/mine", status=1)
    assert both.err.count("[remote rejected]") == 2
    assert new not in pushed.run("ls-remote", address(team.project, team.developer)).out
    pushed.run("push", "--quiet", address(team.project, team.developer), "HEAD:refs/heads/mine")
    pushed.run("push", "--quiet", address(team.project, team.maintainer), "main")
    assert pushed.run("ls-remote", address(team.project, team.developer), "main").out.startswith(new)


def test_a_large_push_is_refused_in_words_too(pushed: Work, team: Team, address: Address) -> None:
    """A push that is sent in pieces ends with a broken connection instead of a reason."""
    import random

    pushed.commit({"big": random.Random(1).randbytes(3_000_000)})
    refused = pushed.run("push", address(team.project, team.developer), "main", status=1)
    assert "[remote rejected] main -> main" in refused.err


def test_nobody_rewrites_or_deletes_it_by_git(pushed: Work, team: Team, stand: Stand, address: Address) -> None:
    """The history of a protected branch is lost by a push, or nobody can ever change that rule."""
    url = address(team.project, team.maintainer)
    kept = pushed.read("rev-parse", "HEAD")
    assert pushed.run("push", "--force", url, "HEAD~1:main", status=1).err.count("non-fast-forward") >= 1
    stand.want(201, "POST", f"/projects/{team.project['id']}/repository/branches", {"branch": "other", "ref": "main"}, token=team.developer.token)
    stand.want(201, "POST", base(team), {"name": "oth*", "push_access_level": 30}, token=team.maintainer.token)
    assert "protected branch is deleted" in pushed.run("push", url, ":other", status=1).err
    assert pushed.run("ls-remote", url, "main").out.startswith(kept)
    stand.want(200, "PATCH", f"{base(team)}/main", {"allow_force_push": True}, token=team.maintainer.token)
    pushed.run("push", "--quiet", "--force", url, "HEAD~1:main")
    stand.want(403, "DELETE", f"/projects/{team.project['id']}/repository/branches/other", token=team.developer.token)
    stand.want(204, "DELETE", f"/projects/{team.project['id']}/repository/branches/other", token=team.maintainer.token)


def test_patterns_and_levels(pushed: Work, team: Team, stand: Stand, address: Address) -> None:
    """A pattern protects what it does not fit, or nobody is somebody."""
    token = team.maintainer.token
    made = stand.want(201, "POST", base(team), {"name": "release/*", "push_access_level": 0, "merge_access_level": 40}, token=token)
    assert made["push_access_levels"][0]["access_level_description"] == "No one"
    for login in (team.developer, team.maintainer):
        pushed.run("push", address(team.project, login), "HEAD:refs/heads/release/1", status=1)
        pushed.run("push", "--quiet", address(team.project, login), f"HEAD:refs/heads/released-{login.user}", "HEAD:refs/tags/release/1")
    branch = {"branch": "release/2", "ref": "main"}
    stand.want(403, "POST", f"/projects/{team.project['id']}/repository/branches", branch, token=team.developer.token)
    stand.want(201, "POST", base(team), {"name": "release/2", "push_access_level": 30}, token=token)
    stand.want(201, "POST", f"/projects/{team.project['id']}/repository/branches", branch, token=team.developer.token)
    stand.want(409, "POST", base(team), {"name": "main"}, token=token)
    stand.want(400, "POST", base(team), {"name": "x", "push_access_level": 35}, token=token)
    stand.want(400, "POST", base(team), {"name": " "}, token=token)
    assert [row["name"] for row in stand.want(200, "GET", f"{base(team)}?search=RELEASE", token=token)] == ["release/*", "release/2"]
    assert stand.want(200, "GET", f"{base(team)}/release%2F*", token=token)["name"] == "release/*"
    stand.want(204, "DELETE", f"{base(team)}/main", token=token)
    stand.want(404, "DELETE", f"{base(team)}/main", token=token)
    pushed.commit({"a": "4"})
    pushed.run("push", "--quiet", address(team.project, team.developer), "main")


def test_a_signed_push_is_no_way_around(pushed: Work, team: Team, stand: Stand, address: Address) -> None:
    """Commands inside a certificate are done although nobody has looked at them."""
    cert = [b"push-cert\0report-status", b"certificate version 0.1\n", b"\n", f"{OLD} {NEW} refs/heads/main\n".encode(), b"push-cert-end\n"]
    with pytest.raises(Unsupported):
        feed(*cert)


def test_a_refusal_of_many_refs_is_well_formed() -> None:
    """A long refusal, or a reason of several lines, breaks the protocol."""
    commands = feed(*(f"{OLD} {NEW} refs/heads/{number}\0 report-status side-band-64k".encode() for number in range(3_000)))
    answer = serving.write_refusal(commands, {ref: f"no\n{ref} {'x' * 40}" for ref in commands.wanted})
    report, at = b"", 0
    while (length := int(answer[at : at + 4], 16)) >= 4:
        assert length <= 65_520
        report += answer[at + 5 : at + length] if answer[at + 4] == 1 else b""
        at += length
    assert answer[at:] == b"0000" and report.count(b"ng refs/heads/") == 3_000 and report.endswith(b"0000")


def packet(text: bytes) -> bytes:
    return f"{len(text) + 4:04x}".encode() + text


def feed(*lines: bytes, end: bytes = b"0000PACK...") -> Commands:
    commands = Commands()
    for byte in b"".join(map(packet, lines)) + end:
        commands.feed(bytes([byte]))
    return commands


def test_commands_are_read_as_git_reads_them() -> None:
    """A ref that the program would change is not seen, because it is written in another way."""
    found = feed(
        f"{OLD} {NEW} refs/heads/main\0 report-status side-band-64k agent=x".encode(),
        b"shallow " + b"a" * 40,
        f"{'AB' * 20} {'CD' * 20} refs/heads/upper\n".encode(),
        f"{OLD} {NEW} refs/heads/".encode() + b"\xff",
    )
    assert found.complete and "side-band-64k" in found.abilities
    assert found.wanted == {"refs/heads/main": NEW, "refs/heads/upper": "cd" * 20, "refs/heads/\udcff": NEW}


@pytest.mark.parametrize("line", [b"", b"x", f"{OLD} {NEW}".encode(), f"{OLD}  {NEW} refs/heads/main".encode(), f"{OLD} {NEW} a\nb".encode()])
def test_what_is_no_command(line: bytes) -> None:
    """A line that we do not understand is left to the program, which may understand it."""
    with pytest.raises(Invalid):
        feed(line)


@pytest.mark.parametrize("head", [b"0x1f", b" 01f", b"+01f", b"zzzz", b"00_1"])
def test_what_is_no_length(head: bytes) -> None:
    """Lengths are read otherwise than Git reads them, and what follows too."""
    with pytest.raises(Invalid):
        Commands().feed(head + b"x" * 40)


def test_a_beginning_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refs without end fill the memory."""
    monkeypatch.setattr(serving, "LARGEST_BEGINNING", 1000)
    commands = Commands()
    with pytest.raises(TooLarge):
        for _ in range(100):
            commands.feed(packet(b"shallow " + b"a" * 40))


def test_a_protected_module_is_not_published_by_a_tag(pushed: Work, team: Team, stand: Stand, address: Address) -> None:
    """Whoever may not publish a module could push the tag that publishes it, or be kept from all other tags."""
    rules = f"/projects/{team.project['id']}/packages/protection/rules"
    rule = {"package_name_pattern": f"*/{team.project['path']}*", "package_type": "golang", "minimum_access_level_for_push": "owner"}
    assert stand.want(201, "POST", rules, rule, token=team.maintainer.token)["package_type"] == "golang"
    url = address(team.project, team.maintainer)
    for tag in ("v1.0.0", "sub/v2.1.0"):
        pushed.run("tag", tag)
        refused = pushed.run("push", url, tag, status=1)
        assert f"[remote rejected] {tag} -> {tag}" in refused.err
        stand.want(403, "POST", f"/projects/{team.project['id']}/repository/tags", {"tag_name": tag, "ref": "main"}, token=team.maintainer.token)
    pushed.run("tag", "nightly")
    pushed.run("push", "--quiet", url, "nightly")
    pushed.run("push", "--quiet", address(team.project, stand.make_member(team.group, 50)), "v1.0.0")
