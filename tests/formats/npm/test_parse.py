"""What a PUT means, what a tarball says, and that the two agree; hostile bodies and archives get a clear error and nothing else."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packhouse.errors import DigestMismatch, Invalid, InvalidUpload, InvalidVersion, RegistryError, TooLarge
from packhouse.formats.npm import parse
from packhouse.formats.npm.index import Facts
from packhouse.model import About, NewFile, Upload

from . import samples
from .fake import collect_form, spooled
from .samples import Sample, sample

OPTIONS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def put(document: Any, *files: str, name: str = "toy", headers: Mapping[str, str] | None = None, shrink: bool = False) -> Any:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return parse.read_put(body, name=name, attachments=files, headers=headers or {}, shrink=shrink)


def tarball(folder: Path, content: bytes) -> parse.Tarball:
    path = folder / "spooled"
    path.write_bytes(content)
    return parse.read_tarball(str(path))


def package(folder: Path, **fields: Any) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(tarball(folder, samples.package(**fields)).manifest)
    return manifest


def upload(folder: Path, new: Sample, document: Mapping[str, Any] | None = None) -> Upload:
    """The whole way from the body of a PUT to what the house stores."""
    splitter = parse.PutSplitter()
    form = collect_form([*splitter.feed(json.dumps(document or new.document()).encode()), *splitter.end()], folder)
    found = put(dict(form.fields)["document"], *(part.name for part in form.files), name=new.name)
    content = form.files[0].content
    parse.check_content(found, content)
    looked = parse.read_tarball(content.path)
    provenance = parse.read_provenance(found.provenance, found.name, found.version, content.sha512) if found.provenance else None
    return parse.make_upload(found, looked, content, provenance)


def facts(file: NewFile) -> tuple[dict[str, Any], dict[str, Any]]:
    read = msgspec.json.decode(file.facts, type=Facts)
    return json.loads(bytes(read.manifest)), json.loads(bytes(read.dist))


# -- what a PUT means --------------------------------------------------------------------------------------------------

MANIFEST = {"name": "toy", "version": "1.0.0"}
PUBLISH = {"name": "toy", "versions": {"1.0.0": MANIFEST}, "dist-tags": {"beta": "1.0.0"}}
FILE = "toy-1.0.0.tgz"


def test_put_with_a_file_publishes() -> None:
    """A publish is taken for something else, or under another tag."""
    meaning = put(PUBLISH, FILE)
    assert (meaning.name, meaning.version, meaning.tag, meaning.tarball) == ("toy", "1.0.0", "beta", FILE)
    assert put({**PUBLISH, "dist-tags": {}}, FILE).tag == "latest"


@pytest.mark.parametrize("headers", [{"npm-command": "deprecate"}, {}])
def test_put_without_a_file_deprecates(headers: dict[str, str]) -> None:
    """`npm deprecate`, or a tool that sends no header, does not deprecate, or takes a version for deprecated that is not."""
    document = {"versions": {"1.0.0": {"deprecated": "use 2"}, "1.1.0": {"deprecated": ""}, "1.2.0": {"deprecated": False}, "2.0.0": {}}}
    assert put(document, headers=headers).messages == {"1.0.0": "use 2", "1.1.0": "", "1.2.0": ""}


def test_put_with_a_revision_is_a_step_of_unpublishing() -> None:
    """The versions that stay after `npm unpublish` are misread."""
    assert put({"name": "toy", "versions": {"1.0.0": {}, "2.0.0": {}}}, shrink=True).versions == {"1.0.0", "2.0.0"}


@pytest.mark.parametrize(
    ("document", "files", "says"),
    [
        (b"{", (FILE,), "Invalid json"),
        (b"[]", (FILE,), "must be an object"),
        (b"\xff{}", (FILE,), "UTF-8"),
        (b'{"a": "\\ud800"}', (FILE,), "UTF-8"),
        (b'{"a": 1, "a": 2}', (FILE,), "'a' stands twice"),
        (b'{"a": NaN}', (FILE,), "NaN"),
        (b'{"a": 1e999}', (FILE,), "too large"),
        (b'{"a": 12345678901234567890}', (FILE,), "18 digits"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, (FILE,), "nested deeper"),
        (b"[" * 100_000, (FILE,), "Invalid json"),
        ({**PUBLISH, "versions": {}}, (FILE,), "no versions"),
        ({"name": "toy"}, (FILE,), "no versions"),
        ({**PUBLISH, "versions": {"1.0.0": MANIFEST, "2.0.0": MANIFEST}}, (FILE,), "one at a time"),
        ({**PUBLISH, "versions": {"": MANIFEST}}, (FILE,), "Version is empty."),
        ({**PUBLISH, "versions": {"1.0": MANIFEST}}, (FILE,), "1.0"),
        ({**PUBLISH, "versions": {"2.0.0": MANIFEST}}, (FILE,), "2.0.0, but its content says '1.0.0'"),
        ({**PUBLISH, "versions": {"1.0.0": "x"}}, (FILE,), "must be an object"),
        ({**PUBLISH, "versions": {"1.0.0": {**MANIFEST, "name": "other"}}}, (FILE,), "'other', but the address says 'toy'"),
        ({**PUBLISH, "name": "other"}, (FILE,), "'other', but the address says 'toy'"),
        ({**PUBLISH, "dist-tags": {"latest": "2.0.0"}}, (FILE,), "names version '2.0.0'"),
        ({**PUBLISH, "dist-tags": {"1.x": "1.0.0"}}, (FILE,), "version range"),
        ({**PUBLISH, "dist-tags": {"a": "1.0.0", "b": "1.0.0"}}, (FILE,), "one dist-tag"),
        ({**PUBLISH, "dist-tags": "latest"}, (FILE,), "one dist-tag"),
        ({**PUBLISH, "_attachments": {}}, (), "Attachment data is empty."),
        (PUBLISH, ("a.tgz", "b.tgz"), "one at a time"),
        ({**PUBLISH, "_attachments": {"a.sigstore": {"data": 1}}}, (FILE,), "provenance bundle"),
        (PUBLISH, (), "neither an attachment nor a version with a `deprecated` message"),
        ({"versions": {"1.0.0": {"deprecated": 1}}}, (), "must be a string"),
        ({"versions": []}, (), "no packument"),
        (b"{", (), "Invalid json"),
        (b"\xff", (), "Invalid json"),
        (b'{"a":' * 100_000, (), "Invalid json"),
    ],
)
def test_put_that_means_nothing(document: Any, files: tuple[str, ...], says: str) -> None:
    """A body that says nothing clear is taken for something, or refused without saying why."""
    with pytest.raises(Invalid) as caught:
        put(document, *files)
    assert says in caught.value.message


def test_document_of_a_publish_is_bounded() -> None:
    """A publish could bring any amount of text beside its file."""
    with pytest.raises(TooLarge):
        put({**PUBLISH, "readme": "x" * 11 * 1024**2}, FILE)


@OPTIONS
@given(st.one_of(st.binary(max_size=200), st.recursive(st.none() | st.booleans() | st.text(max_size=5), lambda each: st.dictionaries(
    st.sampled_from(["name", "versions", "dist-tags", "_attachments", "1.0.0", "deprecated", "version", "toy"]), each, max_size=4)).map(
    lambda value: json.dumps(value).encode())))  # fmt: skip
def test_any_body_of_a_put_is_read_or_refused(body: bytes) -> None:
    """A strange body raises something that is no refusal, and the client sees a failure of the server."""
    for files in ((), (FILE,)):
        for shrink in (False, True):
            try:
                put(body, *files, shrink=shrink)
            except RegistryError:
                pass


@pytest.mark.parametrize(("body", "says"), [(b"", "not given"), (b'""', "not given"), (b"{}", "JSON string"), (b"1.0.0", "JSON string")])
def test_version_of_a_tag_is_a_json_string(body: bytes, says: str) -> None:
    """The body of `npm dist-tag add` is misread, or something else is taken for a version."""
    assert parse.read_tag_version(b' "1.0.0"\n') == "1.0.0"
    with pytest.raises(Invalid, match=says):
        parse.read_tag_version(body)


# -- the tarball -------------------------------------------------------------------------------------------------------


def test_tarball_says_what_it_is(tmp_path: Path) -> None:
    """A package's own description of itself is lost on the way."""
    new = sample("toy", "1.0.0", dependencies={"left": " ^1.0.0 "}, bin="./cli.js", author="Ann <ann@mail.example> (https://ann.example)")
    found = tarball(tmp_path, new.content)
    manifest = json.loads(found.manifest)
    assert manifest["bin"] == {"toy": "cli.js"}
    assert manifest["dependencies"] == {"left": "^1.0.0"}
    assert manifest["author"] == {"name": "Ann", "email": "ann@mail.example", "url": "https://ann.example"}
    assert found.readme == samples.README.decode()
    assert (found.file_count, found.unpacked_size) == (3, sum(map(len, (samples.README, b"module.exports = 0\n"))) + len(json.dumps(new.manifest)))


