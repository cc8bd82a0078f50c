"""Gems and what they say of themselves; whatever the bytes, a plain refusal."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packhouse.errors import Invalid, InvalidUpload
from packhouse.formats.rubygems import parse
from packhouse.formats.rubygems.index import ANY, Dependency, Spec
from packhouse.formats.rubygems.parse import gem as gems
from packhouse.formats.rubygems.parse import yamls
from packhouse.model import Spooled

from .samples import data, dependency, gem, gzip_of, link, metadata, requirement, sample, tar

DATA = data({"lib/toy.rb": b"TOY = 1\n"})


def read(content: bytes, tmp_path: Path) -> Spec:
    path = tmp_path / "toy.gem"
    path.write_bytes(content)
    return parse.read_gem(str(path))


def refusal(content: bytes, tmp_path: Path) -> str:
    with pytest.raises(InvalidUpload) as refused:
        read(content, tmp_path)
    return refused.value.message


# -- gems --------------------------------------------------------------------------------------------------------------


def test_the_smallest(tmp_path: Path) -> None:
    """A gem could be read as another one than it is."""
    assert read(sample().content, tmp_path) == Spec(name="toy", number="1.0.0", made_by="3.3.15", summary="A toy", authors=("A toy maker",))
    assert read(sample(version="1.0.a-java").content, tmp_path).platform == "java"


@pytest.mark.parametrize("order", [("data.tar.gz", "metadata.gz"), ("metadata.gz", "data.tar.gz")])
def test_members_in_any_order(order: tuple[str, str], tmp_path: Path) -> None:
    """A gem could be refused for the order of its members, or for its signatures, or for having no checksums."""
    members = {"metadata.gz": gzip_of(metadata()), "data.tar.gz": DATA}
    signed = {name: content for each in order for name, content in ((each, members[each]), (f"{each}.sig", b"signed"))}
    assert read(gem(signed), tmp_path).name == "toy"
    assert read(gem({name: members[name] for name in order}, sums=False), tmp_path).name == "toy"


BROKEN: Mapping[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty"),
    "text": (b"MD5SUM = 1\n" * 100, "tar archive"),
    "packed": (gzip_of(sample().content), "compressed with gz"),
    "no metadata": (gem({"data.tar.gz": DATA}), "no member metadata.gz"),
    "no data": (gem({"metadata.gz": gzip_of(metadata())}), "no member data.tar.gz"),
    "another member": (gem({"metadata.gz": gzip_of(metadata()), "data.tar.gz": DATA, "evil": b""}), "'evil'"),
    "Marshal": (gem({"metadata": b"\x04\bo:\x0bObject\0", "data.tar.gz": DATA}), "'metadata'"),
    "metadata twice": (tar({"metadata.gz": gzip_of(metadata())})[:1024] * 2 + tar({"data.tar.gz": DATA}), "twice"),
    "a link": (tar({"data.tar.gz": DATA}, [link("metadata.gz", "data.tar.gz")]), "'metadata.gz'"),
    "metadata not packed": (gem({"metadata.gz": metadata(), "data.tar.gz": DATA}), "gzip data cannot be read"),
    "metadata cut short": (gem({"metadata.gz": gzip_of(metadata())[:-9], "data.tar.gz": DATA}), "one gzip stream"),
    "metadata and more": (gem({"metadata.gz": gzip_of(metadata()) * 2, "data.tar.gz": DATA}), "one gzip stream"),
    "data cut short": (gem({"metadata.gz": gzip_of(metadata()), "data.tar.gz": DATA[:-9]}), "cut short"),
    "data not packed": (gem({"metadata.gz": gzip_of(metadata()), "data.tar.gz": tar({})}), "compressed with nothing"),
    "cut short": (sample().content[:1500], "cut short"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken(case: str, tmp_path: Path) -> None:
    """What is no whole gem could be published, and fail where it is installed."""
    content, reason = BROKEN[case]
    assert reason in refusal(content, tmp_path)


LINKS: Mapping[str, tarfile.TarInfo] = {
    "up": link("lib/a", "../../b"),
    "up on the way": link("lib/a", "b/../../../c"),
    "absolute": link("a", "/etc/passwd"),
    "to nothing": link("a", ""),
    "backslashes": link("a", "..\\..\\b"),
    "hard": link("lib/a", "lib/toy.rb", tarfile.LNKTYPE),
    "below a link": link("lib", "elsewhere"),
    "device": link("a", "", tarfile.CHRTYPE),
    "outside": tarfile.TarInfo("../a"),
    "root": tarfile.TarInfo("/a"),
    "twice": tarfile.TarInfo("lib/toy.rb"),
}


@pytest.mark.parametrize("case", LINKS)
def test_nothing_leaves_the_folder(case: str, tmp_path: Path) -> None:
    """A gem could put a file elsewhere on the machine that installs it."""
    content = data({"lib/toy.rb": b""}, LINKS[case])
    assert refusal(gem({"metadata.gz": gzip_of(metadata()), "data.tar.gz": content}), tmp_path)


def test_links_inside(tmp_path: Path) -> None:
    """A link that stays in the folder of its gem could be refused."""
    content = data({"lib/toy.rb": b""}, link("ext/a/toy.rb", "../../lib/toy.rb"), link("here", "lib"))
    assert read(gem({"metadata.gz": gzip_of(metadata()), "data.tar.gz": content}), tmp_path).name == "toy"


def test_bombs(tmp_path: Path) -> None:
    """A few bytes that unpack to many could fill a machine: ours, or the one that installs the gem."""
    members = {"metadata.gz": gzip_of(metadata()), "data.tar.gz": DATA}
    zeros = gzip.compress(bytes(8 * 1024**2))
    assert "unpacks to more than 4 MiB" in refusal(gem({**members, "metadata.gz": zeros}), tmp_path)
    assert "unpacks to more than 1 MiB" in refusal(tar({**members, "checksums.yaml.gz": zeros}), tmp_path)
    bomb = gzip.compress(tar({"zeros": bytes(64 * 1024**2)}))
    assert "times its size" in refusal(gem({**members, "data.tar.gz": bomb}), tmp_path)
    assert "has 4194305 bytes" in refusal(gem({**members, "metadata.gz": bytes(4 * 1024**2 + 1)}), tmp_path)


def test_checksums(tmp_path: Path) -> None:
    """A gem whose checksums are not those of its members could be published: no client installs it."""
    sums = gzip_of(b"---\nSHA256:\n  data.tar.gz: " + b"0" * 64 + b"\n")
    assert "its checksums say 000" in refusal(tar({"metadata.gz": gzip_of(metadata()), "data.tar.gz": DATA, "checksums.yaml.gz": sums}), tmp_path)
    odd = gzip_of(b"--- []\n")
    assert read(tar({"metadata.gz": gzip_of(metadata()), "data.tar.gz": DATA, "checksums.yaml.gz": odd}), tmp_path).name == "toy"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(noise=st.binary(max_size=3000), at=st.integers(0, 4000), over=st.booleans())
def test_any_bytes(tmp_path: Path, noise: bytes, at: int, over: bool) -> None:
    """Some bytes could break the reader instead of being refused."""
    whole = sample().content
    content = whole[:at] + noise + whole[at + len(noise) * over :]
    try:
        read(content, tmp_path)
    except Invalid:
        pass


# -- specifications ----------------------------------------------------------------------------------------------------

RICH = (
    'description: "Größe 📦\\n  more"\nemail: a@toys.example\nlicenses:\n- MIT\n- Apache-2.0\nhomepage: https://toys.example\n'
    "metadata:\n  source_code_uri: https://code.example/toy\n  bug_tracker_uri: javascript:alert(1)\n"
    + requirement("required_ruby_version", (">=", "2.3"), ("<", "4-a"))
    + requirement("required_rubygems_version", (">=", "0"))
)


def test_everything_that_is_read() -> None:
    """A value of the specification could be lost, or come out otherwise than it was written."""
    needs = dependency("bar", (">=", "1.2"), ("<", "2")) + dependency("Baz.x") + dependency("rake", ("~>", "13.0.a"), kind="development")
    spec = parse.read_specification(metadata(dependencies=needs, fields=RICH))
    assert spec.dependencies == (
        Dependency(name="bar", requirement=(("<", "2"), (">=", "1.2"))),
        Dependency(name="Baz.x"),
        Dependency(name="rake", requirement=(("~>", "13.0.a"),), kind="development"),
    )
    assert (spec.ruby, spec.rubygems) == ((("<", "4.pre.a"), (">=", "2.3")), ANY)
    assert (spec.description, spec.emails, spec.licenses) == ("Größe 📦\n  more", ("a@toys.example",), ("MIT", "Apache-2.0"))
    about = parse.make_upload(spec, Spooled(path="", size=1, sha256="0" * 64, md5="", sha1="", sha512="")).files[0].about
    assert about is not None
    assert about.links == {"Homepage": "https://toys.example", "Repository": "https://code.example/toy"}
    assert [(each.name, each.range, each.kind) for each in about.dependencies] == [
        ("Baz.x", "", "runtime"), ("bar", "< 2, >= 1.2", "runtime"), ("rake", "~> 13.0.a", "development"),
    ]  # fmt: skip
    assert (about.requires, about.license) == ("Ruby < 4.pre.a, >= 2.3", "MIT, Apache-2.0")


OLD = b"""\
--- !ruby/object:Gem::Specification
name: old
version: !ruby/object:Gem::Version
  version: 0.1
