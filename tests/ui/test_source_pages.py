"""Pages of hosted repositories: what they show, to whom, and what they never do with what was pushed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from git_work import Work

from packhouse.git.keeping import read_refs
from packhouse.model import Role
from packhouse.packages.repositories import repository_path
from packhouse.ui.sources import SHOWN_BYTES

from .conftest import Visits

TOOLS = "/acme/tools"
SCRIPT = "<script>alert(1)</script>"


def push(showcase: Visits, work: Path, files: dict[str, str | bytes], message: str = "more", branch: str = "more") -> str:
    """A commit on a branch of the repository; its id."""
    bare = repository_path(showcase.town.house, showcase.town.places["acme/tools"])
    copy = Work(work)
    work.parent.mkdir(exist_ok=True)
    Work(work.parent).run("clone", "--quiet", str(bare), str(work))
    made = copy.commit(files, message)
    copy.run("push", "--quiet", "--force", str(bare), f"HEAD:refs/heads/{branch}")
    return made


def test_a_folder_shows_what_it_holds_and_its_readme(showcase: Visits) -> None:
    """The first thing anybody looks at in a repository would be wrong or missing."""
    page = showcase.user("anna").get(f"{TOOLS}/-/tree")
    assert page.status == 200
    assert "Audit as well" in page.text and "What the teams share: one module" in page.text
    assert {f"{TOOLS}/-/tree/main/cmd", f"{TOOLS}/-/blob/main/main.go", f"{TOOLS}/-/tree/release/1.x", f"{TOOLS}/-/tree/v1.0.0"} <= set(page.links())
    assert "git clone http://127.0.0.1:8080/acme/tools.git" in page.html
    assert page.text.index("cmd") < page.text.index("main.go")


def test_a_folder_below_and_a_ref_with_a_slash_are_found(showcase: Visits) -> None:
    """A branch whose name holds a slash could not be opened, or its path would be cut in the wrong place."""
    anna = showcase.user("anna")
    assert "main.go" in anna.get(f"{TOOLS}/-/tree/main/cmd/audit").text
    older = anna.get(f"{TOOLS}/-/tree/release/1.x")
    assert older.status == 200 and f"{TOOLS}/-/blob/release/1.x/main.go" in older.links() and f"{TOOLS}/-/tree/release/1.x/cmd" not in older.links()
    assert anna.get(f"{TOOLS}/-/tree/release%2F1.x/docs").status == 200
    assert f"{TOOLS}/-/blob/main/docs/guide.md" in anna.get(f"{TOOLS}/-/tree/HEAD/docs").links()


@pytest.mark.parametrize(
    "path",
    ["tree/none", "tree/main/none", "tree/main/main.go", "blob/main", "blob/main/cmd", "blob/none/main.go", "raw/main/none", "commits/none",
     "tree/main/../../etc", "blob/main/..%2f..%2fconfig", "tree/..", "commits/main/none", "tree/HEAD~1"],
)  # fmt: skip
def test_what_is_not_there_is_a_page_that_says_so(showcase: Visits, path: str) -> None:
    """A mistyped address would end in a failure, or lead out of the repository."""
    assert showcase.user("anna").get(f"{TOOLS}/-/{path}").status == (400 if ".." in path else 404)


def test_a_file_is_shown_with_numbered_lines_and_can_be_fetched(showcase: Visits) -> None:
    """Nobody could read code, point at a line of it, or take the file home."""
    anna = showcase.user("anna")
    page = anna.get(f"{TOOLS}/-/blob/main/main.go")
    assert 'id="L8"' in page.html and 'id="L9"' not in page.html and "fmt.Println" in page.html
    raw = anna.get(f"{TOOLS}/-/raw/main/main.go")
    assert raw.body.startswith(b"package main")
    assert raw.headers["content-type"] == "application/octet-stream" and raw.headers["content-disposition"].startswith("attachment")
    assert raw.headers["x-content-type-options"] == "nosniff"


def test_markdown_is_a_page_and_its_text_a_click_away(showcase: Visits) -> None:
    """A guide would be shown as its source, or its source could not be seen."""
    anna = showcase.user("anna")
    page = anna.get(f"{TOOLS}/-/blob/main/docs/guide.md")
    assert "<h3>Guide</h3>" in page.html.replace("\n", "")
    assert "# Guide" in anna.get(f"{TOOLS}/-/blob/main/docs/guide.md?plain=1").html


def test_bytes_that_are_no_text_are_not_shown(showcase: Visits, tmp_path: Path) -> None:
    """A picture or a huge file would fill the page with rubbish, or the memory of the server."""
    anna = showcase.user("anna")
    assert "The file is not text" in anna.get(f"{TOOLS}/-/blob/main/logo.png").text
    push(
        showcase,
        tmp_path / "work",
        {
            "huge.txt": "x" * (SHOWN_BYTES + 1),
            "latin.txt": b"caf\xe9",
            "empty": b"",
            "many": "\n" * 20_000,
            "turned": "a\u202eb",
            "odd": "a\x0cb\r\nc\rd",
        },
    )
    assert "more than a page shows" in anna.get(f"{TOOLS}/-/blob/more/huge.txt").text
    assert "not UTF-8" in anna.get(f"{TOOLS}/-/blob/more/latin.txt").text
    assert "The file is empty" in anna.get(f"{TOOLS}/-/blob/more/empty").text
    assert "more than 10000 lines" in anna.get(f"{TOOLS}/-/blob/more/many").text
    assert "turn the direction of writing" in anna.get(f"{TOOLS}/-/blob/more/turned").text
    odd = anna.get(f"{TOOLS}/-/blob/more/odd")
    assert 'id="L3"' in odd.html and 'id="L4"' not in odd.html and "turn the direction" not in odd.text
    assert len(anna.get(f"{TOOLS}/-/raw/more/huge.txt").body) == SHOWN_BYTES + 1


def test_nothing_pushed_becomes_markup(showcase: Visits, tmp_path: Path) -> None:
    """Whoever pushes a commit could run a script in the browser of whoever looks at it."""
    files: dict[str, str | bytes] = {
        f"{SCRIPT.replace('/', '')}.txt": SCRIPT,
        "README.md": f"# {SCRIPT}\n\n[x](javascript:alert(1))",
        "page.html": SCRIPT,
    }
    made = push(showcase, tmp_path / "work", files, f"{SCRIPT}\n\n{SCRIPT}", "hostile<img>")
    anna = showcase.user("anna")
    for path in (
        "tree/hostile<img>",
        "commits/hostile<img>",
        "blob/hostile<img>/page.html",
        "blob/hostile<img>/README.md",
        "branches",
        f"tree/{made}",
    ):
        page = anna.get(f"{TOOLS}/-/{path}".replace("<", "%3C").replace(">", "%3E"))
        assert page.status == 200, path
        assert "<script>alert" not in page.html and "<img>" not in page.html and 'href="javascript' not in page.html


def test_a_name_that_is_no_text_is_shown_and_not_opened(showcase: Visits, tmp_path: Path) -> None:
    """One file with an old name would take the page of its folder away."""
    push(showcase, tmp_path / "work", {os.fsdecode(b"caf\xe9.txt"): "x"}, branch="old-names")
    page = showcase.user("anna").get(f"{TOOLS}/-/tree/old-names")
    assert page.status == 200 and "caf\ufffd.txt" in page.text


def test_branches_and_tags_are_listed_searched_and_sorted(showcase: Visits) -> None:
    """Somebody who looks for a release would not find it."""
    anna = showcase.user("anna")
    page = anna.get(f"{TOOLS}/-/branches")
    assert "release/1.x" in page.text and "main default protected" in page.text
    found = anna.get(f"{TOOLS}/-/branches?search=REL").text
    assert "release/1.x" in found and "main default" not in found
    assert "Nothing matches" in anna.get(f"{TOOLS}/-/branches?search=zzz").text
    tags = anna.get(f"{TOOLS}/-/tags?orderBy=name")
    assert f"{TOOLS}/-/tree/v1.0.0" in tags.links()


def test_commits_are_told_newest_first_and_by_path(showcase: Visits) -> None:
    """The history of a branch or a file would be out of order or somebody else's."""
    anna = showcase.user("anna")
    text = anna.get(f"{TOOLS}/-/commits/main").text
    assert text.index("Audit as well") < text.index("Greet whoever runs it")
    assert "Audit as well" not in anna.get(f"{TOOLS}/-/commits/main/main.go").text
    assert anna.get(f"{TOOLS}/-/commits/main?page=9").status == 200


