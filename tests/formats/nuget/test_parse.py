"""What a package says of itself; hostile archives, nuspecs and PDBs get a clear error and nothing else."""

from __future__ import annotations

import json
import struct
import uuid
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packhouse.errors import Invalid, InvalidParameter, InvalidUpload
from packhouse.formats.nuget import parse
from packhouse.formats.nuget.index.releases import CONTENT, LEAF, Facts
from packhouse.formats.nuget.parse.nuspec import Nuspec, read_nuspec
from packhouse.formats.nuget.parse.package import PDB_LIMIT
from packhouse.formats.nuget.parse.pdb import read_pdb
from packhouse.model import NewFile

from . import samples
from .fake import spooled
from .samples import PNG, README, Sample, nupkg, nuspec, sample

OPTIONS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def package(folder: Path, content: bytes) -> parse.Package:
    path = folder / "spooled"
    path.write_bytes(content)
    return parse.read_package(str(path))


def read(**fields: str) -> Nuspec:
    return read_nuspec(nuspec("Toy", "1.0.0", **fields), "Toy.nuspec")


def files(folder: Path, new: Sample) -> dict[str, NewFile]:
    upload = parse.make_upload(package(folder, new.content), spooled(new.content, folder))
    return {file.path: file for file in upload.files}


def entry(folder: Path, new: Sample) -> dict[str, Any]:
    """The catalog entry of a package, its addresses as marks."""
    facts = msgspec.json.decode(files(folder, new)[new.filename].facts, type=Facts)
    value: dict[str, Any] = json.loads(facts.entry.replace(LEAF, "LEAF").replace(CONTENT, "CONTENT") + "}")
    return value


# -- the nuspec --------------------------------------------------------------------------------------------------------


def test_nuspec_is_read_whole() -> None:
    """Something that clients show is not read out of the nuspec."""
    found = read(
        title="The toy", summary="s", tags="a  b,c", copyright="(c)", language="en", releaseNotes="first", projectUrl="https://toy.example/",
        license='<license type="expression">MIT</license>', icon="images\\icon.png", readme="docs/README.md", developmentDependency="true",
        repository='<repository type="git" url="https://code.example/toy.git"/>', requireLicenseAcceptance="True",
        packageTypes='<packageTypes><packageType name="DotnetTool"/><packageType name="Own" version="2.0"/></packageTypes>',
    )  # fmt: skip
    assert (found.id, found.version, found.title, found.authors) == ("Toy", "1.0.0", "The toy", "Ann, Bob")
    assert (found.tags, found.license, found.icon, found.readme) == (("a", "b", "c"), "MIT", "images/icon.png", "docs/README.md")
    assert (found.project_url, found.repository) == ("https://toy.example/", "https://code.example/toy.git")
    assert found.acceptance and found.development and not found.symbols
    assert [(one.name, one.version) for one in found.types] == [("DotnetTool", ""), ("Own", "2.0")]


@pytest.mark.parametrize("schema", ["", ' xmlns="http://schemas.microsoft.com/packaging/2010/07/nuspec.xsd"', ' xmlns="urn:of:its:own"'])
def test_any_schema_is_taken(schema: str) -> None:
    """A packer of another year, or one that names no schema, cannot publish."""
    data = f"<package{schema}><metadata><id>Toy</id><version>1.0</version></metadata></package>".encode()
    assert read_nuspec(data, "Toy.nuspec").id == "Toy"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_are_taken(encoding: str) -> None:
    """A nuspec with a byte order mark, as .NET writes it, cannot be read."""
    data = "<package><metadata><id>Toy</id><version>1.0</version><authors>Zoë 名</authors></metadata></package>".encode(encoding)
    assert read_nuspec(data, "Toy.nuspec").authors == "Zoë 名"