platform: !ruby/object:Gem::Platform
  cpu: x86
  os: mingw32
  version:
authors: []
dependencies:
- !ruby/object:Gem::Dependency
  name: bar
  version_requirement:
  version_requirements: &one !ruby/object:Gem::Requirement
    requirements:
    - - ">="
      - !ruby/object:Gem::Version
        version: "0"
    version:
- !ruby/object:Gem::Dependency
  name: baz
  type: !ruby/sym runtime
  requirement: *one
summary: !binary |
  R3LDtsOfZQ==
required_ruby_version: !ruby/object:Gem::Version::Requirement
  requirements:
  - - ">"
    - !ruby/object:Gem::Version
      version: 0.0.0
  version:
"""


def test_gems_of_long_ago() -> None:
    """A gem that RubyGems still installs could be refused for the way it was written in 2009."""
    spec = parse.read_specification(OLD)
    assert (spec.number, spec.platform, spec.summary) == ("0.1", "x86-mingw32", "Größe")
    assert spec.dependencies == (Dependency(name="bar"), Dependency(name="baz")) and spec.ruby == ((">", "0.0.0"),)


def test_a_platform_of_nothing() -> None:
    """A gem for every machine could be one for a machine without a name, and lie beside itself."""
    for parts in ("\n  cpu: ''\n  os: ''\n  version: ''", "\n  cpu:\n  os:\n  version:", " {}"):
        text = metadata().replace(b"platform: ruby", b"platform: !ruby/object:Gem::Platform" + parts.encode())
        assert parse.read_specification(text).platform == "ruby"


ODD: Mapping[str, tuple[bytes, str]] = {
    "a list": (b"--- []\n", "no specification"),
    "nothing": (b"", "no specification"),
    "no name": (metadata(name='""'), "no name"),
    "bad name": (metadata(name='"a b"'), "'a b' is invalid"),
    "bad number": (metadata(version="x"), "'x' is invalid"),
    "no number": (metadata().replace(b"  version: 1.0.0", b"  version: []"), "no version where"),
    "bad platform": (metadata().replace(b"platform: ruby", b'platform: "a/b"'), "no valid platform"),
    "dependencies": (metadata(fields="x: 1\n").replace(b"dependencies: []", b"dependencies: 5"), "no list"),
    "dependency": (metadata(dependencies="- 5\n"), "no map"),
    "name of a dependency": (metadata(dependencies=dependency('"a,b"')), "is invalid"),
    "kind": (metadata(dependencies=dependency("a", kind="evil")), "'evil'"),
    "operator": (metadata(dependencies=dependency("a", ("|", "1"))), "an operator"),
    "requirement": (metadata(fields="required_ruby_version: 5\n"), "no requirement"),
    "metadata": (metadata(fields="metadata:\n  a: []\n"), "no map"),
    "tag": (metadata(fields="x: !ruby/object:Kernel {}\n"), "'!ruby/object:Kernel'"),
    "tag of a text": (metadata(fields="x: !ruby/regexp /a/\n"), "'!ruby/regexp'"),
    "python": (metadata(fields='x: !!python/object/apply:os.system ["id"]\n'), "python/object"),
    "twice": (metadata(fields="name: other\n"), "'name' twice"),
    "two documents": (metadata() + b"--- {}\n", "more than one document"),
    "not utf-8": (metadata(fields="x: ") + b"\xff\n", "no YAML"),
    "no yaml": (b"--- [a\n", "no YAML"),
    "no base64": (metadata(fields="x: !binary abc=d\n"), "no base64"),
    "itself": (b"--- &a\nname: *a\n", "not complete"),
    "operator of a list": (metadata(dependencies=dependency("a").replace('- - ">="', "- - [a]")), "an operator"),
    "a merge": (metadata(fields="x: &x {name: evil}\n<<: *x\n"), "'<<'"),
    "a merge in quotes": (metadata(fields='metadata:\n  "<<": {}\n'), "'<<'"),
    "a merge in base64": (metadata(fields="!binary PDw=: {}\n"), "'<<'"),
    "twice in base64": (metadata(fields="!binary bmFtZQ==: evil\n"), "'name' twice"),
    "a name of nothing": (metadata(name="~"), "no name"),
    "a map for a key": (b"---\n? {a: b}\n: c\n", "for a key"),
    "an alias for a key": (b"---\na: &x b\n*x : c\n", "for a key"),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_specifications(case: str) -> None:
    """A specification that RubyGems would not take, or that says two things at once, could be published."""
    content, reason = ODD[case]
    with pytest.raises(InvalidUpload) as refused:
        parse.read_specification(content)
    assert reason in refused.value.message


def test_yaml_is_bounded() -> None:
    """A small text could take a lot of memory or time."""
    laughs = "a: &a [x,x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(8))
    assert isinstance(yamls.read_yaml(f"---\n{laughs}".encode(), "It"), dict)  # nothing is copied
    deep, many = "[" * (yamls.DEPTH + 1), "- *a\n" * (yamls.ALIASES + 1)
    for text, reason in ((deep, "nested deeper"), (f"- &a x\n{many}", "aliases"), ("[" + "a," * (yamls.NODES + 1) + "]", "more than 200000 values")):
        with pytest.raises(InvalidUpload, match=reason):
            yamls.read_yaml(text.encode(), "It")


def shared(dependencies: int, pairs: int) -> bytes:
    """A short text of many pairs: each dependency has the requirement of the first."""
    first = dependency("d0", *((">=", f"1.{n}") for n in range(pairs))).replace("requirement: !ruby", "requirement: &r !ruby")
    others = "".join(f"- !ruby/object:Gem::Dependency\n  name: d{n}\n  requirement: *r\n" for n in range(1, dependencies))
    return metadata(dependencies=first + others)


def test_facts_are_bounded() -> None:
    """A short text could make facts that every reader of an index pays for."""
    assert len(parse.read_specification(shared(30, 99)).dependencies) == 30
    texts = "&t [" + ",".join(f"{n}{'é' * 3900}" for n in range(100)) + "]"
    fields = f"licenses: {texts}\nemail: *t\n"
    for content, reason in ((shared(210, 100), "21002 pairs .* at most 3000"), (metadata(fields=fields), r"comes to \d+ bytes: at most 1048576")):
        with pytest.raises(InvalidUpload, match=reason):
            parse.read_specification(content)


NULLS = """\
plain: null
tilde: ~
nothing:
capital: NULL
single: 'null'
double: ""
long: |
  null
