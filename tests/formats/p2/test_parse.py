"""Archives of repositories, bundles and features, good and hostile."""

from __future__ import annotations

import io
import lzma
import random
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse.errors import Invalid, InvalidUpload
from packhouse.formats.p2.names import Key
from packhouse.formats.p2.parse import Read, read_bundle, read_feature, read_site, site_splitter, sites, splitting
from packhouse.formats.p2.parse.facts import pack_unit
from packhouse.formats.p2.parse.filters import check_filter
from packhouse.formats.p2.parse.manifests import read_clauses, read_manifest
from packhouse.formats.p2.parse.queries import check_query
from packhouse.model import PartStart

from .samples import artifact, artifacts_xml, bundle, content_xml, feature, pack, site, unit


def split(content: bytes, step: int = 65536, media_type: str = "application/zip") -> dict[str, bytes]:
    """The parts of a body that comes in pieces of this size."""
    splitter, parts, name = site_splitter(media_type), dict[str, bytes](), ""
    for start in range(0, len(content), step):
        for event in splitter.feed(content[start : start + step]):
            if isinstance(event, PartStart):
                name = event.name
                parts[name] = b""
            elif isinstance(event, bytes):
                parts[name] += event
    assert not list(splitter.end())
    return parts


def read(folder: Path, content: bytes, artifacts: bytes, suffix: str = "xml") -> Read:
    (folder / "content").write_bytes(content)
    (folder / "artifacts").write_bytes(artifacts)
    return read_site(str(folder / "content"), f"content.{suffix}", str(folder / "artifacts"), f"artifacts.{suffix}")


def xml_of(found: Read) -> list[str]:
    return [unit.xml.decode() for one in found.artifacts for unit in one.facts.units] + [unit.xml.decode() for unit in found.loose]


# -- archives as they arrive -----------------------------------------------------------------------------------------

MEMBERS = {
    "features/": b"", "plugins/": b"", "content.xml": b"<a/>" * 5000, "plugins/a_1.0.0.jar": bytes(range(256)) * 300, "binary/a_1.0.0": b"",
    "features/f_1.0.0.jar": b"\0" * 70000, "index.html": b"<html>", "plugins/x/y.jar": b"no",
    "artifacts.xml.xz": b"x", "plugins/a_1.jar.pack.gz": b"z",
}  # fmt: skip
KEPT = {"content.xml", "artifacts.xml.xz", "plugins/a_1.0.0.jar", "features/f_1.0.0.jar", "binary/a_1.0.0"}


class Pipe(io.RawIOBase):
    """What an archive is written to without a way back, so that sizes follow the members."""

    def __init__(self) -> None:
        self.content = b""

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.content += bytes(data)  # type: ignore[call-overload]
        return len(data)  # type: ignore[arg-type]


@pytest.mark.parametrize("step", [1, 7, 1000, 1 << 20])
@pytest.mark.parametrize("streamed", [False, True])
def test_splits_an_archive(step: int, streamed: bool) -> None:
    """A member could come out with other bytes, wherever the body is cut, and whether its size is told before it or after."""
    content = pack(MEMBERS)
    if streamed:
        pipe = Pipe()
        with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in MEMBERS.items():
                archive.writestr(name, data)
        content = pipe.content
    assert split(content, step) == {name: MEMBERS[name] for name in KEPT}
    assert split(pack(MEMBERS, zipfile.ZIP_STORED), step) == {name: MEMBERS[name] for name in KEPT}


def test_archive_in_a_form() -> None:
    """curl --form could not publish, or two archives be taken for one."""
    head, kind = b'--x\r\nContent-Disposition: form-data; name="file"; filename="y.zip"\r\n\r\n', "multipart/form-data; boundary=x"
    content = pack(MEMBERS)
    assert set(split(head + content + b"\r\n--x--\r\n", 100, kind)) == KEPT
    for body in (head + content + b"\r\n" + head + content + b"\r\n--x--\r\n", b"--x--\r\n", head + content[:-9] + b"\r\n--x--\r\n"):
        with pytest.raises(InvalidUpload):
            split(body, 100, kind)


