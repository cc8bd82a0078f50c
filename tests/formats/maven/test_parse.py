"""POMs and uploaded metadata: what is read, what is warned of, what is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packhouse.errors import DigestMismatch, InvalidUpload
from packhouse.formats.maven.parse import Pom, check_declared, read_checksum, read_pom, read_versions
from packhouse.grammar.xml import read_xml
from packhouse.maven2.poms import LONGEST_FILLED, MOST_FILLED, Values
from packhouse.model import Blob, Dependency

from . import samples

NAME = "com/example/toy"
FULL = """
  <description>
    A toy &amp;
    a half
  </description>
  <url>https://toy.example</url>
  <licenses><license><name>Apache-2.0</name></license><license><url>https://licence.example</url></license></licenses>
  <developers><developer><name>Ann</name></developer><developer><id>bob</id></developer></developers>
  <scm><url>https://code.example/toy</url></scm>
  <issueManagement><url>javascript:alert(1)</url></issueManagement>
  <properties><junit.version>${deep}</junit.version><deep>5.1</deep><maven.compiler.release>17</maven.compiler.release></properties>
  <dependencies>
    <dependency><groupId>org.junit</groupId><artifactId>junit</artifactId><version>${junit.version}</version><scope>test</scope></dependency>
    <dependency><groupId>${project.groupId}</groupId><artifactId>core</artifactId><version>${project.version}</version></dependency>
    <dependency><groupId>a</groupId><artifactId>b</artifactId><version>${unknown}</version><optional>true</optional></dependency>
  </dependencies>"""


def read(tmp_path: Path, content: bytes, name: str = NAME, version: str = "1.0") -> Pom:
    path = tmp_path / "pom"
    path.write_bytes(content)
    return read_pom(str(path), name, version)


@pytest.mark.parametrize("namespace", [True, False])
def test_about_is_read(tmp_path: Path, namespace: bool) -> None:
    """The page of a version would not say what its POM says."""
    pom = read(tmp_path, samples.pom(NAME, "1.0", FULL, namespace=namespace, name="Toy"))
    about = pom.about
    assert (pom.packaging, pom.prefix, pom.title) == ("jar", "", "Toy")
    assert (about.summary, about.license, about.author) == ("A toy & a half", "Apache-2.0, https://licence.example", "Ann, bob")
    assert about.links == {"Homepage": "https://toy.example", "Source": "https://code.example/toy"}
    assert about.requires == "Java 17"
    assert about.dependencies == (
        Dependency(name="org.junit:junit", range="5.1", kind="test"),
        Dependency(name="com.example:core", range="1.0", kind="compile"),
        Dependency(name="a:b", range="${unknown}", kind="optional"),
    )
    assert about.warnings == ()


def test_smallest_pom_is_read(tmp_path: Path) -> None:
    """A POM that says next to nothing would be refused."""
    assert read(tmp_path, b"<project/>") == Pom()


@pytest.mark.parametrize(
    "content",
    [
        b"<project><parent><groupId>com.example</groupId><version>1.0</version></parent><artifactId>toy</artifactId></project>",
        b"<project><groupId>${g}</groupId><artifactId>toy</artifactId><version>${r}-x</version><properties><g>com.example</g><r>1.0</r></properties></project>",
        b"<project><groupId>com.example</groupId><artifactId>toy</artifactId><version>${revision}</version></project>",
        samples.pom(NAME, "1.0-x"),
    ],
)
def test_inherited_and_unsettled_coordinates_agree(tmp_path: Path, content: bytes) -> None:
    """A POM that leaves its group or version to its parent or to a property would be warned of."""
    assert read(tmp_path, content, version="1.0-x" if b"-x" in content else "1.0").about.warnings == ()


@pytest.mark.parametrize(("package", "version"), [("com/example/other", "1.0"), ("org/example/toy", "1.0"), (NAME, "2.0")])
def test_other_coordinates_are_warned_of(tmp_path: Path, package: str, version: str) -> None:
    """Nobody would be told that a POM speaks of something else than its path."""
    [warning] = read(tmp_path, samples.pom(package, version)).about.warnings
    assert f"{package.rpartition('/')[0].replace('/', '.')}:{package.rpartition('/')[2]}:{version}" in warning
    assert "com.example:toy:1.0" in warning


def test_old_sbt_plugins_are_not_warned_of(tmp_path: Path) -> None:
    """Every sbt plugin would carry a warning for the name that sbt gives it."""
    assert read(tmp_path, samples.pom("com/example/toy"), "com/example/toy_2.12_1.0").about.warnings == ()
    assert read(tmp_path, samples.pom("com/example/toy"), "com/example/toy_x").about.warnings


@pytest.mark.parametrize(
    ("artifact", "prefix"),
    [("toy-maven-plugin", "toy"), ("maven-toy-plugin", "toy"), ("maven-plugin-plugin", "plugin"), ("toy", "toy"), ("maven-plugin", "maven-plugin")],
)
def test_plugin_prefix(tmp_path: Path, artifact: str, prefix: str) -> None:
    """`mvn prefix:goal` would not find the plugin."""
    assert read(tmp_path, samples.pom(f"com/example/{artifact}", packaging="maven-plugin"), f"com/example/{artifact}").prefix == prefix


@pytest.mark.parametrize(
    "where", ["<build><plugins>{}</plugins></build>", "<build><pluginManagement><plugins>{}</plugins></pluginManagement></build>"]
)
def test_plugin_prefix_that_is_configured(tmp_path: Path, where: str) -> None:
    """A plugin would be listed by another prefix than it says."""
    plugin = "<plugin><artifactId>maven-plugin-plugin</artifactId><configuration><goalPrefix>${p}</goalPrefix></configuration></plugin>"
    inner = where.format(plugin) + "<properties><p>play</p></properties>"
    assert read(tmp_path, samples.pom(NAME, "1.0", inner, packaging="maven-plugin")).prefix == "play"


def test_entity_of_old_poms_is_taken_with_a_warning(tmp_path: Path) -> None:
    """A third party's POM with an HTML entity, which Maven reads, could not be published again."""
    pom = read(tmp_path, b"<project><name>J&oslash;rn</name></project>")
    assert "entity" in pom.about.warnings[0]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\0", b"text", b"<project>", b"<a/>", b"<project/><project/>", b"<project>&#0;</project>", b"\xff\xfe<", b"<project><a></b></project>",
        b"<!DOCTYPE project><project/>",
        b'<!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><project>&b;</project>',
        b'<!DOCTYPE p [<!ENTITY a SYSTEM "file:///etc/passwd">]><project>&a;</project>',
        b'<!DOCTYPE p PUBLIC "x" "http://127.0.0.1:9/x.dtd"><project/>',
        b'<?xml version="1.0" encoding="nonsense"?><project/>', b'<?xml version="1.0" encoding="utf-7"?><project/>',
        b"<project>" + b"<a>" * 70 + b"</a>" * 70 + b"</project>",
        b"<project>" + b"<a/>" * 200_001 + b"</project>",
        b'<project a="' + b"x" * 70_000 + b'"/>',
        b"<project><!--" + b"x" * (5 * 1024**2) + b"--></project>",
        b"<project><dependencies>" + b"<dependency/>" * 4097 + b"</dependencies></project>",
    ],
    ids=lambda content: repr(content[:30]),
)  # fmt: skip
def test_hostile_poms_are_refused(tmp_path: Path, content: bytes) -> None:
    """A POM would break its reader, make it fetch something, or take all its memory."""
    with pytest.raises(InvalidUpload):
        read(tmp_path, content)