@pytest.mark.parametrize("folder", ["package/", "toy-1.0.0/", "./package/", "anything/"])
def test_first_folder_may_have_any_name(folder: str, tmp_path: Path) -> None:
    """A tarball that clients install, as they strip the first folder unseen, is refused."""
    content = samples.tarball({"package.json": b'{"name": "toy", "version": "1.0.0"}', "lib/package.json": b'{"name": "inner"}'}, folder)
    assert json.loads(tarball(tmp_path, content).manifest)["name"] == "toy"


HOSTILE = {
    "no archive": b"hello",
    "nothing": b"",
    "gzip of no archive": gzip.compress(b"hello"),
    "cut short": samples.package()[:-20],
    "not compressed": gzip.decompress(samples.package()),
    "no package.json": samples.tarball({"index.js": b""}),
    "package.json outside a folder": samples.tarball({"package.json": b'{"name": "toy"}'}, folder=""),
    "package.json too deep": samples.tarball({"package.json": b'{"name": "toy"}'}, folder="a/b/"),
    "two of them": samples.tarball({"a/package.json": b'{"name": "toy"}', "b/package.json": b'{"name": "evil"}'}, folder=""),
    "two of another file": samples.tarball({"a/package.json": b'{"name": "toy"}', "a/x.js": b"1", "b/x.js": b"2"}, folder=""),
    "climbing": samples.tarball({"package.json": b"{}", "../../etc/passwd": b""}),
    "absolute": samples.tarball({"package.json": b"{}", "x": b""}, folder="/package/"),
    "package.json of 6 MiB": samples.tarball({"package.json": b'{"a": "' + b"x" * 6 * 1024**2 + b'"}'}),
    "bomb": gzip.compress(gzip.decompress(samples.tarball({"package.json": b"{}", "zeros": bytes(64 * 1024**2)}))),
    "twice the same key": samples.tarball({"package.json": b'{"name": "toy", "name": "evil"}'}),
    "a list": samples.tarball({"package.json": b"[]"}),
    "latin-1": samples.tarball({"package.json": '{"name": "é"}'.encode("latin-1")}),
    "no json": samples.tarball({"package.json": b"name: toy"}),
    "dependencies as text": samples.package(dependencies="left ^1.0.0"),
    "dependencies as a list": samples.package(dependencies=["left"]),
    "a range that is a number": samples.package(peerDependencies={"left": 1}),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_tarballs_are_refused(content: bytes, tmp_path: Path) -> None:
    """An archive that tools read differently, or that is none, is published."""
    with pytest.raises(InvalidUpload) as caught:
        tarball(tmp_path, content)
    assert caught.value.message


@OPTIONS
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(gzip.compress), st.binary(max_size=300).map(
    lambda content: samples.tarball({"package.json": content}))))  # fmt: skip