def patched(old: bytes, new: bytes, at: int = 0) -> bytes:
    """An archive in which some bytes of its first local header, or with `at` of its directory, are others."""
    content = pack({"content.xml": b"<a/>", "plugins/a_1.0.0.jar": b"bytes"}, zipfile.ZIP_STORED)
    start = content.index(b"PK\1\2") if at else 0
    assert old in content[start:]
    return content[:start] + content[start:].replace(old, new, 1)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a zip"), (b"hello, world, this is no archive", "not a zip"), (pack({})[:10], "end record"), (pack(MEMBERS)[:-1], "end record"),
        (pack(MEMBERS)[:500], "end record"), (pack(MEMBERS) + b"more", "end record"), (b"x" + pack(MEMBERS), "not a zip"),
        (pack({"../plugins/a.jar": b""}), "leaves"), (pack({"/plugins/a.jar": b""}), "absolute"), (pack({"plugins/./a.jar": b""}), "segment"),
        (pack({"plugins\\a.jar": b""}), "backslash"), (pack({"a": b"", "A": b""}), "twice"), (pack({"a\nb": b""}), "control"),
        (patched(b"content.xml", b"kontent.xml"), "directory"), (patched(b"content.xml", b"kontent.xml", 1), "directory"),
        (patched(b"<a/>", b"<b/>"), "CRC"), (patched(b"\x04\0\0\0\x04\0\0\0", b"\x04\0\0\0\x05\0\0\0"), "size"),
        (patched(b"\x14\0\0\0\0\0", b"\x14\0\1\0\0\0"), "encrypted"), (patched(b"\x14\0\0\0\0\0", b"\x14\0\0\0\x0c\0"), "deflate"),
    ],
)  # fmt: skip
def test_hostile_archives(content: bytes, reason: str) -> None:
    """An archive that another program reads otherwise, or that leaves its folder, could be published."""
    with pytest.raises(InvalidUpload, match=reason):
        split(content)