def test_properties_that_grow_are_not_followed(tmp_path: Path) -> None:
    """A few lines would make a text of gigabytes."""
    properties = "".join(f"<p{n}>{f'${{p{n + 1}}}' * 50}</p{n}>" for n in range(12))
    pom = read(tmp_path, samples.pom(NAME, "1.0", f"<properties>{properties}</properties>", description="${p0}"))
    assert len(pom.about.summary) <= 512
    loop = "<properties><a>${b}</a><b>${a}</b></properties>"
    assert read(tmp_path, samples.pom(NAME, "1.0", loop, description="${a}")).about.summary in ("${a}", "${b}")


def test_filling_in_is_bounded(tmp_path: Path) -> None:
    """A POM could keep a reader of uploads for half a minute, and whatever else is uploaded waiting: only what is short is filled in."""
    for properties, inner in (
        (f"<a>{'x' * 1024**2}</a>", "${a}" * 200),
        ("<a/>", "${a}" + "x" * 30_000),
        (f"<a>{'${b}' * 60}</a><b>${{c}}</b><c>${{b}}</c>", "${a}" * 70),
    ):
        one = f"<dependency><groupId>{inner}</groupId></dependency>"
        root = read_xml(f"<project><properties>{properties}</properties></project>".encode(), "The POM", "project")
        values = Values(root)
        filled = [values.fill(inner) for _ in range(1000)]
        assert max(map(len, filled)) <= max(LONGEST_FILLED, len(inner)) and values.filled <= MOST_FILLED + 2 * 255 * LONGEST_FILLED
        assert filled[-1] == inner
        assert read(tmp_path, samples.pom(NAME, "1.0", f"<properties>{properties}</properties><dependencies>{one * 20}</dependencies>"))
    assert read(tmp_path, samples.pom("x" * 300 + "/toy", "1.0")).about.warnings == ()