def test_any_bytes_are_no_tarball(tmp_path: Path, content: bytes) -> None:
    """Strange bytes raise something that is no refusal."""
    with contextlib.suppress(InvalidUpload):
        tarball(tmp_path, content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=6),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=6), each, max_size=3),
)
FIELDS = st.sampled_from(
    ["name", "version", "dependencies", "bin", "scripts", "directories", "bundleDependencies", "author", "contributors", "maintainers",
     "repository", "license", "licenses", "keywords", "engines", "gypfile", "peerDependencies", "bugs", "homepage", "description", "funding"]
)  # fmt: skip


@OPTIONS
@given(st.dictionaries(FIELDS, JSON, max_size=8))
def test_any_package_json_is_read_or_refused(tmp_path: Path, fields: dict[str, Any]) -> None:
    """A field of an unexpected kind raises something that is no refusal, in the parser, in what people read, or in the facts."""
    new = sample("toy", "1.0.0")
    content = samples.tarball(
        {"package.json": json.dumps({**new.manifest, **fields, "name": "toy", "version": "1.0.0"}).encode(), "binding.gyp": b""}
    )
    try:
        made = upload(tmp_path, Sample("toy", "1.0.0", content, {}))
    except Invalid:
        return
    assert msgspec.json.decode(msgspec.json.encode(made.files[0].about), type=About)