def test_bombs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small archive could fill the disk, or the directory of one the memory."""
    monkeypatch.setattr(splitting, "FREE", 100_000)
    with pytest.raises(InvalidUpload, match="times its size"):
        split(pack({f"plugins/a_{number}.0.0.jar": bytes(1_000_000) for number in range(8)}))
    monkeypatch.setattr(splitting, "LARGEST_METADATA", 10_000)
    with pytest.raises(InvalidUpload, match="bytes"):
        split(pack({"content.xml": bytes(10_001)}, zipfile.ZIP_STORED))
    monkeypatch.setattr(splitting, "MOST_ARTIFACTS", 2)
    with pytest.raises(InvalidUpload, match="several"):
        split(pack({f"binary/a_{number}": b"" for number in range(3)}))
    monkeypatch.setattr(splitting, "LARGEST_DIRECTORY", 1000)
    with pytest.raises(InvalidUpload, match="directory"):
        split(pack({f"x{number}": b"" for number in range(50)}), 100)


# -- documents of a repository ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["xml", "jar", "xml.xz"])
def test_reads_a_repository(tmp_path: Path, suffix: str) -> None:
    """A unit or an artifact could be lost, in one of the ways to pack them, or be kept with the wrong one."""
    units = [unit(), unit("f.feature.jar", artifact="org.eclipse.update.feature", name="f"), unit("toys", "1.0.0.x", artifact=None)]
    documents = {
        "content": content_xml(units),
        "artifacts": artifacts_xml([artifact(maven_groupId="acme", download__size="5"), artifact("f", "1.0", "org.eclipse.update.feature")]),
    }  # fmt: skip
    packers: Mapping[str, Callable[[str], bytes]] = {
        "xml": lambda kind: documents[kind], "jar": lambda kind: pack({f"{kind}.xml": documents[kind]}),
        "xml.xz": lambda kind: lzma.compress(documents[kind]),
    }  # fmt: skip
    found = read(tmp_path, packers[suffix]("content"), packers[suffix]("artifacts"), suffix)
    held = {one.facts.key.path: [unit.id for unit in one.facts.units] for one in found.artifacts if one.facts.key}
    assert held == {"plugins/toy_1.0.0.jar": ["toy"], "features/f_1.0.0.jar": ["f.feature.jar"]}
    assert [unit.id for unit in found.loose] == ["toys"] and found.version == "1.0.0"
    assert found.artifacts[0].facts.properties == (("maven-groupId", "acme"),) and found.artifacts[0].size == "5"
    assert found.about.summary == "Repository of 1 feature, 1 bundle" and not found.about.warnings


def test_what_is_called_by_no_version(tmp_path: Path) -> None:
    """An archive could be called by the version of a bundle that it only brings along."""
    keys = [artifact("a", "9.0.0"), artifact("f", "1.2.0", "org.eclipse.update.feature"), artifact("f", "1.10.0", "org.eclipse.update.feature")]
    assert read(tmp_path, content_xml([unit()]), artifacts_xml(keys)).version == "1.10.0"
    assert read(tmp_path, content_xml([unit()]), artifacts_xml(keys[:1])).version == "9.0.0"
    assert read(tmp_path, content_xml([unit("u", "3.0.0", artifact=None)]), artifacts_xml([])).version == "3.0.0"


def test_writes_units_again(tmp_path: Path) -> None:
    """What an upload says of sizes could make a client take all memory, or the text of a unit be lost."""
    extra = (
        "<requires size='999999999'>\n "
        "<required namespace='n' name='x' range='[1,2)'><filter>\n (a=b) </filter></required></requires>"
        "<copyright>a &amp; b</copyright>"
    )
    (written,) = xml_of(read(tmp_path, content_xml([unit(extra=extra)]), artifacts_xml([artifact()])))
    assert '<requires size="1"><required namespace="n" name="x" range="[1,2)"><filter>(a=b)</filter></required></requires>' in written
    assert "<copyright>a &amp; b</copyright>" in written and "\n" not in written


def test_units_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small archive could become a row that nobody can read quickly."""
    monkeypatch.setattr(sites, "LARGEST_TOGETHER", 300)
    for classifier in (None, "osgi.bundle"):
        units = [unit(f"u{number}", artifact=classifier, name="toy") for number in range(3)]
        with pytest.raises(InvalidUpload, match="several"):
            read(tmp_path, content_xml(units), artifacts_xml([artifact()]))


