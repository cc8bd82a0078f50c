"""A .nupkg or .snupkg looked into: its nuspec, what the nuspec points to, its PDBs. Runs in a child process."""

from __future__ import annotations

from urllib.parse import unquote

from packhouse.errors import InvalidUpload
from packhouse.formats.nuget import names
from packhouse.formats.nuget.parse.nuspec import NUSPEC_LIMIT, Nuspec, read_nuspec
from packhouse.formats.nuget.parse.pdb import Pdb, read_pdb
from packhouse.grammar.archives import LIMITS, Archive, read_zip
from packhouse.model import Struct

MIB = 1024**2
SIDE_LIMIT = MIB  # of a readme, a licence and an icon, as the format's own gallery has it
PDB_LIMIT = 14 * MIB  # of one PDB: what a child may answer, less the rest

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"


class Package(Struct):
    """What a package holds. The three files are b"" where the nuspec names none; `pdbs` are the names of a symbol package's."""

    nuspec: Nuspec
    xml: bytes
    readme: bytes = b""
    license: bytes = b""
    icon: bytes = b""
    pdbs: tuple[str, ...] = ()


class Symbol(Struct):
    """A PDB with its key."""

    pdb: Pdb
    content: bytes


def read_package(path: str) -> Package:
    """The package at the path. Raises `InvalidUpload`."""
    archive = read_zip(path, is_root_nuspec, limit_each=NUSPEC_LIMIT, whole=False)
    where = only_nuspec(archive)
    nuspec = read_nuspec(archive.members[where], where)
    sides = (nuspec.readme, nuspec.license_file, nuspec.icon)
    wanted = {name: find_member(archive, name, where) for name in sides if name}
    whole = archive.unpacked_size <= LIMITS.produced
    found = read_zip(path, lambda name: name in wanted.values(), limit_each=SIDE_LIMIT, whole=whole).members
    readme, license_, icon = (found[wanted[name]] if name else b"" for name in sides)
    check_icon(icon, nuspec)
    pdbs = tuple(name for name in archive.names if name.lower().endswith(".pdb")) if nuspec.symbols else ()
    return Package(nuspec=nuspec, xml=archive.members[where], readme=readme, license=license_, icon=icon, pdbs=pdbs)


def is_root_nuspec(name: str) -> bool:
    return "/" not in name and name.lower().endswith(names.NUSPEC)


def only_nuspec(archive: Archive) -> str:
    found = [name for name in archive.names if is_root_nuspec(name)]
    if len(found) != 1:
        raise InvalidUpload(f"A package has one .nuspec file at its top, this one has {', '.join(map(repr, found[:5])) or 'none'}")
    return found[0]


def find_member(archive: Archive, wanted: str, where: str) -> str:
    """The member that a nuspec means, which may differ in case. Raises `InvalidUpload`."""
    for name in archive.names:
        # Packers write names as parts of a URI (Open Packaging Conventions).
        if unquote(name).lower() == wanted.lower() or name.lower() == wanted.lower():
            return name
    raise InvalidUpload(f"{where} names {wanted[: names.SHOWN]!r}, which is not in the package")


def check_icon(icon: bytes, nuspec: Nuspec) -> None:
    if icon and not icon.startswith((_PNG, _JPEG)):
        raise InvalidUpload(f"The icon {nuspec.icon[: names.SHOWN]!r} is neither a PNG nor a JPEG")


def icon_name(icon: bytes) -> str:
    """The name under which an icon that was checked is served."""
    return names.PNG if icon.startswith(_PNG) else names.JPEG


def read_symbol(path: str, member: str) -> Symbol | None:
    """A PDB of the symbol package at the path; None for one that is too large to be served by itself. Raises `InvalidUpload`."""
    archive = read_zip(path, lambda name: False, whole=False)
    if archive.sizes.get(member, 0) > PDB_LIMIT:
        return None
    content = read_zip(path, lambda name: name == member, limit_each=PDB_LIMIT, whole=False).members[member]
    return Symbol(pdb=read_pdb(content, member), content=content)