def test_commands_may_be_the_files_of_a_folder(tmp_path: Path) -> None:
    """A package that lists its commands by folder has none in the index."""
    manifest = {"name": "toy", "version": "1.0.0", "directories": {"bin": "./bin"}}
    content = samples.tarball({"package.json": json.dumps(manifest).encode(), "bin/one.js": b"", "bin/.hidden": b"", "binary": b""})
    found = tarball(tmp_path, content)
    assert found.bin_folder
    assert json.loads(found.manifest)["bin"] == {"one.js": "bin/one.js"}


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("./cli.js", {"toy": "cli.js"}),
        ({"a": "/cli.js", "b": "../../etc/passwd", "../c": "x.js", "d": 1, "e": ""}, {"a": "cli.js", "b": "etc/passwd", "c": "x.js"}),
        (["bin/x.js"], {"x.js": "bin/x.js"}),
        ({"..": "x.js"}, {}),
        ({"x": "a\\b.js"}, {"x": "a/b.js"}),
        (7, {}),
    ],
)
def test_commands_stay_inside_the_package(given: Any, clean: dict[str, str], tmp_path: Path) -> None:
    """A command in the index points outside its package, or is lost in one of the shapes it may have."""
    assert package(tmp_path, bin=given).get("bin", {}) == clean


def test_bundled_dependencies_are_a_list(tmp_path: Path) -> None:
    """Clients that read a list of bundled packages get one of the other shapes."""
    both = {"a": "1", "b": "1"}
    assert package(tmp_path, dependencies=both, bundleDependencies=True)["bundleDependencies"] == ["a", "b"]
    assert package(tmp_path, dependencies=both, bundledDependencies=["a"])["bundleDependencies"] == ["a"]
    assert "bundleDependencies" not in package(tmp_path, dependencies=both, bundleDependencies=False)


def test_what_only_the_registry_may_say_is_dropped(tmp_path: Path) -> None:
    """A package.json could call its own version deprecated, or say where its tarball lies."""
    dropped = {"dist": {"tarball": "x"}, "deprecated": "x", "_id": "other@1", "readme": "x", "hasInstallScript": False, "_hasShrinkwrap": True}
    assert not set(package(tmp_path, **dropped)) & set(dropped)


def test_readme_prefers_markdown(tmp_path: Path) -> None:
    """The page shows another file than the readme."""
    files = {"package.json": b'{"name": "toy", "version": "1.0.0"}', "README": b"plain", "readme.md": b"# mark", "docs/README.md": b"inner"}
    assert tarball(tmp_path, samples.tarball(files)).readme == "# mark"


# -- document and tarball agree ----------------------------------------------------------------------------------------


def publish(folder: Path, document: Mapping[str, Any], content: bytes, name: str = "toy", version: str = "1.0.0") -> dict[str, Any]:
    """The manifest that is kept when a client says this of these bytes."""
    manifest, _ = facts(upload(folder, Sample(name, version, content, document)).files[0])
    return manifest


LIES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("name", {}, {"name": "evil"}),
    ("version", {}, {"version": "1.0.1"}),
    ("version", {}, {"version": None}),
    ("dependencies", {"dependencies": {"left": "^1.0.0"}}, {"dependencies": {"left": "^2.0.0"}}),
    ("dependencies", {}, {"dependencies": {"left": "^1.0.0"}}),
    ("dependencies", {"dependencies": {"left": "^1.0.0"}}, {}),
    ("optionalDependencies", {}, {"optionalDependencies": {"left": "^1.0.0"}}),
    ("peerDependencies", {"peerDependencies": {"left": "^1.0.0"}}, {"peerDependencies": {"right": "^1.0.0"}}),
    ("dependencies", {"dependencies": {"left": "acme/left"}}, {"dependencies": {"left": "evil/left"}}),
    ("postinstall", {}, {"scripts": {"postinstall": "node evil.js"}}),
    ("postinstall", {"scripts": {"postinstall": "node good.js"}}, {"scripts": {"postinstall": "node evil.js"}}),
    ("preinstall", {"scripts": {"preinstall": "node good.js"}}, {}),
    ("install", {"scripts": {"install": "node good.js"}}, {}),
    ("bin", {}, {"bin": {"node": "evil.js"}}),
    ("bin", {"bin": {"toy": "good.js"}}, {"bin": {"toy": "evil.js"}}),
]