def test_units_do_not_unpack_to_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive of two kilobytes could become a document of many megabytes, for everybody who reads the repository."""
    units = [unit(f"u{number}", artifact=None, extra=f"<copyright>{'a' * 100_000}</copyright>") for number in range(3)]
    read(tmp_path, content_xml(units), artifacts_xml([]))
    monkeypatch.setattr(sites, "FREE", 200_000)
    with pytest.raises(InvalidUpload, match="again and again"):
        read(tmp_path, content_xml(units), artifacts_xml([]))


def test_absent_artifacts_are_told(tmp_path: Path) -> None:
    """Nobody could say why a unit is not offered."""
    found = read(tmp_path, content_xml([unit(), unit("other")]), artifacts_xml([artifact()]))
    assert "plugins/other_1.0.0.jar" in found.about.warnings[0] and [unit.id for unit in found.loose] == ["other"]


ENTITY = b"<!DOCTYPE r [<!ENTITY a 'aaaaaaaaaa'>]><repository><units><unit id='&a;'/></units></repository>"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "XML"), (b"<html/>", "repository"), (ENTITY, "entity"), (content_xml([]), "no unit"), (content_xml([unit(), unit()]), "twice"),
        (content_xml([unit(version="1.0.0.ä")]), "Version"), (content_xml([unit(version="")]), "Version"),
        (content_xml(["<unit id='' version='1'/>"]), "id"),
        (content_xml([unit("a" * 201)]), "id"), (content_xml(["<unit id='a&#9;b' version='1'/>"]), "control"),
        (content_xml(["<unit id='a' version='1'/>"]), "itself"),
        (content_xml([unit(artifact="maven")]), "classifier"), (content_xml([unit(extra="<filter>(a=b</filter>")]), "Filter"),
        (content_xml([unit(extra="<requires><requiredProperties namespace='n' match='(&amp;)'/></requires>")]), "Filter"),
        (content_xml([unit(extra="<requires><required match='a.b(' /></requires>")]), "match"),
        (content_xml([unit(extra="<x xmlns='urn:x'/>")]), "namespace"), (content_xml([unit(extra="<x>" * 70 + "</x>" * 70)]), "deeper"),
        (content_xml([unit(extra=f"<copyright>{'a' * (1 << 20)}</copyright>")]), "at most"),
    ],
)  # fmt: skip
def test_hostile_units(tmp_path: Path, content: bytes, reason: str) -> None:
    """A unit that keeps clients from reading the whole repository, or that nobody can install, could be published."""
    with pytest.raises(InvalidUpload, match=reason):
        read(tmp_path, content, artifacts_xml([artifact()]))


@pytest.mark.parametrize(
    ("artifacts", "reason"),
    [
        ([artifact(), artifact(version="1.0")], "twice"), ([artifact(format="packed")], "pack200"), ([artifact(artifact__folder="true")], "folder"),
        (["<artifact classifier='osgi.bundle' id='a' version='1'><processing><step id='x'/></processing></artifact>"], "pack200"),
        ([artifact("../a")], "invalid"), ([artifact(classifier="x")], "classifier"), ([artifact(version="a")], "Version"),
        ([artifact(x="a" * (64 * 1024 + 1))], "longer"), ([artifact(**{f"x{number}": "" for number in range(65)})], "properties"),
        ([artifact(**{f"x{number}": "a" * 60_000 for number in range(5)})], "properties"),
    ],
)  # fmt: skip
def test_hostile_artifacts(tmp_path: Path, artifacts: list[str], reason: str) -> None:
    """An artifact that no client can read, or a small archive with a huge list, could be published."""
    with pytest.raises(InvalidUpload, match=reason):
        read(tmp_path, content_xml([unit()]), artifacts_xml(artifacts))


@pytest.mark.parametrize("suffix", ["jar", "xml.xz"])
def test_hostile_packing(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document that is cut short, that has something behind it, or that unpacks without end could be read."""
    good = content_xml([unit()])
    packed = pack({"content.xml": good}) if suffix == "jar" else lzma.compress(good)
    artifacts = pack({"artifacts.xml": artifacts_xml([])}) if suffix == "jar" else lzma.compress(artifacts_xml([]))
    bomb = b"<repository>" + b" " * 70_000_000
    for content in (
        packed[:-10],
        packed + b"more",
        b"",
        good,
        pack({"x.xml": good}),
        pack({"content.xml": bomb}) if suffix == "jar" else lzma.compress(bomb, preset=0),
    ):
        with pytest.raises(InvalidUpload):
            read(tmp_path, content, artifacts, suffix)


@pytest.mark.parametrize(
    "text",
    [
        "(a=b)",
        " (a=*) ",
        "(&(a=b)(c>=1)(d<=x y))",
        "(!(a~=b))",
        "(|(a=b)(&(c=d)(!(e=f))))",
        r"(a=\(b\))",
        r"(a>=\*)",
        "(a=*b*c*)",
        "",
        "(osgi.os=linux)",
        "(a b=c)",
    ],
)
def test_filters(text: str) -> None:
    """A filter that clients can read could be refused."""
    check_filter(text)


@pytest.mark.parametrize(
    "text",
    [
        "a=b",
        "(a=b",
        "(a=b))",
        "()",
        "(&)",
        "(!(a=b)(c=d))",
        "(=b)",
        "(a)",
        "(a>b)",
        "(a=b)(c=d)",
        "(a=(b)",
        "(a=)",
        "(a= )",
        "(a>=)",
        "(a<=)",
        "(a~=)",
        "(a>=*)",
        "(a~=b*)",
        "(&(a=b)c)",
        "(" * 99,
        "(!" * 99,
        "(a" * 9999,
    ],
)
def test_bad_filters(text: str) -> None:
    """A filter that clients fail over, and with it over the repository, could be published."""
    with pytest.raises(InvalidUpload):
        check_filter(text)


