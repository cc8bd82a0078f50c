"""Module descriptors and POMs: what is read, what is warned of, what is refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packhouse.errors import InvalidUpload
from packhouse.formats.sbt.parse import read_module, read_pom
from packhouse.model import About, Dependency

from ..maven.samples import pom
from .samples import descriptor

NAME = "com.acme#lib"
INFO = """
  <license name="Apache-2.0"/><license url="https://licence.example"/><ivyauthor name="Ann"/><ivyauthor name="Bob"/>
  <description homepage="https://acme.example">A <b>toy</b> &amp;
  a half</description>"""
DEPENDENCIES = """
  <configurations><conf name="compile"/></configurations>
  <dependencies>
    <dependency org="org.scala-lang" name="scala-library" rev="2.13.12" conf="compile->default(compile)"/>
    <dependency name="core" rev="1.+"/>
  </dependencies>"""


def read(tmp_path: Path, content: bytes, name: str = NAME, version: str = "1.0.0") -> About:
    path = tmp_path / "ivy.xml"
    path.write_bytes(content)
    return read_module(str(path), name, version)


def test_about_is_read(tmp_path: Path) -> None:
    """The page of a revision would not say what its descriptor says."""
    about = read(tmp_path, descriptor(DEPENDENCIES, info=INFO))
    assert about == About(
        summary="A toy & a half",
        license="Apache-2.0, https://licence.example",
        author="Ann, Bob",
        links={"Homepage": "https://acme.example"},
        dependencies=(
            Dependency(name="org.scala-lang#scala-library", range="2.13.12", kind="compile"),
            Dependency(name="core", range="1.+"),
        ),
    )


def test_smallest_descriptor_is_read(tmp_path: Path) -> None:
    """A descriptor that says next to nothing would be refused."""
    assert read(tmp_path, b"<ivy-module><info/></ivy-module>") == About()


def test_what_it_was_built_for_is_told(tmp_path: Path) -> None:
    """The page of a plugin would not say for which sbt it is."""
    plugin = "com.acme#plug/scala_2.12/sbt_1.0"
    attributes = {"module": "plug", "e:scalaVersion": "2.12", "e:sbtVersion": "1.0"}
    assert read(tmp_path, descriptor(**attributes), plugin) == About(requires="Scala 2.12, sbt 1.0")
    path = tmp_path / "pom"
    path.write_bytes(pom("com/acme/lib_2.13", "1.0", "<properties><maven.compiler.release>17</maven.compiler.release></properties>"))
    assert read_pom(str(path), "com/acme/lib_2.13", "1.0").about.requires == "Scala 2.13, Java 17"


@pytest.mark.parametrize("attributes", [{"organisation": "org.other"}, {"module": "other"}, {"revision": "2.0"}])
def test_other_coordinates_are_warned_of(tmp_path: Path, attributes: dict[str, str]) -> None:
    """Nobody would be told that a descriptor speaks of something else than its path."""
    [warning] = read(tmp_path, descriptor(**attributes)).warnings
    assert next(iter(attributes.values())) in warning and "com.acme lib 1.0.0" in warning


def test_undefined_entity_is_warned_of(tmp_path: Path) -> None:
    """A descriptor that Ivy reads would be refused, or nobody be told that we do not."""
    assert read(tmp_path, descriptor(info="&nbsp;")).warnings


@pytest.mark.parametrize("homepage", ["javascript:alert(1)", "ftp://x.example", "https://x.example/" + "a" * 3000, "https://x.example/&#10;a"])
def test_only_links_become_links(tmp_path: Path, homepage: str) -> None:
    """A page of ours would run what a descriptor says."""
    assert not read(tmp_path, descriptor(info=f'<description homepage="{homepage}"/>')).links


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not xml",
        b"<html/>",
        b"<ivy-module/>",
        b"<ivy-module><info>",
        b'<!DOCTYPE i SYSTEM "http://127.0.0.1:9/x"><ivy-module><info/></ivy-module>',
        b'<!DOCTYPE i [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><ivy-module><info>&b;</info></ivy-module>',
        b"<ivy-module><info>" + b"<a>" * 80 + b"</a>" * 80 + b"</info></ivy-module>",
        b"<ivy-module><info>" + b" " * (6 * 1024**2) + b"</info></ivy-module>",
        b"<ivy-module><info/><dependencies>" + b"<dependency/>" * 5000 + b"</dependencies></ivy-module>",
        b"\xff\xfe\x00",
    ],
    ids=range(11),
)
def test_hostile_descriptors_are_refused(tmp_path: Path, content: bytes) -> None:
    """A descriptor that no tool reads, that grows in memory, or that makes its reader fetch something, would be published."""
    with pytest.raises(InvalidUpload):
        read(tmp_path, content)


def test_what_is_kept_is_bounded(tmp_path: Path) -> None:
    """A small upload would become a huge row."""
    long = "x" * 50_000
    info = f'<license name="{long}"/><ivyauthor name="{long}"/><description>{long}</description>'
    about = read(tmp_path, descriptor(f'<dependencies><dependency org="{long}" name="{long}" rev="{long}" conf="{long}"/></dependencies>', info=info))
    assert max(map(len, (about.summary, about.license, about.author))) <= 512
    [dependency] = about.dependencies
    assert len(dependency.name + dependency.range + dependency.kind) <= 4 * 256
    sent = descriptor(f"<dependencies>{'<dependency/>' * 4000}</dependencies>", organisation=long[:1000])
    assert len(msgspec.json.encode(read(tmp_path, sent))) < 4 * len(sent)


@given(st.binary(max_size=200) | st.text(alphabet="<>/ivy-modulenf =\"'&;!", max_size=200).map(lambda text: text.encode()))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    """Bytes of a stranger could break the reader."""
    for sent in (content, b"<ivy-module><info>" + content + b"</info></ivy-module>"):
        try:
            read(tmp_path, sent)
        except InvalidUpload:
            continue