def test_dependency_groups() -> None:
    """A client resolves dependencies of another framework, or none."""
    grouped = read(
        dependencies='<dependencies><group targetFramework="net8.0"><dependency id="Other" version="1.0"/><dependency id="Third.One"/></group>'
        '<group targetFramework=".NETStandard2.0"/><group><dependency id="Any" version="[2.0.0-a.1]"/></group></dependencies>'
    )
    assert [(group.framework, [(one.id, one.range) for one in group.dependencies]) for group in grouped.groups] == [
        ("net8.0", [("Other", "[1.0.0, )"), ("Third.One", "(, )")]), (".NETStandard2.0", []), ("", [("Any", "[2.0.0-a.1]")]),
    ]  # fmt: skip
    loose = read(dependencies='<dependencies><dependency id="Other" version="1.0"/></dependencies>')
    assert [(group.framework, len(group.dependencies)) for group in loose.groups] == [("", 1)]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "well-formed"), (b"<package>", "well-formed"), (b"\xff\xfe\xff", "well-formed"), (b"<other/>", "begins with <other>"),
        (b"<package/>", "one <metadata>"), (b"<package><metadata/><metadata/></package>", "one <metadata>"),
        (b"<package><metadata><version>1.0</version></metadata></package>", "<id> once"),
        (b"<package><metadata><id>a</id></metadata></package>", "<version> once"),
        (b"<package><metadata><id>a</id><id>b</id><version>1.0</version></metadata></package>", "<id> once"),
        (b"<package><metadata><id> </id><version>1.0</version></metadata></package>", "<id> once"),
        (b"<package><metadata><id>a</id><version>1.0</version><version>2.0</version></metadata></package>", "<version> once"),
        (b"<package><metadata><id>../a</id><version>1.0</version></metadata></package>", "Package id"),
        (b"<package><metadata><id>a</id><version>$version$</version></metadata></package>", "Version"),
        (b'<!DOCTYPE package [<!ENTITY a "b">]><package><metadata><id>&a;</id><version>1.0</version></metadata></package>', "DOCTYPE or an entity"),
        (b'<!DOCTYPE package SYSTEM "file:///etc/passwd"><package/>', "DOCTYPE or an entity"),
        (b"<package><metadata><id>&x;</id></metadata></package>", "well-formed"),
        (b"<package>" + b"<a>" * 100 + b"</a>" * 100 + b"</package>", "nests deeper"),
        (b'<?xml version="1.0" encoding="klingon"?><package/>', "well-formed"),
        (nuspec("a", "1.0", dependencies='<dependencies><dependency id="b/c"/></dependencies>'), "depends on 'b/c'"),
        (nuspec("a", "1.0", dependencies='<dependencies><dependency id="b" version="newest"/></dependencies>'), "depends on 'b'"),
        (nuspec("a", "1.0", dependencies='<dependencies><group targetFramework="&lt;x&gt;"/></dependencies>'), "target framework"),
        (nuspec("a", "1.0", dependencies=f"<dependencies>{'<group/>' * 4097}</dependencies>"), "more than 4096"),
        (nuspec("a", "1.0", packageTypes='<packageTypes><packageType name="a b"/></packageTypes>'), "package type"),
        (nuspec("a", "1.0", packageTypes="<packageTypes>" + "<packageType name='a'/>" * 33 + "</packageTypes>"), "package types"),
    ],
)  # fmt: skip
def test_bad_nuspecs_are_refused(data: bytes, says: str) -> None:
    """A nuspec that clients cannot read, or that reads a file of ours, is taken; or the refusal does not say what is wrong."""
    with pytest.raises(InvalidUpload, match=r"Toy\.nuspec") as caught:
        read_nuspec(data, "Toy.nuspec")
    assert says in caught.value.message


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "ftp://toy.example", "https://toy.example/a b", "https://" + "x" * 3000, "/local"]
)
def test_links_are_to_the_web_only(link: str) -> None:
    """A page leads whoever clicks to a script."""
    found = read(projectUrl=link, licenseUrl=link, iconUrl=link)
    assert (found.project_url, found.license_url, found.icon_url) == ("", "", "")