def provided(type: str, value: str) -> str:
    """A capability with a property of this type."""
    properties = f"<properties><property name='p' value='{value}' type='{type}'/></properties>"
    return f"<provides><provided namespace='n' name='x'>{properties}</provided></provides>"


REQUIRED = "<required namespace='n' name='x' range='1'/>"


@pytest.mark.parametrize(
    "extra",
    [
        "<requires><required/></requires>", "<requires><required namespace='n'/></requires>", "<touchpoint/>",
        "<requires><requiredProperties namespace='n' match='(a&gt;=)'/></requires>", "<requires><requiredProperties namespace='n'/></requires>",
        "<requires><requiredProperties match='(a=b)'/></requires>", "<requires><requiredProperties namespace='n' match=' '/></requires>",
        "<provides><provided name='x'/></provides>", "<provides><provided namespace='n'/></provides>",
        "<provides><provided namespace='n' name='x'><properties><property value='x'/></properties></provided></provides>",
        *(provided(*each) for each in (("Integer", "x"), ("List&lt;Integer&gt;", "1,x"), ("Long", ""), ("Byte", "300"), ("Double", "x"),
                                       ("Version", "a b"), ("Character", ""))),
        *(f"<{where}><required match='foo bar'/></{where}>" for where in ("requires", "hostRequirements", "lifeCycle")),
        "<update match='foo bar'/>", "<requires><required match='id == $0' matchParameters='[['/></requires>",
        "<changes><change/></changes>", "<changes><change><from/><to/></change></changes>",
        "<changes><change><from><required match='id'/></from></change></changes>", "<changes><change><from><required/></from></change></changes>",
        "<patchScope><scope><requires><required/></requires></scope></patchScope>", "<lifeCycle><required/></lifeCycle>",
    ],
)  # fmt: skip
def test_units_that_clients_fail_over(tmp_path: Path, extra: str) -> None:
    """A unit over which a client fails, and with it over the whole repository, could be published."""
    with pytest.raises(InvalidUpload):
        read(tmp_path, content_xml([unit(extra=extra)]), artifacts_xml([artifact()]))


def test_units_that_clients_can_read(tmp_path: Path) -> None:
    """What keeps out broken units could keep out good ones."""
    values = (("Integer", "-1"), ("Long", "99999999999"), ("List&lt;Version&gt;", "1.0, 2.0.0.x"), ("Double", "1.5"), ("String", ""), ("Nope", "x"))
    extra = "".join(provided(*each) for each in values) + (
        "<requires><required match='id == $0' matchParameters='[1]'/><requiredProperties namespace='n' match='(a=b)'/></requires>"
        f"<changes><change><from>{REQUIRED}</from><to>{REQUIRED}</to></change></changes><hostRequirements>{REQUIRED}</hostRequirements>"
    )
    (written,) = xml_of(read(tmp_path, content_xml([unit(extra=extra)]), artifacts_xml([artifact()])))
    assert "matchParameters" in written and "<change>" in written


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("providedCapabilities.exists(pc | pc.namespace == 'n' && (pc.name == 'a' || pc.name == \"b\") && pc.version ~= range('[1.0,2.0)'))", None),
        ("id == $0 && version == $1", "['a', version('1.0.0')]"), ("properties['a'] != null", None), ("!(a.b.all(x | x.c < 3)) || true", None),
        ("filter ~= filter('(a=b)')", None), ("||".join(["a == 'b'"] * 900), None), ("id == $0", "[true]"),
    ],
)  # fmt: skip
def test_queries(text: str, parameters: str | None) -> None:
    """A query as Tycho writes it could be refused."""
    check_query(text, parameters)


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("", None), ("foo bar", None), ("a ==", None), ("== a", None), ("(a", None), ("a)", None), ("a.exists(x)", None), ("a.exists(x | )", None),
        ("a.first", None), ("exists", None), ("'a", None), ("a = b", None), ("a ~= 'b*'", None), ("a == range('[2,1]')", None), ("a && ", None),
        ("range('x')", None), ("version('')", None), ("filter('')", None), ("version(a)", None), ("$0", None), ("$1", "['a']"), ("a", "[]"),
        ("a", "[["), ("a", "['a'"), ("a", "['a',]"), ("a", "[a]"), ("a", "['a'] x"), ("a", "[version('x y')]"), ("a.'b'", None), ("a[b]", None),
        ("(" * 40 + "a" + ")" * 40, None), ("!" * 40 + "a", None), (".".join("a" * 40), None), ("a" * 20_000, None), ("a ? b : c", None),
        ("a[1", None),
    ],
)  # fmt: skip
def test_bad_queries(text: str, parameters: str | None) -> None:
    """A query that clients fail over, and with it over the repository, could be published."""
    with pytest.raises(InvalidUpload):
        check_query(text, parameters)


