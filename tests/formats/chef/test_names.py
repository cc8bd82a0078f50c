"""Names, versions and their order, and constraints: those that Berkshelf's own library reads."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requirements import miss

from packhouse.errors import InvalidName, InvalidVersion
from packhouse.formats.chef import names

VERSIONS = ("0.0.0", "0.0.1", "0.1", "0.9.10", "1.0", "1.0.0", "1.2", "1.2.0", "1.10.0", "1.9.9", "2.0.0", "20261126.0.1", "999999999999999999.0.0")
CONSTRAINTS = ("", "1.2", "= 1.2.0", "> 1.0", "< 2.0.0", ">= 0", "<= 1.9.9", "~> 1", "~> 1.2", "~> 1.2.0", ">=1.0", "  = 1.0 ", "~>  0.9.10")


def ask_ruby(code: str, *arguments: object) -> object:
    """What Ruby says, with Berkshelf's library for versions."""
    if shutil.which("ruby") is None:
        miss("ruby")
    done = subprocess.run(["ruby", "-rjson", "-rsemverse", "-e", code, *map(json.dumps, arguments)], capture_output=True, text=True, check=False)
    if "LoadError" in done.stderr:
        miss("semverse")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_order_is_that_of_resolvers() -> None:
    """The newest version of a cookbook could be another one to the client."""
    said = ask_ruby("v = JSON.parse(ARGV[0]).map { |t| Semverse::Version.new(t) }; puts JSON.dump(v.map { |a| v.map { |b| a <=> b } })", VERSIONS)
    assert isinstance(said, list)
    for one, row in zip(VERSIONS, said, strict=True):
        for other, order in zip(VERSIONS, row, strict=True):
            mine, theirs = names.version_key(one), names.version_key(other)
            assert (mine > theirs) - (mine < theirs) == order, (one, other)
            assert (names.version_id(one) == names.version_id(other)) == (order == 0)


def test_constraints_mean_what_was_written() -> None:
    """A constraint could be written anew so that resolvers take another version, or none can read it."""
    code = "puts JSON.dump(JSON.parse(ARGV[0]).map { |c| JSON.parse(ARGV[1]).map { |v| Semverse::Constraint.new(c).satisfies?(v) } })"
    plain = [text.strip() or ">= 0.0.0" for text in CONSTRAINTS]
    assert ask_ruby(code, plain, VERSIONS) == ask_ruby(code, [names.read_constraint(text) for text in CONSTRAINTS], VERSIONS)


@given(st.lists(st.from_regex(r"(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})(\.(0|[1-9][0-9]{0,3}))?", fullmatch=True), min_size=3, max_size=3))
def test_order_is_one(three: list[str]) -> None:
    """Three versions could have no order, or a version be another one when it is asked for again."""
    keys = sorted(map(names.version_key, three))
    assert all(one <= other for one, other in itertools.combinations(keys, 2))
    assert all(names.version_id(names.version_id(each)) == names.version_id(each) for each in three)
    assert all(names.read_version(each.replace(".", "_")) == names.version_id(each) for each in three)


@pytest.mark.parametrize(
    "version", ["", "1", "1.", ".1", "1..2", "1.2.3.4", "v1.0", "1.0.0-rc1", "01.0", "1.00", "1.0\n", " 1.0", "١.0", "1.0+x", "9" * 19 + ".0"]
)
def test_versions_that_break_a_universe(version: str) -> None:
    """One version that the client cannot read would take the whole universe from everybody."""
    with pytest.raises(InvalidVersion):
        names.version_id(version)


@pytest.mark.parametrize("text", ["foo", "> ", "=> 1.0", "~ 1.0", "1.0, < 2.0", ">= 1.0.0.0", "= 1.0\n2", "!= 1.0", ">= 1.x", "=\t1.0"])
def test_constraints_that_break_a_universe(text: str) -> None:
    """One constraint that the client cannot read would take the whole universe from everybody."""
    with pytest.raises(InvalidVersion):
        names.read_constraint(text)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a.b", "é", "a\n", "..", "%2e", "<a>", "a" * 201])
def test_bad_names(name: str) -> None:
    """A name could be a path that leads elsewhere, or one that no address can hold."""
    with pytest.raises(InvalidName):
        names.name_key(name)


@pytest.mark.parametrize("name", ["apt", "Apt", "build-essential", "chef_client", "7-zip", "_", "A" * 200])
def test_good_names(name: str) -> None:
    """A name that people use could be refused, or case alone make another one."""
    assert names.name_key(name) == names.name_key(names.name_key(name)) == names.name_key(name.upper()) == name.lower()


def test_one_file_for_all_spellings() -> None:
    """Two spellings of one version could be two files."""
    assert names.file_name("Apt", "1.2") == names.file_name("apt", "1.2.0") == "apt-1.2.0.tar.gz"
    assert not names.is_prerelease("1.0")