@pytest.mark.parametrize(("field", "document", "inside"), LIES, ids=[f"{field}{number}" for number, (field, _, _) in enumerate(LIES)])
def test_document_that_contradicts_the_tarball_is_refused(field: str, document: dict[str, Any], inside: dict[str, Any], tmp_path: Path) -> None:
    """What people read before they install is not what they install."""
    with pytest.raises(InvalidUpload, match=field) as caught:
        publish(tmp_path, document, samples.package(**inside))
    assert "document says" in caught.value.message and "tarball says" in caught.value.message


TIDIED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("npm and yarn 1 drop the build", {}, {"version": "1.0.0+build.5"}),
    ("npm drops a v", {}, {"version": "v1.0.0"}),
    ("npm trims the name", {}, {"name": " toy "}),
    ("npm makes bin an object without ./", {"bin": {"toy": "cli.js"}}, {"bin": "./cli.js"}),
    ("yarn berry keeps bin", {"bin": "./cli.js"}, {"bin": "./cli.js"}),
    ("pnpm keeps ./ in bin", {"bin": {"toy": "./cli.js"}}, {"bin": "cli.js"}),
    ("npm writes out git addresses", {"dependencies": {"a": "github:acme/a"}}, {"dependencies": {"a": "acme/a"}}),
    (
        "npm writes out git addresses",
        {"dependencies": {"a": "git+ssh://git@h.example/acme/a.git#v1"}},
        {"dependencies": {"a": "git@h.example:acme/a#v1"}},
    ),
    ("npm up to 6 copies optional", {"dependencies": {"a": "1"}, "optionalDependencies": {"a": "1"}}, {"optionalDependencies": {"a": "1"}}),
    ("npm strips local tools", {"scripts": {"postinstall": "foo"}}, {"scripts": {"postinstall": "node_modules/.bin/foo"}}),
    ("npm and yarn 1 add a build", {"scripts": {"install": "node-gyp rebuild"}, "gypfile": True}, {}),
    ("pnpm drops other scripts", {"scripts": {}}, {"scripts": {"prepublishOnly": "true", "test": "true"}}),
    ("empty maps come and go", {"dependencies": {}, "peerDependencies": {}}, {}),
    ("pnpm lists no devDependencies", {}, {"devDependencies": {"a": "1"}}),
]


@pytest.mark.parametrize(("document", "inside"), [case[1:] for case in TIDIED], ids=[case[0] for case in TIDIED])
def test_what_clients_tidy_is_no_contradiction(document: dict[str, Any], inside: dict[str, Any], tmp_path: Path) -> None:
    """A package that is honest, but that its client has tidied, cannot be published."""
    manifest = publish(tmp_path, document, samples.package(**inside))
    assert (manifest["name"], manifest["version"]) == ("toy", "1.0.0")


ODD = {
    "name": "@acme/odd", "version": "1.0.0+build.5", "description": "An odd one", "bin": "./cli.js", "author": "A B <a@b.example> (http://b.example)",
    "repository": "github:acme/odd", "license": "MIT", "keywords": ["a", "b"], "man": "./man.1", "files": ["*"],
    "scripts": {"postinstall": "node_modules/.bin/foo", "prepublishOnly": "true"}, "engines": {"node": ">=18"},
    "dependencies": {"left": "^1.0.0", "opt": "1", "gitdep": "acme/gitdep"}, "optionalDependencies": {"opt": "1"},
    "devDependencies": {"dev": "1"}, "peerDependencies": {"peer": "*"}, "bundledDependencies": ["left"], "funding": "http://f.example",
    "exports": {".": "./index.js"}, "publishConfig": {"access": "public", "main": "./pub.js"}, "main": "index.js",
}  # fmt: skip

