"""What a page offers for pasting: the right addresses and coordinates, in well-formed pieces."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from packhouse.formats.maven import FORMAT
from packhouse.model import Moment, PackageRow, VersionRow

API = "https://packhouse.example/api/v4"
PROJECT = Moment(at=0, api=API, format="maven", place=7)
GROUP = Moment(at=0, api=API, format="maven", level="group", place=3)
PACKAGE = PackageRow(
    id=1, project=7, name="com/acme/lib", key="com/acme/lib",
    versions=tuple(VersionRow(id=n, project=7, name="com/acme/lib", version=text) for n, text in enumerate(("1.10", "1.9"))),
)  # fmt: skip


@pytest.mark.parametrize("moment", [PROJECT, GROUP], ids=lambda moment: moment.level)
@pytest.mark.parametrize("package", [PACKAGE, None], ids=["package", "none"])
def test_snippets_name_this_scope(moment: Moment, package: PackageRow | None) -> None:
    """Somebody would paste the address of another place, or publish to a group."""
    made = FORMAT.snippets(moment, package)
    assert {one.kind for one in made} == ({"install", "setup", "publish"} if moment is PROJECT else {"install", "setup"})
    for one in made:
        assert "packhouse.example" not in one.text or moment.here in one.text or "credentials += " in one.text
        if one.language == "xml":
            ElementTree.fromstring(one.text.replace("<your_access_token>", "token"))


def test_snippets_depend_on_the_newest_version() -> None:
    """Somebody would paste a version that Maven takes for an older one."""
    texts = [one.text for one in FORMAT.snippets(PROJECT, PACKAGE) if one.kind == "install"]
    assert all("1.10" in text for text in texts)
    assert any("com.acme:lib:1.10" in text for text in texts)


def test_sbt_names_the_realm() -> None:
    """sbt would not send the login, as it looks it up by the realm of the challenge."""
    [text] = [one.text for one in FORMAT.snippets(PROJECT, None) if one.client == "sbt" and one.kind == "setup"]
    assert 'Credentials("GitLab Packages Registry", "packhouse.example"' in text