# -- single bundles and features -------------------------------------------------------------------------------------


def read_jar(folder: Path, content: bytes, reader: Callable[[str], Read] = read_bundle) -> Read:
    (folder / "jar").write_bytes(content)
    return reader(str(folder / "jar"))


def test_bundle(tmp_path: Path) -> None:
    """What a bundle offers or needs could be missing in the unit that is made from it."""
    headers = {
        "Bundle_SymbolicName": "a.b; singleton:=true", "Bundle_Version": "1.2", "Export_Package": 'p.q;version="1.5";uses:="x,y",r;s;version=2',
        "Import_Package": 'i.j;version="[1,2)",k;resolution:=optional', "Require_Bundle": 'c.d;bundle-version="[1.0,2.0)",e;resolution:=optional',
        "Require_Capability": 'osgi.ee;filter:="(&(osgi.ee=JavaSE)(version=17))"', "Bundle_Name": "%name", "Bundle_Vendor": "Acme & Co",
        "Fragment_Host": "h.i",
    }  # fmt: skip
    said = {"Manifest-Version": "1.0", **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    content = pack({"META-INF/MANIFEST.MF": lines.encode() + b"\r\n", "OSGI-INF/l10n/bundle.properties": b"# c\nname = A Toy\n"})
    found = read_jar(tmp_path, content)
    (xml,) = xml_of(found)
    assert found.artifacts[0].facts.key == Key(classifier="osgi.bundle", id="a.b", version="1.2.0") and found.about.summary == "A Toy"
    for part in (
        '<unit id="a.b" version="1.2.0">', 'value="A Toy"', 'value="Acme &amp; Co"', 'namespace="java.package" name="p.q" version="1.5.0"',
        'name="r" version="2.0.0"', 'name="s" version="2.0.0"', 'namespace="osgi.fragment" name="h.i" version="1.2.0"',
        'namespace="java.package" name="i.j" range="[1.0.0,2.0.0)"', 'name="k" range="0.0.0" optional="true" greedy="false"',
        'namespace="osgi.bundle" name="c.d" range="[1.0.0,2.0.0)"', 'name="e" range="0.0.0" optional="true"',
        'namespace="osgi.bundle" name="h.i" range="0.0.0"',
        'namespace="osgi.ee" match="(&amp;(osgi.ee=JavaSE)(version=17))"', '<requires size="6">', "Bundle-Version: 1.2.0",
    ):  # fmt: skip
        assert part in xml, part


def test_bundle_with_other_texts(tmp_path: Path) -> None:
    """A bundle could be refused over files that say nothing of it, or its texts be looked for in the wrong one."""
    files = {
        "META-INF/MANIFEST.MF": b"Bundle-SymbolicName: a\nBundle-Name: %n\nBundle-Localization: plugin\n",
        "big.properties": random.Random(1).randbytes(2_000_000),
    }
    assert read_jar(tmp_path, pack({**files, "plugin.properties": b"n: Toy"})).about.summary == "Toy"
    assert read_jar(tmp_path, pack(files)).about.summary == "%n"


def test_feature(tmp_path: Path) -> None:
    """What a feature includes could be missing in its group, or its own file in the other unit."""
    inner = (
        "<description>Plays</description><includes id='g' version='1.0.0' optional='true'/>"
        "<plugin id='p' version='1.0.0.x' os='linux,macosx' arch='x86_64'/>"
        "<plugin id='any' version='0.0.0'/><requires><import plugin='q' version='1.2.3' match='compatible'/>"
        "<import feature='h' version='1.2' match='equivalent'/>"
        "<import plugin='r' version='1.0' match='perfect'/><import plugin='s' version='2.0'/></requires>"
    )
    found = read_jar(tmp_path, feature("f", "1.0", inner, label="A Toy", os="linux"), read_feature)
    jar, group = xml_of(found)
    assert (
        'id="f.feature.jar"' in jar
        and '<artifact classifier="org.eclipse.update.feature" id="f" version="1.0.0" />' in jar
        and "install.features=true" in jar
    )
    assert found.about.summary == "A Toy" and "<artifacts" not in group
    for part in (
        'id="f.feature.group" version="1.0.0" singleton="false"', 'name="g.feature.group" range="[1.0.0,1.0.0]" optional="true"',
        '<requires size="8">',
        'name="p" range="[1.0.0.x,1.0.0.x]"><filter>(&amp;(|(osgi.os=linux)(osgi.os=macosx))(osgi.arch=x86_64))', 'name="any" range="0.0.0"',
        'namespace="osgi.bundle" name="q" range="[1.2.3,2.0.0)"', 'name="h.feature.group" range="[1.2.0,1.3.0)"', 'name="r" range="[1.0.0,1.0.0]"',
        'name="s" range="2.0.0"', 'name="f.feature.jar" range="[1.0.0,1.0.0]"', "<filter>(osgi.os=linux)</filter>", 'value="Plays"',
    ):  # fmt: skip
        assert part in group, part


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"x", "zip"), (pack({"a": b""}), "MANIFEST"), (bundle(Bundle_SymbolicName=""), "SymbolicName"), (bundle("a b"), "id"),
        (bundle("a", "1.x"), "Version"),
        (bundle(Bundle_Version="1.0.0.ä"), "Version"), (bundle(Import_Package='a;version="[1'), "quote"), (bundle(Import_Package="a,,b"), "empty"),
        (bundle(Import_Package='a;version="[1,x)"'), "Version"), (bundle(Require_Capability='osgi.ee;filter:="(a"'), "Filter"),
        (pack({"META-INF/MANIFEST.MF": b"Bundle-SymbolicName: a\nBundle-SymbolicName: b\n"}), "twice"),
        (pack({"META-INF/MANIFEST.MF": b"\xff: a\n"}), "UTF-8"),
        (pack({"META-INF/MANIFEST.MF": b"no header\n"}), "without a header"),
    ],
)  # fmt: skip
def test_hostile_bundles(tmp_path: Path, content: bytes, reason: str) -> None:
    """A jar that is no bundle, or one that no client can read, could be published."""
    with pytest.raises(Invalid, match=reason):
        read_jar(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (bundle(), "feature"), (feature("a b"), "id"), (feature(version="x"), "Version"), (pack({"feature.xml": b"<x/>"}), "feature"),
        (feature(inner="<plugin id='p' version='x'/>"), "Version"), (feature(inner="<plugin id='p' version='1' os='a(b'/>"), "Filter"),
        (pack({"feature.xml": ENTITY}), "entity"),
    ],
)  # fmt: skip
def test_hostile_features(tmp_path: Path, content: bytes, reason: str) -> None:
    """A jar that is no feature, or whose group keeps clients from reading the repository, could be published."""
    with pytest.raises(InvalidUpload, match=reason):
        read_jar(tmp_path, content, read_feature)