@OPTIONS
@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda text: nuspec("a", "1.0", x=text)), st.sampled_from([b"<a/>" * 3])))
def test_any_bytes_are_a_nuspec_or_refused(data: bytes) -> None:
    """Some bytes are a failure of the server."""
    try:
        read_nuspec(data, "Toy.nuspec")
    except InvalidUpload:
        pass


# -- the archive -------------------------------------------------------------------------------------------------------


def test_smallest_package(tmp_path: Path) -> None:
    """A package with nothing but its nuspec cannot be published."""
    found = package(tmp_path, nupkg({"Toy.nuspec": nuspec("Toy", "1.0")}))
    assert (found.nuspec.id, found.readme, found.pdbs) == ("Toy", b"", ())


def test_what_the_nuspec_points_to_is_read(tmp_path: Path) -> None:
    """Readme, licence or icon are not there for people, or another file is taken for them."""
    new = sample(
        files={"docs/README.md": README, "LICENSE.txt": b"do what you like", "images/My%20icon.png": PNG}, readme="docs\\readme.md",
        license='<license type="file">LICENSE.txt</license>', icon="images/My icon.png",
    )  # fmt: skip
    found = package(tmp_path, new.content)
    assert (found.readme, found.license, found.icon) == (README, b"do what you like", PNG)
    held = files(tmp_path, new)
    assert set(held) == {"acme.toy.1.0.0.nupkg", "acme.toy.nuspec", "readme", "license", "icon.png"}
    assert held["acme.toy.nuspec"].content == found.xml


@pytest.mark.parametrize(
    ("files", "fields", "says"),
    [
        ({}, {"readme": "README.md"}, "names 'README.md', which is not in the package"),
        ({}, {"license": '<license type="file">LICENSE</license>'}, "which is not in the package"),
        ({"icon.png": b"<svg/>"}, {"icon": "icon.png"}, "neither a PNG nor a JPEG"),
        ({"icon.png": PNG + bytes(1024**2)}, {"icon": "icon.png"}, "more than 1048576"),
        ({"README.md": bytes(1024**2 + 1)}, {"readme": "README.md"}, "more than 1048576"),
        ({"Second.nuspec": b"<package/>"}, {}, "one .nuspec file at its top"),
        ({"acme.toy.NUSPEC": b"<package/>"}, {}, "same file"),
        ({"../evil": b""}, {}, "leaves the archive"),
        ({"lib/a": b"", "lib/A": b""}, {}, "same file"),
    ],
)  # fmt: skip
def test_odd_archives_are_refused(files: dict[str, bytes], fields: dict[str, str], says: str, tmp_path: Path) -> None:
    """A package that means different things to different tools is taken, or the refusal does not say what is wrong."""
    with pytest.raises(InvalidUpload) as caught:
        package(tmp_path, sample(files=files, **fields).content)
    assert says in caught.value.message


@pytest.mark.parametrize(
    "content",
    [
        b"", b"no archive", nupkg({}), nupkg({"lib/Toy.nuspec": nuspec("Toy", "1.0")}), sample().content[:-5], b"x" + sample().content,
        sample().content + b"x", sample().content[:30] + b"\0" + sample().content[31:],
    ],
)  # fmt: skip
def test_no_packages(content: bytes, tmp_path: Path) -> None:
    """Something that is no package is stored."""
    with pytest.raises(InvalidUpload):
        package(tmp_path, content)