# What these clients made of ODD: each was run on a folder with this package.json, a binding.gyp and a server.js, against a loopback
# listener that kept the body (`npm publish`, `pnpm publish --no-git-checks`, `yarn publish`, `yarn npm publish`). First what
# differs in the document, then what differs in the tarball's package.json.
SENT: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "npm 11.19.1": (
        "1.0.0",
        {
            "bin": {"odd": "cli.js"}, "author": {"name": "A B", "email": "a@b.example", "url": "http://b.example"}, "man": ["man.1"],
            "scripts": {"postinstall": "foo", "prepublishOnly": "true", "install": "node-gyp rebuild", "start": "node server.js"},
            "dependencies": {"left": "^1.0.0", "opt": "1", "gitdep": "github:acme/gitdep"}, "gypfile": True, "bundledDependencies": None,
            "bundleDependencies": ["left"], "_nodeVersion": "20.20.2", "_npmVersion": "11.19.1", "gitHead": "ab" * 20,
        },
        {},
    ),
    "pnpm 12.21.0": (
        "1.0.0",
        {"bin": {"odd": "./cli.js"}, "main": "./pub.js", "scripts": {"postinstall": "node_modules/.bin/foo"}, "publishConfig": {"access": "public"}},
        {"version": "1.0.0", "bin": {"odd": "./cli.js"}, "main": "./pub.js", "scripts": {"postinstall": "node_modules/.bin/foo"}},
    ),
    "yarn 1.22.22": (
        "1.0.0",
        {
            "bin": {"odd": "cli.js"}, "man": ["./man.1"],
            "scripts": {"postinstall": "node_modules/.bin/foo", "prepublishOnly": "true", "start": "node server.js", "install": "node-gyp rebuild"},
        },
        {},
    ),
    "yarn 4.18.1": ("1.0.0+build.5", {"main": "./pub.js"}, {"main": "./pub.js"}),
}  # fmt: skip


@pytest.mark.parametrize("client", SENT)
def test_document_of_a_real_client_agrees_with_its_tarball(client: str, tmp_path: Path) -> None:
    """A package cannot be published with this client because of how it tidies the document."""
    version, told, inside = SENT[client]
    document = {key: value for key, value in {**ODD, **told}.items() if value is not None}
    content = samples.tarball({"package.json": json.dumps({**ODD, **inside}).encode(), "binding.gyp": b"{}", "cli.js": b""})
    manifest = publish(tmp_path, {**document, "version": version}, content, "@acme/odd", version)
    assert (manifest["version"], manifest["bin"]) == (version, {"odd": "cli.js"})
    assert manifest["dependencies"]["gitdep"] == "acme/gitdep"
    assert manifest["hasInstallScript"] is True
    assert manifest.get("_npmVersion") == told.get("_npmVersion")


def test_index_is_made_from_the_tarball(tmp_path: Path) -> None:
    """A document could add to the index what the tarball does not say."""
    told = {"engines": {"node": "1"}, "os": ["win32"], "description": "another", "gitHead": "abc", "evil": True, "_npmUser": {"name": "root"}}
    manifest = publish(tmp_path, told, samples.package(engines={"node": ">=18"}))
    assert manifest["engines"] == {"node": ">=18"}
    assert manifest["gitHead"] == "abc"
    assert not {"os", "evil", "_npmUser", "description"} & set(manifest)


@pytest.mark.parametrize(
    ("files", "scripts", "flag"),
    [
        ({}, {"postinstall": "x"}, True),
        ({}, {"test": "x"}, False),
        ({"binding.gyp": b"{}"}, {}, True),
        ({"binding.gyp": b"{}"}, {"preinstall": "x"}, True),
    ],
)
def test_install_scripts_are_flagged(files: dict[str, bytes], scripts: dict[str, str], flag: bool, tmp_path: Path) -> None:
    """A client that runs no scripts without being told is not told that there are some."""
    manifest = {"name": "toy", "version": "1.0.0", "scripts": scripts}
    content = samples.tarball({"package.json": json.dumps(manifest).encode(), **files})
    assert publish(tmp_path, {"scripts": scripts}, content).get("hasInstallScript", False) is flag


def test_shrinkwrap_is_flagged(tmp_path: Path) -> None:
    """npm does not look for the versions that a package fixes."""
    files = {"package.json": b'{"name": "toy", "version": "1.0.0"}', "npm-shrinkwrap.json": b"{}"}
    assert publish(tmp_path, {}, samples.tarball(files))["_hasShrinkwrap"] is True


