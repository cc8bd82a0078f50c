"""The same answers as the programs that are asked first: git, for what an archive leaves out, and Composer's own code, for versions."""

from __future__ import annotations

import io
import json
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from git_work import Work, new_work
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from programs import Desk
from requirements import miss

from packhouse.errors import InvalidVersion
from packhouse.formats.composer import names, parse
from packhouse.model import GitEntry

PARSER = Path("/usr/share/php/Composer/Semver/autoload.php")
FILES = ("ab", "b.md", "a/a", "a/b.md", "a/ab/a", "a/ab/b/a.md", "b/a", "b/b/b", "b/ab.md", "ab.d/a/a", "ab.d/[a]", "c/a b", "c/.a", "c/\\a")


@pytest.fixture(scope="module", name="work")
def make_work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """A repository with files of few letters."""
    work = new_work(tmp_path_factory.mktemp("reference") / "work")
    work.commit(dict.fromkeys(FILES, "x\n"))
    return work


def archived(work: Work, attributes: str) -> list[str]:
    """The files that git puts into an archive."""
    (work.folder / ".gitattributes").write_text(attributes)
    made = subprocess.run(
        ["git", "archive", "--format=zip", "--worktree-attributes", "HEAD"], cwd=work.folder, capture_output=True, check=True, timeout=60
    )
    with zipfile.ZipFile(io.BytesIO(made.stdout)) as archive:
        return sorted(name for name in archive.namelist() if not name.endswith("/"))


def chosen(attributes: str) -> list[str]:
    entries = [GitEntry(path=path, kind="file", id="0" * 40) for path in FILES]
    return sorted(entry.path for entry in parse.choose_files(entries, {"": attributes.encode()}))


# two stars beside a letter mean nothing, and git takes `a**/b` for `ab`
letters = st.sampled_from(["a", "b", "*", "?", ".md", "[ab]", "[!a]", "[^b]", "\\a", "."])
segments = st.lists(letters, min_size=1, max_size=3).map(lambda parts: re.sub(r"\*+", "*", "".join(parts)))
patterns = st.builds(
    lambda lead, parts, tail: lead + "/".join(parts) + tail,
    st.sampled_from(["", "/", "**/"]),
    st.lists(segments | st.just("**"), min_size=1, max_size=3),
    st.sampled_from(["", "", "/", "/**", "/*"]),
)
words = st.sampled_from(["export-ignore", "export-ignore", "-export-ignore", "!export-ignore", "text export-ignore", "export-ignore=true", "text"])
lines = st.lists(st.builds(lambda pattern, word: f"{pattern} {word}", patterns, words), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(lines)
@example(["a/** export-ignore", "a/b.md -export-ignore"])
@example(["# a export-ignore", '"c/a b" export-ignore', "c/.* export-ignore"])
@example(["a/ export-ignore", "/ab export-ignore", "**/b export-ignore"])
def test_archive_is_that_of_git(work: Work, given_lines: list[str]) -> None:
    """Files that git leaves out of an archive would be in ours, or the other way round."""
    text = "\n".join(given_lines) + "\n"
    assert chosen(text) == archived(work, text)


numbers = st.lists(st.integers(0, 30).map(str), min_size=1, max_size=5).map(".".join)
spelled = (
    "- . _ -beta -beta1 -beta.1 .RC2 -rc -alpha.1.2 -dev .x-dev -patch1 -p -pl3 -stable -a1 -b2 +meta -beta+x.y -foo -beta1-dev .x -x-dev -1 b -BETA"
)
labels = st.sampled_from(["", *spelled.split()])
odd = "dev-main dev-feature/a-b master trunk dev-master 20100102 2010.01.02 2010-01-02 201001 main-dev 1.x-dev 1.2.X-dev 1.*-dev dev-"
versions = st.builds("".join, st.tuples(st.sampled_from(["", "v", "V", "dev-", "x"]), numbers, labels)) | st.sampled_from(odd.split())


@pytest.fixture(scope="module", name="parser")
def start_parser() -> Iterator[subprocess.Popen[str]]:
    """Composer's own reading of versions: a line in, a line out."""
    if not PARSER.exists():
        miss("composer")
    code = (
        f'require "{PARSER}"; $parser = new Composer\\Semver\\VersionParser; while (($line = fgets(STDIN)) !== false) {{'
        " try { $said = $parser->normalize(json_decode($line)); } catch (Throwable $error) { $said = null; } echo json_encode($said), PHP_EOL; }"
    )
    with subprocess.Popen(["php", "-r", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as parser:
        yield parser
        parser.terminate()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(versions)
def test_versions_are_those_of_composer(parser: subprocess.Popen[str], version: str) -> None:
    """A version could be told to Composer in another normal form than its own, or be one that it refuses."""
    assert parser.stdin is not None and parser.stdout is not None
    parser.stdin.write(json.dumps(version) + "\n")
    parser.stdin.flush()
    wanted = json.loads(parser.stdout.readline())
    try:
        found = names.normalize(version)
    except InvalidVersion:
        found = None
    assert found == wanted


def test_parser_is_counted(desk: Desk) -> None:
    """Composer could be missing where every client has to be there."""
    desk.note("composer")