PIECES = [
    "<project>",
    "</project>",
    "<version>",
    "</version>",
    "<dependency>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "&amp;",
    "&x;",
    "<?p?>",
    "<!DOCTYPE",
    "${",
    "}",
    "é",
    "\0",
    "]",
    '"',
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: "".join(pieces).encode())))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    """Bytes would be an error of ours instead of the uploader's."""
    for one in (content, b"<project>" + content + b"</project>"):
        try:
            read(tmp_path, one)
        except InvalidUpload:
            pass


def test_versions_of_metadata(tmp_path: Path) -> None:
    """A version that a client lists would not be seen."""
    path = tmp_path / "metadata"
    path.write_bytes(samples.metadata("1.0", "2.0-x"))
    assert read_versions(str(path)) == ("1.0", "2.0-x")
    path.write_bytes(b"<metadata/>")
    assert read_versions(str(path)) == ()
    for content in (b"<metadata>&a;</metadata>", b"<!DOCTYPE m><metadata/>", b"<project/>", b""):
        path.write_bytes(content)
        with pytest.raises(InvalidUpload):
            read_versions(str(path))


def test_checksum_files(tmp_path: Path) -> None:
    """A checksum with a file name behind it, or in capitals, would be taken for a wrong one."""
    for body in (b"abc1", b"ABC1\n", b"abc1  lib.jar\n", b"  abc1\r\n"):
        assert read_checksum(body) == "abc1"
    assert read_checksum(b"") == read_checksum(b"\n") == ""
    assert read_checksum(b"\xff\xfe")


def test_declared_digests() -> None:
    """A false digest in a header would be passed over, or a true one be refused."""
    digests = {name: hashlib.new(name, b"x").hexdigest() for name in ("md5", "sha1", "sha256", "sha512")}
    blob = Blob(size=1, **digests)
    for name, digest in digests.items():
        check_declared({f"x-checksum-{name}": digest.upper()}, blob)
        with pytest.raises(DigestMismatch):
            check_declared({f"x-checksum-{name}": "0" + digest[1:] if digest[0] != "0" else "1" + digest[1:]}, blob)
    check_declared({"x-checksum-deploy": "true"}, blob)
