"""Names, branches and versions as Composer reads them."""

from __future__ import annotations

import pytest

from packhouse.errors import InvalidName, InvalidVersion
from packhouse.formats.composer import names


@pytest.mark.parametrize(
    ("version", "normal"),
    [
        ("1.2.3", "1.2.3.0"),
        ("1.2.3-beta.1", "1.2.3.0-beta1"),
        ("1.0.1+meta", "1.0.1.0"),
        ("1.2.3-RC1", "1.2.3.0-RC1"),
        ("1.2.x-dev", "1.2.9999999.9999999-dev"),
        ("dev-main", "dev-main"),
    ],
)
def test_normalize(version: str, normal: str) -> None:
    """A version would be told to Composer in another form than its own."""
    assert names.normalize(version) == normal


def test_order() -> None:
    """Versions would come in another order than Composer's."""
    ordered = ["dev-main", "1.0.0-alpha1", "1.0.0-beta2", "1.0.0-beta10", "1.0.0-RC1", "1.0.0", "1.0.0-patch1", "1.2.0", "1.10.0"]
    assert sorted({*ordered}, key=names.version_key) == ordered


@pytest.mark.parametrize(("branch", "version"), [("v1.2", "1.2.x-dev"), ("2.x", "2.x-dev"), ("main", "dev-main"), ("feature/a", "dev-feature/a")])
def test_branch(branch: str, version: str) -> None:
    """A branch would be published under a version that nobody asks for."""
    assert names.version_of_branch(branch) == version


@pytest.mark.parametrize("tag", ["1.0", "1.0.0.0", "v1.2.3-foo", "", "latest"])
def test_bad_tag(tag: str) -> None:
    """A tag that Composer cannot read could be published, and break its package."""
    with pytest.raises(InvalidVersion):
        names.version_of_tag(tag)


@pytest.mark.parametrize("name", ["acme", "acme/", "a b/c", "acme/lib/x", "-a/b", "a" * 300 + "/b"])
def test_bad_name(name: str) -> None:
    """A name that Composer refuses could be published."""
    with pytest.raises(InvalidName):
        names.check_name(name)