def test_bomb_is_refused(tmp_path: Path) -> None:
    """A small upload costs much memory or time to look into."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Toy.nuspec", nuspec("Toy", "1.0"))
        archive.writestr("lib/zeros", bytes(64 * 1024**2))
    with pytest.raises(InvalidUpload, match="times its size"):
        package(tmp_path, out.getvalue())


def test_nuspec_is_bounded(tmp_path: Path) -> None:
    """A huge nuspec is read to its end."""
    with pytest.raises(InvalidUpload, match="more than 1048576"):
        package(tmp_path, nupkg({"Toy.nuspec": nuspec("Toy", "1.0", x="y" * 1024**2)}))


@OPTIONS
@given(st.binary(max_size=300), st.integers(0, 600))
def test_any_archive_is_a_package_or_refused(tmp_path: Path, noise: bytes, at: int) -> None:
    """A damaged archive is a failure of the server."""
    content = sample().content
    try:
        package(tmp_path, content[:at] + noise + content[at + len(noise) :])
    except InvalidUpload:
        pass


@pytest.mark.parametrize(
    "filename", ["package.nupkg", "package", "Acme.Toy.1.0.0.nupkg", "acme.toy.1.0.nupkg", "C:\\x\\Acme.Toy.1.0.0.nupkg", "toy.nupkg"]
)
def test_file_names_that_agree(filename: str) -> None:
    """A client that names its file well, or not at all, is refused."""
    parse.check_file_name(filename, read_nuspec(nuspec("Acme.Toy", "1.0.0"), "x"))


@pytest.mark.parametrize("filename", ["Acme.Toy.1.0.1.nupkg", "Other.1.0.0.nupkg", "dir/Acme.Toy.2.0.0-a.snupkg"])
def test_file_names_that_contradict(filename: str) -> None:
    """A package goes under other coordinates than its file name says, and nobody is told."""
    with pytest.raises(InvalidUpload) as caught:
        parse.check_file_name(filename, read_nuspec(nuspec("Acme.Toy", "1.0.0"), "x"))
    assert filename.rpartition("/")[2] in caught.value.message and "Acme.Toy 1.0.0" in caught.value.message


# -- facts -------------------------------------------------------------------------------------------------------------


def test_entry_is_json_whatever_the_nuspec_says(tmp_path: Path) -> None:
    """A description breaks the document that it is put into, or is taken for an address of ours."""
    nasty = 'a "b" \\u0001 \\x02 </script> \u2028 📦 {x}'
    told = entry(tmp_path, sample(description=nasty, title=nasty, authors=nasty))
    assert told["description"] == nasty and told["title"] == nasty.replace("\u2028", "").replace("  ", " ")
    assert told["@id"] == "LEAF.json" and told["packageContent"] == "CONTENT/acme.toy.1.0.0.nupkg"


def test_entry_tells_dependencies(tmp_path: Path) -> None:
    """Clients resolve without the dependencies of a package."""
    groups = '<dependencies><group targetFramework="net8.0"><dependency id="Other" version="1.0"/></group><group/></dependencies>'
    assert entry(tmp_path, sample(dependencies=groups))["dependencyGroups"] == [
        {
            "@id": "LEAF.json#dependencyGroup/net8.0", "@type": "PackageDependencyGroup", "targetFramework": "net8.0",
            "dependencies": [
                {"@id": "LEAF.json#dependencyGroup/net8.0/other", "@type": "PackageDependency", "id": "Other", "range": "[1.0.0, )"}
            ],
        },
        {"@id": "LEAF.json#dependencyGroup", "@type": "PackageDependencyGroup"},
    ]  # fmt: skip


def test_entry_leaves_out_what_is_not_said(tmp_path: Path) -> None:
    """A client shows an empty link, or fails on one."""
    assert not {"projectUrl", "licenseUrl", "iconUrl", "readmeUrl", "title"} & set(entry(tmp_path, sample()))


def test_files_take_the_place_of_addresses(tmp_path: Path) -> None:
    """A client is sent elsewhere for an icon or a licence that the package brings itself."""
    told = entry(
        tmp_path,
        sample(
            files={"icon.png": PNG, "L": b"x"}, icon="icon.png", iconUrl="https://elsewhere.example/i.png",
            license='<license type="file">L</license>', licenseUrl="https://elsewhere.example/l",
        ),
    )  # fmt: skip
    assert (told["iconUrl"], told["licenseUrl"]) == ("CONTENT/icon.png", "CONTENT/license")


@pytest.mark.parametrize(
    ("version", "bound", "semver2"), [("1.0", "1.0", False), ("1.0-a.1", "1.0", True), ("1.0+b", "1.0", True), ("1.0", "1.0-a.1", True)]
)
def test_semver2_is_told_of_version_and_dependencies(version: str, bound: str, semver2: bool, tmp_path: Path) -> None:
    """A client without Semantic Versioning 2 is offered what it cannot read."""
    new = sample(version=version, dependencies=f'<dependencies><dependency id="b" version="{bound}"/></dependencies>')
    held = files(tmp_path, new)
    main = next(file for path, file in held.items() if path.endswith(".nupkg"))
    assert msgspec.json.decode(main.facts, type=Facts).semver2 is semver2


def test_about_is_what_people_read(tmp_path: Path) -> None:
    """The page of a version lacks its readme, licence, links or dependencies."""
    new = sample(
        files={"r.md": README}, readme="r.md", license='<license type="expression">MIT</license>', projectUrl="https://toy.example/", tags="a b",
        dependencies='<dependencies><group targetFramework="net8.0"><dependency id="Other" version="1.0"/></group></dependencies>',
    )  # fmt: skip
    about = files(tmp_path, new)[new.filename].about
    assert about is not None
    assert (about.summary, about.readme, about.readme_type, about.license) == ("A toy", README.decode(), "text/markdown", "MIT")
    assert (about.author, about.keywords, about.links) == ("Ann, Bob", ("a", "b"), {"Project": "https://toy.example/"})
    assert [(one.name, one.range, one.kind) for one in about.dependencies] == [("Other", "[1.0.0, )", "net8.0")]


# -- symbols -----------------------------------------------------------------------------------------------------------


def test_pdb_is_known_by_what_debuggers_ask(tmp_path: Path) -> None:
    """A debugger asks for symbols in vain."""
    content = samples.pdb()
    found = read_pdb(content, "lib/net45/Toy.pdb")
    assert found.name == "toy.pdb" and found.signature == "0123456789ABCDEF0123456789ABCDEFFFFFFFFF"
    assert (found.signature.lower(), found.checksum) == (samples.pdb_key(content)[0].lower(), samples.pdb_key(content)[1])
    changed = bytearray(content)
    changed[-32:-12] = uuid.uuid4().bytes + bytes(4)
    assert read_pdb(bytes(changed), "x").checksum == found.checksum


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a portable PDB"), (b"BSJB", "not a portable PDB"), (b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0", "Windows PDB"),
        (samples.pdb()[:40], "not a portable PDB"), (samples.pdb()[:-1], "not a portable PDB"),
        (struct.pack("<4sHHLL", b"BSJB", 1, 1, 0, 2**32 - 1) + bytes(40), "not a portable PDB"),
        (samples.pdb().replace(b"#Pdb", b"#Pdx"), "not a portable PDB"),
    ],
)  # fmt: skip
def test_other_pdbs_are_refused(content: bytes, says: str) -> None:
    """Symbols that no debugger will find are taken without a word."""
    with pytest.raises(InvalidUpload, match=says):
        read_pdb(content, "lib/Toy.pdb")


@OPTIONS
@given(st.binary(max_size=200), st.integers(0, 150))
def test_any_bytes_are_a_pdb_or_refused(noise: bytes, at: int) -> None:
    """A damaged PDB is a failure of the server."""
    content = samples.pdb()
    try:
        read_pdb(content[:at] + noise + content[at + len(noise) :], "x.pdb")
    except InvalidUpload:
        pass


def test_symbol_package_lists_its_pdbs(tmp_path: Path) -> None:
    """PDBs of a symbol package are not found, or those of a plain package are taken for symbols."""
    new = samples.symbols(files={"lib/net45/Toy.pdb": samples.pdb(), "lib/net8.0/Toy.PDB": samples.pdb(text=b"other"), "x.txt": b""})
    found = package(tmp_path, new.content)
    assert found.nuspec.symbols and found.pdbs == ("lib/net45/Toy.pdb", "lib/net8.0/Toy.PDB")
    assert package(tmp_path, sample(files={"lib/Toy.pdb": samples.pdb()}).content).pdbs == ()


def test_symbols_lie_where_they_are_asked_for(tmp_path: Path) -> None:
    """A PDB lies on another shelf than its signature's, or twice on one."""
    content = spooled(samples.symbols(files={"a/Toy.pdb": samples.pdb(), "b/Toy.pdb": samples.pdb()}).content, tmp_path)
    looked = parse.read_package(content.path)
    found = [symbol for member in looked.pdbs if (symbol := parse.read_symbol(content.path, member)) is not None]
    main, *derived = parse.make_symbol_upload(looked, content, found).files
    signature, checksum = samples.pdb_key(samples.pdb())
    assert (main.path, main.derived) == ("acme.toy.1.0.0.snupkg", False)
    assert [(file.path, file.shelf, file.derived) for file in derived] == [(f"toy.pdb/{checksum}", signature.upper(), True)]


