"""A checked package as what the house stores: files with facts. The facts hold ready JSON, so that an index only puts pieces together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from packhouse.errors import InvalidUpload
from packhouse.formats.nuget import names
from packhouse.formats.nuget.index.releases import CONTENT, LEAF, Facts, inside_string
from packhouse.formats.nuget.parse.nuspec import Group, Nuspec
from packhouse.formats.nuget.parse.package import Package, Symbol, icon_name
from packhouse.model import About, Dependency, NewFile, Spooled, Upload

MAX_FILE_SIZE = 500 * 1024**2
README_LIMIT = 1024**2


def check_file_name(filename: str, nuspec: Nuspec) -> None:
    """Nothing, if the name of the file that was sent speaks of no other version than the nuspec does. Raises `InvalidUpload`."""
    base = filename.replace("\\", "/").rpartition("/")[2]
    readings = list(names.read_file_names(base))
    if readings and (names.name_key(nuspec.id), names.version_id(nuspec.version)) not in readings:
        said = " ".join(readings[0])
        raise InvalidUpload(f"File name {base[: names.SHOWN]!r} speaks of {said}, the nuspec inside of {nuspec.id} {nuspec.version}")


def make_upload(package: Package, content: Spooled) -> Upload:
    """The upload of a package: the file itself, then what clients may want of it without fetching it whole."""
    nuspec = package.nuspec
    main = NewFile(path=names.file_name(nuspec.id, nuspec.version), content=content, facts=make_facts(package), about=make_about(package))
    sides = [(f"{names.name_key(nuspec.id)}{names.NUSPEC}", package.xml), *((path, body) for _, path, body in _sides(package))]
    # Movable: they follow the package where a project lets it be replaced.
    derived = tuple(NewFile(path=path, content=body, derived=True, movable=True) for path, body in sides)
    return Upload(name=nuspec.id, version=nuspec.version, files=(main, *derived))


def make_symbol_upload(package: Package, content: Spooled, symbols: Sequence[Symbol]) -> Upload:
    """The upload of a symbol package: the file itself, and each PDB where debuggers ask for it."""
    nuspec = package.nuspec
    main = NewFile(path=names.file_name(nuspec.id, nuspec.version, names.SYMBOLS), content=content)
    files = {}
    for symbol in symbols:
        path = symbol_path(symbol.pdb.name, symbol.pdb.checksum)
        files[symbol.pdb.signature, path] = NewFile(path=path, content=symbol.content, shelf=symbol.pdb.signature, derived=True)
    return Upload(name=nuspec.id, version=nuspec.version, files=(main, *files.values()))


def symbol_path(name: str, checksum: str) -> str:
    """Where a PDB lies on the shelf of its signature."""
    return f"{name.lower()}/{checksum}"


# -- facts -------------------------------------------------------------------------------------------------------------


def make_facts(package: Package) -> bytes:
    """The facts of a package file, as JSON."""
    nuspec = package.nuspec
    semver2 = names.is_semver2(nuspec.version) or any(each.semver2 for group in nuspec.groups for each in group.dependencies)
    return msgspec.json.encode(Facts(entry=make_entry(package), semver2=semver2, types=tuple(one.name for one in nuspec.types)))


def make_entry(package: Package) -> str:
    """The catalog entry of a package: JSON without its closing brace, with marks where addresses go."""
    nuspec = package.nuspec
    file = quote(names.file_name(nuspec.id, nuspec.version), safe="+")
    pieces = [f'{{"@id":"{LEAF}.json","@type":"PackageDetails","packageContent":"{CONTENT}/{inside_string(file)}"']
    pieces += [f',"{name}":{msgspec.json.encode(value).decode()}' for name, value in _told(nuspec).items()]
    pieces += [f',"{name}":"{CONTENT}/{path}"' for name, path, _ in _sides(package)]
    pieces.append(f',"dependencyGroups":[{",".join(map(_write_group, nuspec.groups))}]')
    return "".join(pieces)


def _told(nuspec: Nuspec) -> dict[str, Any]:
    optional: dict[str, Any] = {
        "title": nuspec.title,
        "copyright": nuspec.copyright,
        "language": nuspec.language,
        "releaseNotes": nuspec.release_notes,
        "projectUrl": nuspec.project_url,
        # Packers write an address of their own beside a licence file, for clients that do not know one.
        "licenseUrl": "" if nuspec.license_file else nuspec.license_url,
        "licenseExpression": nuspec.license,
        "iconUrl": "" if nuspec.icon else nuspec.icon_url,
        "minClientVersion": nuspec.min_client,
        "requireLicenseAcceptance": nuspec.acceptance,
        "developmentDependency": nuspec.development,
        "packageTypes": [{"name": one.name, **({"version": one.version} if one.version else {})} for one in nuspec.types],
    }
    return {
        "id": nuspec.id,
        "version": nuspec.version,
        "authors": nuspec.authors,
        "description": nuspec.description,
        "summary": nuspec.summary,
        "tags": " ".join(nuspec.tags),
        **{name: value for name, value in optional.items() if value},
    }


def _sides(package: Package) -> list[tuple[str, str, bytes]]:
    """What the package brings for people: the field that tells its address, the end of that address, and the bytes."""
    found = (
        ("iconUrl", icon_name(package.icon), package.icon),
        ("licenseUrl", names.LICENSE, package.license),
        ("readmeUrl", names.README, package.readme),
    )
    return [one for one in found if one[2]]


def _write_group(group: Group) -> str:
    framework = inside_string(group.framework)
    address = f"{LEAF}.json#dependencyGroup" + (f"/{inside_string(quote(group.framework, safe=',=+'))}" if framework else "")
    pieces = [f'{{"@id":"{address}","@type":"PackageDependencyGroup"']
    if framework:
        pieces.append(f',"targetFramework":"{framework}"')
    held = [
        f'{{"@id":"{address}/{each.id.lower()}","@type":"PackageDependency","id":"{each.id}","range":"{inside_string(each.range)}"}}'
        for each in group.dependencies
    ]
    if held:
        pieces.append(f',"dependencies":[{",".join(held)}]')
    return "".join([*pieces, "}"])


# -- what people want to read ------------------------------------------------------------------------------------------


def make_about(package: Package) -> About:
    """What people want to read about the version."""
    nuspec = package.nuspec
    links = {"Project": nuspec.project_url, "Repository": nuspec.repository, "License": nuspec.license_url, "Icon": nuspec.icon_url}
    return About(
        summary=first_line(nuspec.summary or nuspec.description),
        readme=package.readme.decode(errors="replace")[:README_LIMIT] or nuspec.description,
        readme_type="text/markdown" if package.readme else "text/plain",
        license=nuspec.license or (nuspec.license_file and f"see {nuspec.license_file}"),
        author=nuspec.authors,
        keywords=nuspec.tags,
        links={title: link for title, link in links.items() if link},
        dependencies=tuple(
            Dependency(name=each.id, range=each.range, kind=group.framework or "any") for group in nuspec.groups for each in group.dependencies
        ),
    )


def first_line(text: str) -> str:
    """The first line of a text, no longer than a summary."""
    line = next(iter(text.strip().splitlines()), "")
    return "".join(letter for letter in line if letter.isprintable())[:512]