# -- digests -----------------------------------------------------------------------------------------------------------

CONTENT = samples.package()
GOOD = samples.integrity(CONTENT)


@pytest.mark.parametrize(
    ("dist", "error"),
    [
        ({"shasum": "0" * 40}, DigestMismatch),
        ({"shasum": ""}, DigestMismatch),
        ({"shasum": 1}, DigestMismatch),
        ({"integrity": samples.integrity(b"other")}, DigestMismatch),
        ({"integrity": f"{GOOD} sha1-{'A' * 27}="}, DigestMismatch),
        ({"integrity": "sha512-!"}, InvalidUpload),
        ({"integrity": "sha9-AAAA"}, InvalidUpload),
        ({"integrity": "md5-mgNkuembtIDdJeHwKEyFVQ=="}, InvalidUpload),
        ({"integrity": ""}, InvalidUpload),
        ({"integrity": 7}, InvalidUpload),
    ],
)
def test_wrong_digests_are_refused(dist: dict[str, Any], error: type[RegistryError], tmp_path: Path) -> None:
    """Bytes that were damaged on the way, or swapped, are published."""
    new = Sample("toy", "1.0.0", CONTENT, {})
    document = new.document()
    document["versions"]["1.0.0"]["dist"] = dist
    with pytest.raises(error):
        upload(tmp_path, new, document)


@pytest.mark.parametrize("integrity", [GOOD, f"{GOOD}?opt", f"sha384-xx {GOOD}", f"{samples.integrity(b'other')} {GOOD}", None])
def test_right_digests_are_taken(integrity: str | None, tmp_path: Path) -> None:
    """A form of integrity that clients send is refused."""
    new = Sample("toy", "1.0.0", CONTENT, {})
    document = new.document()
    document["versions"]["1.0.0"]["dist"] = {"integrity": integrity} if integrity else {}
    _, dist = facts(upload(tmp_path, new, document).files[0])
    assert dist["integrity"] == GOOD
    assert dist["shasum"] == hashlib.sha1(CONTENT).hexdigest()
    assert "tarball" not in dist


def test_wrong_length_is_refused(tmp_path: Path) -> None:
    """An attachment that was cut short is published."""
    new = Sample("toy", "1.0.0", CONTENT, {})
    document = new.document()
    document["_attachments"][new.filename]["length"] += 1
    with pytest.raises(DigestMismatch, match="bytes"):
        upload(tmp_path, new, document)


def test_empty_attachment_is_refused(tmp_path: Path) -> None:
    """A version without a file is published."""
    new = Sample("toy", "1.0.0", b"", {})
    with pytest.raises(InvalidUpload, match=r"Attachment data is empty\."):
        upload(tmp_path, new)


# -- provenance --------------------------------------------------------------------------------------------------------


def test_provenance_is_kept_beside_the_tarball(tmp_path: Path) -> None:
    """`npm publish --provenance` is refused, or its bundle is changed or lost."""
    new = samples.with_provenance(sample("@acme/toy", "1.0.0"))
    main, beside = upload(tmp_path, new).files
    assert (main.derived, beside.derived, beside.path) == (False, True, "@acme/toy-1.0.0.sigstore")
    assert isinstance(beside.content, bytes)
    [answer] = json.loads(beside.content)["attestations"]
    assert answer == {"predicateType": "https://slsa.dev/provenance/v1", "bundle": json.loads(samples.bundle(new.name, "1.0.0", new.content))}


BUNDLES = {
    "no json": "{",
    "a list": "[]",
    "no envelope": "{}",
    "no base64": json.dumps({"dsseEnvelope": {"payload": "!"}}),
    "no statement": json.dumps({"dsseEnvelope": {"payload": "AAAA"}}),
    "another name": samples.bundle("toy", "1.0.0", CONTENT),
    "another version": samples.bundle("@acme/toy", "1.0.1", CONTENT),
    "other bytes": samples.bundle("@acme/toy", "1.0.0", b"other"),
    "no subject": samples.bundle("@acme/toy", "1.0.0", CONTENT, subject=[]),
    "two subjects": samples.bundle("@acme/toy", "1.0.0", CONTENT, subject=[{}, {}]),
    "no predicate": samples.bundle("@acme/toy", "1.0.0", CONTENT, predicate=""),
    "too long": " " * (1024**2 + 1),
}