def test_large_pdb_is_left_in_its_package(tmp_path: Path) -> None:
    """A large PDB makes the whole symbol package impossible to publish."""
    new = samples.symbols(files={"lib/Toy.pdb": samples.pdb(text=bytes(PDB_LIMIT))})
    content = spooled(new.content, tmp_path)
    assert parse.read_symbol(content.path, "lib/Toy.pdb") is None


# -- what old clients ask ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "operation"),
    [
        ("Packages(Id='Acme.Toy',Version='1.0.0')", ("Packages", "Acme.Toy", "1.0.0")), ("Packages(Version='1.0',Id='a')", ("Packages", "a", "1.0")),
        ("Packages()", ("Packages", "", "")), ("Packages", ("Packages", "", "")), ("FindPackagesById()", ("FindPackagesById", "", "")),
        ("Search()", ("Search", "", "")), ("GetUpdates()", ("GetUpdates", "", "")), ("Packages(Id='a''b',Version='1')", ("Packages", "a'b", "1")),
    ],
)  # fmt: skip
def test_operations(text: str, operation: tuple[str, str, str]) -> None:
    """An old client asks for one thing and gets another."""
    found = parse.read_operation(text)
    assert found is not None and (found.name, found.id, found.version) == operation


@pytest.mark.parametrize("text", ["", "packages()", "Package()", "$batch", "Packages()x", "x(Id='a',Version='b')"])
def test_other_operations_are_none(text: str) -> None:
    """A path that means nothing is answered."""
    assert parse.read_operation(text) is None


