"""A cookbook's archive: one folder, and in that a `metadata.json`, which knife makes of `metadata.rb`. Runs in a child process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from packhouse.errors import InvalidName, InvalidUpload, InvalidVersion
from packhouse.formats.chef import names
from packhouse.formats.chef.index import Facts
from packhouse.grammar.archives import Archive, read_tar
from packhouse.model import About, Dependency, Struct

METADATA = "metadata.json"
LARGEST = 1024 * 1024  # of metadata.json, and of a README
README = 256 * 1024  # of what is kept
MOST = 500  # dependencies, and platforms
MOST_BYTES = 16 * 1024  # of these, together: documents hold them once more for each version
LONGEST, LONGEST_TEXT = 255, 4000
READMES = ("README.md", "README")


class Read(Struct):
    """A cookbook that was read."""

    name: str
    version: str
    facts: Facts
    about: About = About()


def read_cookbook(path: str) -> Read:
    """What a cookbook says about itself. Raises `InvalidUpload`."""
    archive = read_tar(path, _is_wanted, limit_each=LARGEST, compression="gz")
    folder = _find_folder(archive)
    content = archive.members.get(f"{folder}/{METADATA}")
    if content is None:
        raise InvalidUpload(f"The archive has no {folder[: names.SHOWN]}/{METADATA}: share with knife, which makes it of metadata.rb")
    said = _read_object(content)
    name, version = _need(said, "name", names.name_key), _need(said, "version", names.version_key)
    readme = next((archive.members[f"{folder}/{file}"] for file in READMES if f"{folder}/{file}" in archive.members), b"")
    facts = Facts(
        name=name,
        description=_text(said, "description", LONGEST_TEXT),
        maintainer=_text(said, "maintainer"),
        license=_text(said, "license"),
        source_url=_link(said, "source_url"),
        issues_url=_link(said, "issues_url"),
        supports=dict(_constraints(said, "platforms")),
        dependencies=dict(_constraints(said, "dependencies", names.name_key)),
    )
    return Read(name=name, version=version, facts=facts, about=describe(said, facts, readme))


def _is_wanted(name: str) -> bool:
    folder, slash, rest = name.partition("/")
    return bool(folder and slash) and rest in (METADATA, *READMES)


def _find_folder(archive: Archive) -> str:
    """The one folder that everything is in. What begins with a dot is passed over, as clients do. Raises `InvalidUpload`."""
    tops = {name.partition("/")[0] for name in (*archive.names, *archive.folders) if not name.startswith(".")}
    if len(tops) != 1 or tops & set(archive.names):
        raise InvalidUpload(f"The archive must hold one folder with the cookbook in it, and has {len(tops)} files and folders at its root")
    return tops.pop()


def _read_object(content: bytes) -> Mapping[str, Any]:
    try:
        said = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidUpload(f"{METADATA} is not valid JSON: {str(error)[:100]}") from error
    if not isinstance(said, dict):
        raise InvalidUpload(f"{METADATA} must hold a JSON object")
    return said


def _need(said: Mapping[str, Any], key: str, check: Callable[[str], object]) -> str:
    value = said.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidUpload(f"{METADATA} has no text {key}: say it in metadata.rb, and share with knife")
    try:
        check(value)
    except (InvalidName, InvalidVersion) as error:
        raise InvalidUpload(f"{METADATA}: {error.message}") from error
    return value


def _constraints(said: Mapping[str, Any], key: str, check: Callable[[str], object] = str) -> Iterator[tuple[str, str]]:
    """Names and what is asked of their versions: one that a client cannot read would take the whole universe from it. Raises `InvalidUpload`."""
    value, size = said.get(key), 0
    if value is None:
        return
    if not isinstance(value, dict) or len(value) > MOST:
        raise InvalidUpload(f"{METADATA}: {key} must be an object of at most {MOST} names and constraints")
    for name, constraint in sorted(value.items()):
        if isinstance(constraint, list) and len(constraint) < 2:  # as the first versions of knife wrote it
            constraint = constraint[0] if constraint else ""
        if not isinstance(constraint, str) or not name or not name.isprintable() or len(name) > names.LONGEST:
            raise InvalidUpload(f"{METADATA}: {key} has {name[: names.SHOWN]!r}, which must be a name with one constraint as text")
        try:
            check(name)
            read = names.read_constraint(constraint)
        except (InvalidName, InvalidVersion) as error:
            raise InvalidUpload(f"{METADATA}: {key} has {name[: names.SHOWN]!r}: {error.message}") from error
        size += len(name.encode()) + len(read)
        if size > MOST_BYTES:
            raise InvalidUpload(f"{METADATA}: {key} must have at most {MOST_BYTES} bytes of names and constraints")
        yield name, read


# -- what people read --------------------------------------------------------------------------------------------------


def describe(said: Mapping[str, Any], facts: Facts, readme: bytes) -> About:
    """What a page shows of the cookbook."""
    text = readme.decode(errors="replace") if readme else _text(said, "long_description", README)
    links = {"Source": facts.source_url, "Issues": facts.issues_url}
    return About(
        summary=" ".join(facts.description.split())[:500],
        readme=text[:README].replace("\0", ""),
        license=facts.license,
        author=facts.maintainer,
        links={title: link for title, link in links.items() if link},
        requires=_requires(said.get("chef_versions")),
        dependencies=tuple(Dependency(name=name, range=constraint) for name, constraint in facts.dependencies.items()),
    )


def _requires(said: object) -> str:
    """Which versions of Chef do: alternatives, each a list of constraints."""
    rules = [rule for rule in said if isinstance(rule, list)] if isinstance(said, list) else []
    texts = [", ".join(each for each in rule if isinstance(each, str) and each.isprintable()) for rule in rules[:10]]
    return f"Chef {' or '.join(filter(None, texts))}"[:LONGEST] if any(texts) else ""


def _text(said: Mapping[str, Any], key: str, longest: int = LONGEST) -> str:
    value = said.get(key)
    text = value if isinstance(value, str) else ""
    return "".join(letter for letter in text[: 2 * longest] if letter.isprintable() or letter == "\n").strip()[:longest]


def _link(said: Mapping[str, Any], key: str) -> str:
    link = _text(said, key, 1000)
    return link if link.startswith(("https://", "http://")) and len(link.split()) == 1 else ""