CONTROL = ("\0", "\x01", "\x0b", "\ufffe")


@pytest.mark.parametrize("letter", CONTROL)
def test_control_characters(tmp_path: Path, letter: str) -> None:
    """A letter that no XML may have could keep clients from reading the whole repository, or come to the page of a package."""
    for header in ("Bundle_Name", "Bundle_Vendor", "Bundle_License", "Import_Package", "Fragment_Host", "Bundle_SymbolicName"):
        with pytest.raises(InvalidUpload, match="control"):
            read_jar(tmp_path, bundle(**{header: f"a;x={letter}b"}))
    with pytest.raises(InvalidUpload, match="no XML"):
        pack_unit("a", "1.0.0", f"<unit>{letter}</unit>", ())


@pytest.mark.parametrize("letter", CONTROL[:3])
def test_control_characters_in_texts(tmp_path: Path, letter: str) -> None:
    """The same could come out of the file that a bundle's or feature's texts are in."""
    texts = f"n=a{letter}b\nv=good\n".encode()
    manifest = b"Bundle-SymbolicName: a\nBundle-Name: %n\nBundle-Vendor: %v\n"
    one = read_jar(tmp_path, pack({"META-INF/MANIFEST.MF": manifest, "OSGI-INF/l10n/bundle.properties": texts}))
    described = b"<feature id='a' version='1' label='%n' provider-name='%v'/>"
    other = read_jar(tmp_path, pack({"feature.xml": described, "feature.properties": texts}), read_feature)
    for found in (one, other):
        assert (found.about.summary, found.about.author) == ("%n", "good")
        assert [fromstring(xml) for xml in xml_of(found)]


