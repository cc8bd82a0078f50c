"""Names of repositories, OSGi versions and their order, and the paths of artifacts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import Invalid, InvalidName, InvalidVersion
from packhouse.formats.p2 import names

VERSIONS = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}(\.[0-9]{1,3}(\.[A-Za-z0-9_-]{1,6})?)?)?", fullmatch=True)


@given(VERSIONS, VERSIONS)
def test_ids(one: str, other: str) -> None:
    """The id of an id could be another, or versions that sort alike be two."""
    assert names.version_id(names.version_id(one)) == names.version_id(one)
    assert (names.version_id(one) == names.version_id(other)) == (names.version_key(one) == names.version_key(other))
    assert not names.is_prerelease(one)


def test_order() -> None:
    """Clients take the highest version: another order here would call an archive by a lower one."""
    ordered = ["0.9", "1.0.0", "1.0.0.-", "1.0.0.10", "1.0.0.9", "1.0.0.RC1", "1.0.0._", "1.0.0.v1", "1.0.1", "1.9", "1.10", "2"]
    assert sorted([*ordered[5:], *ordered[:5]], key=names.version_key) == ordered


@pytest.mark.parametrize(
    ("version", "id"), [("1", "1.0.0"), ("1.0", "1.0.0"), ("01.2", "1.2.0"), ("1.2.3.v_1-2", "1.2.3.v_1-2"), ("1.0.0.00", "1.0.0.00")]
)
def test_spellings(version: str, id: str) -> None:
    """Two spellings of one version could be two, or a qualifier be changed, which is text."""
    assert names.version_id(version) == id


@pytest.mark.parametrize(
    "version",
    [
        "",
        "1.",
        ".1",
        "1..0",
        "1.0a",
        "v1",
        "1.0.0.",
        "1.0.0.a.b",
        "1.0.0.ä",
        "1.0.0+1",
        "1.0-1",
        "2147483648",
        "1.0.0\n",
        "\u0661",
        "1.0.0." + "a" * 200,
    ],
)
def test_bad_versions(version: str) -> None:
    """A version that OSGi cannot read could be published."""
    with pytest.raises(InvalidVersion):
        names.version_id(version)


@pytest.mark.parametrize("name", ["", ".", "..", "-a", "_a", ".a", "a/b", "a b", "ä", "a\n", "a%2F", "a" * 201])
def test_bad_names(name: str) -> None:
    """A repository could have a name that leads elsewhere in an address."""
    with pytest.raises(InvalidName):
        names.name_key(name)


def test_paths() -> None:
    """An artifact could be where no client looks for it, or a path be taken for one that is none."""
    assert names.read_key("osgi.bundle", "a.b", "1.0").path == "plugins/a.b_1.0.0.jar"
    assert names.read_key("org.eclipse.update.feature", "a-b", "1.0.0.v_1").path == "features/a-b_1.0.0.v_1.jar"
    assert names.read_key("binary", "a.executable.gtk", "1").path == "binary/a.executable.gtk_1.0.0"
    for path in ("plugins/a_1.0.0.jar", "features/a_1.jar", "binary/a_1"):
        assert names.is_artifact(path)
    for path in ("plugins/a.zip", "plugins/a/b.jar", "a.jar", "binary/", "plugins/.jar.pack.gz", "plugins/ä.jar", "x/a.jar", "plugins/a.jar\n"):
        assert not names.is_artifact(path), path


@pytest.mark.parametrize(
    ("classifier", "id", "version"), [("maven", "a", "1"), ("osgi.bundle", "a/b", "1"), ("osgi.bundle", "", "1"), ("osgi.bundle", "a", "x")]
)
def test_bad_keys(classifier: str, id: str, version: str) -> None:
    """An artifact could have a key from which no path can be made."""
    with pytest.raises(Invalid):
        names.read_key(classifier, id, version)