@pytest.mark.parametrize("text", BUNDLES.values(), ids=BUNDLES.keys())
def test_provenance_of_something_else_is_refused(text: str) -> None:
    """A bundle that speaks of another package, or of other bytes, is shown beside this one."""
    with pytest.raises(Invalid):
        parse.read_provenance(text, "@acme/toy", "1.0.0", hashlib.sha512(CONTENT).hexdigest())


# -- for people --------------------------------------------------------------------------------------------------------


def test_about_says_what_pages_show(tmp_path: Path) -> None:
    """The page of a package lacks what its author wrote, or shows a link that runs a script."""
    new = sample(
        "toy", "1.0.0", author={"name": "Ann", "email": "a@mail.example"}, keywords="x, y", homepage="javascript://toy.example/%0aalert(1)",
        engines={"node": ">=18"},
        repository={"type": "git", "url": "git+https://code.example/a.git"}, dependencies={"b": "2", "a": "1"}, peerDependencies={"c": "*"},
    )  # fmt: skip
    about = upload(tmp_path, new).files[0].about
    assert about is not None
    assert (about.summary, about.license, about.author, about.keywords) == ("A toy", "MIT", "Ann <a@mail.example>", ("x", "y"))
    assert (about.requires, about.links) == ("node >=18", {"Repository": "https://code.example/a.git"})
    assert about.readme == samples.README.decode()
    assert [(each.kind, each.name, each.range) for each in about.dependencies] == [("runtime", "a", "1"), ("runtime", "b", "2"), ("peer", "c", "*")]


@pytest.mark.parametrize(
    ("fields", "license"), [({"license": {"type": "MIT"}}, "MIT"), ({"licenses": [{"type": "BSD"}]}, "BSD"), ({"license": 1}, "")]
)
def test_licence_in_its_old_shapes(fields: dict[str, Any], license: str, tmp_path: Path) -> None:
    """An old package shows no licence, or breaks the page."""
    about = upload(tmp_path, Sample("toy", "1.0.0", samples.package(**fields), {})).files[0].about
    assert about is not None and about.license == license


# -- audit -------------------------------------------------------------------------------------------------------------


def test_audit_body_may_be_compressed() -> None:
    """`npm audit` is refused, as npm compresses what it sends."""
    body = b'{"left": ["1.0.0"]}'
    parse.read_audit(body, "")
    parse.read_audit(gzip.compress(body), "gzip")


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"", ""), (b"[]", ""), (b"{", ""), (b"\xff", ""), (b"{}", "gzip"), (gzip.compress(b"{}")[:-4], "gzip"), (gzip.compress(b"no"), "gzip")],
)
def test_audit_of_nothing_is_refused(body: bytes, encoding: str) -> None:
    """A body that is no audit raises something that is no refusal."""
    with pytest.raises(Invalid):
        parse.read_audit(body, encoding)


def test_audit_is_bounded() -> None:
    """A small compressed body fills the memory."""
    with pytest.raises(TooLarge):
        parse.read_audit(gzip.compress(bytes(40 * 1024**2)), "gzip")


def test_upload_names_what_the_house_stores(tmp_path: Path) -> None:
    """The file, its name or its tag would be another than the document asked for."""
    made = upload(tmp_path, sample("@acme/toy", "1.0.0"), sample("@acme/toy", "1.0.0").document(**{"dist-tags": {"beta": "1.0.0"}}))
    assert (made.name, made.version, made.tags, [file.path for file in made.files]) == ("@acme/toy", "1.0.0", ("beta",), ["@acme/toy-1.0.0.tgz"])


def test_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    """A file of any size is stored."""
    content = msgspec.structs.replace(spooled(b"x", tmp_path), size=parse.MAX_FILE_SIZE + 1)
    with pytest.raises(TooLarge):
        parse.check_content(put(PUBLISH, FILE), content)


def test_blank_version_is_named() -> None:
    """The reason that GitLab gives for a blank version is another here."""
    with pytest.raises(InvalidVersion, match="Version is empty"):
        put({**PUBLISH, "versions": {"": {"version": ""}}}, FILE)