tagged: !!str null
mark: ! ~
list: [~, '~', null, x, 1, true]
map: {a: , b: ~, "c": ''}
~: key
"""


def test_both_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same gem could be read otherwise where the library was built without its part in C."""
    found = []
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        monkeypatch.setattr(yamls, "_LOADER", loader)
        found.append(
            [yamls.read_yaml(text, "It") for text in (NULLS.encode(), metadata(dependencies=dependency("a"), fields=RICH), OLD, b"", b"--- ~\n")]
        )
    assert found[0] == found[1]
    assert found[1][0] == {
        "plain": None, "tilde": None, "nothing": None, "capital": None, "single": "null", "double": "", "long": "null\n",
        "tagged": "null", "mark": "~", "list": [None, "~", None, "x", "1", "true"], "map": {"a": None, "b": None, "c": ""}, "~": "key",
    }  # fmt: skip


@settings(max_examples=150)
@given(st.text(max_size=200) | st.from_regex(r"([-?:] |\n|[&*!]a|\"|\[|\]|\{|\}|a: )*", fullmatch=True))
def test_any_text(text: str) -> None:
    """Some text could break the reader of YAML instead of being refused."""
    try:
        parse.read_specification(text.encode("utf-8", "surrogatepass"))
    except InvalidUpload:
        pass


def test_texts_are_cut_and_cleaned() -> None:
    """A text could bring control characters to a terminal, or be of any length in the facts."""
    spec = parse.read_specification(metadata(fields='description: "a\\e[31mb\\0"\nhomepage: ' + "x" * 9000 + "\n"))
    assert spec.description == "a[31mb" and len(spec.homepage) == 4000


def test_limits_are_those_of_the_page() -> None:
    """The page could promise more than is taken."""
    assert (gems.MAX_FILE_SIZE, gems.SMALL) == (3 * 1024**3, {"metadata.gz": 4 * 1024**2, "checksums.yaml.gz": 1024**2})