def test_manifest_lines() -> None:
    """A header that goes on in the next line, even inside of a letter, could be cut."""
    headers = read_manifest(b"A: 1\r\nB: b\xc3\r\n \xa4c\n d\rC: x: y\n\nName: toy/\nB: other\n")
    assert headers == {"a": "1", "b": "b\u00e4cd", "c": "x: y"}
    assert [(one.path, one.parameters) for one in read_clauses('a;v="1,2;3";d:=x,b', "H")] == [("a", {"v": "1,2;3", "d": "x"}), ("b", {})]


# -- whatever comes --------------------------------------------------------------------------------------------------

WORDS = st.lists(
    st.sampled_from([b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\7\10", b"\0" * 20, b"\x14\0\x08\0\x08\0", b"content.xml"]) | st.binary(max_size=40),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(WORDS, st.integers(1, 50))
def test_any_bytes_as_an_archive(words: list[bytes], step: int) -> None:
    """Bytes of whatever kind could end in something else than a refusal."""
    try:
        split(b"".join(words), step)
    except InvalidUpload:
        pass


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 400), st.sampled_from(["xml", "jar", "xml.xz"]))
def test_any_bytes_as_documents(tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int, suffix: str) -> None:
    """A document that is damaged anywhere could end in something else than a refusal."""
    folder = tmp_path_factory.getbasetemp()
    good = content_xml([unit()])
    packed = {"xml": good, "jar": pack({"content.xml": good}), "xml.xz": lzma.compress(good)}[suffix]
    try:
        read(folder, packed[:at] + data + packed[at + len(data) :], artifacts_xml([artifact()]), suffix)
    except InvalidUpload:
        pass


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.text(max_size=40))
def test_any_bytes_as_jars(tmp_path_factory: pytest.TempPathFactory, data: bytes, text: str) -> None:
    """A bundle or feature with whatever inside could end in something else than a refusal, or in a unit that is no XML."""
    folder = tmp_path_factory.getbasetemp()
    for content, reader in (
        (pack({"META-INF/MANIFEST.MF": b"Bundle-SymbolicName: a\nImport-Package: " + data}), read_bundle), (data, read_bundle),
        (pack({"META-INF/MANIFEST.MF": f"Bundle-SymbolicName: a\nBundle-Name: {text}".encode()}), read_bundle),
        (pack({"META-INF/MANIFEST.MF": b"Bundle-SymbolicName: a\nBundle-Name: %n\n", "OSGI-INF/l10n/bundle.properties": b"n=" + data}), read_bundle),
        (pack({"feature.xml": b"<feature id='a' version='1'>" + data + b"</feature>"}), read_feature), (site(), read_feature),
    ):  # fmt: skip
        try:
            for xml in xml_of(read_jar(folder, content, reader)):
                fromstring(xml)
        except Invalid:
            pass
    try:
        check_query(text, None)
        check_filter(f"({text}")
    except InvalidUpload:
        pass