@pytest.mark.parametrize("path", ["tree", "tree/main", "blob/main/main.go", "raw/main/main.go", "branches", "tags", "commits", "commits/main"])
def test_code_is_read_by_members_only(showcase: Visits, path: str) -> None:
    """A stranger, or somebody of another project, could read private code."""
    assert showcase.user("carla").get(f"{TOOLS}/-/{path}").status in (200, 303)
    stranger = showcase.stranger().get(f"{TOOLS}/-/{path}")
    assert stranger.status in (303, 404) and "Greet" not in stranger.text
    if "eve" not in showcase.town.people:
        showcase.run(showcase.town.add_person("eve"))
    eve = showcase.user("eve").get(f"{TOOLS}/-/{path}")
    assert eve.status == 404 and "Greet" not in eve.text


def test_a_guest_is_shown_neither_code_nor_builds(showcase: Visits) -> None:
    """Somebody who may only know of a project could read its code, or what was built."""
    town = showcase.town
    showcase.run(town.add_person("gil"))
    showcase.run(town.add_member("acme/tools", "gil", Role.GUEST))
    gil = showcase.user("gil")
    overview = gil.get(TOOLS)
    assert overview.status == 200 and not {f"{TOOLS}/-/tree", f"{TOOLS}/-/pipelines", f"{TOOLS}/-/packages"} & set(overview.links())
    for path in ("tree", "blob/main/main.go", "raw/main/main.go", "branches", "commits/main", "pipelines"):
        assert gil.get(f"{TOOLS}/-/{path}").status == 403, path


def test_a_project_without_a_repository_teaches_who_may_push(showcase: Visits) -> None:
    """An empty page would not say what it is for; or teach somebody what they may not do."""
    page = showcase.user("anna").get("/acme/fresh/-/tree")
    assert "git remote add packhouse http://127.0.0.1:8080/acme/fresh.git" in page.text
    assert showcase.user("anna").get("/acme/fresh/-/branches").location == "/acme/fresh/-/tree"
    assert showcase.user("anna").get("/acme/fresh/-/commits").location == "/acme/fresh/-/tree"
    assert showcase.user("anna").get("/acme/fresh/-/tree/main").status == 404
    assert read_refs(repository_path(showcase.town.house, showcase.town.places["acme/tools"]))


def test_code_stays_readable_where_packages_are_off(showcase: Visits) -> None:
    """The switch of the packages would hide code that has nothing to do with it."""
    anna = showcase.newcomer("anna")
    anna.post(
        "/acme/fresh/edit", {"csrf": anna.get("/acme/fresh/edit").field("csrf"), "features": "true", "package_registry_access_level": "disabled"}
    )
    page = anna.get("/acme/fresh/-/tree")
    assert page.status == 200 and "/acme/fresh/-/pipelines" not in page.links() and "/acme/fresh/-/packages" not in page.links()
    assert anna.get("/acme/fresh/-/pipelines").status == 403