@pytest.mark.parametrize(
    "text", ["Packages(Id='a')", "Packages('a')", "Packages(Id='a',Id='b')", "Packages(Id=a,Version=b)", "Packages(Id='a',Version='b')x'"]
)
def test_broken_keys_are_refused(text: str) -> None:
    """A key that is cut short leads to some other entry."""
    try:
        assert parse.read_operation(text) is None
    except Invalid as error:
        assert "Packages(Id=" in error.message


def test_filters() -> None:
    """An old client's filter is taken for another one."""
    assert parse.read_filter("") == parse.Filter()
    assert parse.read_filter("(tolower(Id) eq 'acme.toy')") == parse.Filter(id="acme.toy")
    assert parse.read_filter("tolower(Id) eq 'a' and IsLatestVersion") == parse.Filter(id="a", latest=True)
    assert parse.read_filter("(Id eq 'A') and (Version eq '1.0') and IsAbsoluteLatestVersion eq false") == parse.Filter(
        id="A", version="1.0", highest=False
    )
    assert parse.read_filter("IsPrerelease eq true and Listed") == parse.Filter(prerelease=True, listed=True)


@pytest.mark.parametrize(
    "text", ["startswith(Id,'a')", "Id eq 'a' or Id eq 'b'", "Id", "1 eq 1", "Id eq 'a' and", "x" * 5000, "Id eq 'a'; drop table"]
)
def test_filters_that_are_not_known(text: str) -> None:
    """A filter that is not understood is passed over, and everything comes back."""
    with pytest.raises(InvalidParameter):
        parse.read_filter(text)
