"""content.xml and artifacts.xml of a repository, plain, in a jar and by xz; what leads to them; and the composite of all repositories. Pure."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from xml.sax.saxutils import quoteattr
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import msgspec

from packhouse.errors import InvalidUpload
from packhouse.formats.p2 import names
from packhouse.formats.p2.names import Key
from packhouse.formats.p2.parse.facts import Artifact, Facts, Unit
from packhouse.model import Documents, FileRow, Moment, NewDocument, Rows, Struct

XML, JAR, XZ, TEXT = "application/xml", "application/java-archive", "application/x-xz", "text/plain; charset=utf-8"
DECLARATION = "<?xml version='1.0' encoding='UTF-8'?>\n<?{} version='{}'?>\n"
METADATA = "org.eclipse.equinox.internal.p2.metadata.repository"
ARTIFACTS = "org.eclipse.equinox.internal.p2.artifact.repository"
SIMPLE = "org.eclipse.equinox.p2.artifact.repository.simpleRepository"
RULES = tuple((kind, Key(classifier=kind, id="${id}", version="${version}").path) for kind in (names.BUNDLE, names.BINARY, names.FEATURE))
P2_INDEX = "p2.index"
COMPOSITES: Mapping[str, tuple[str, str]] = {
    "compositeContent": ("compositeMetadataRepository", f"{METADATA}.CompositeMetadataRepository"),
    "compositeArtifacts": ("compositeArtifactRepository", f"{ARTIFACTS}.CompositeArtifactRepository"),
}
LARGEST_PLAIN = 8 * 1024 * 1024
LARGEST = 256 * 1024 * 1024  # of the XML of a repository's units
XZ_PRESET = 3  # a tenth larger than at the highest, in a tenth of the time

_read_facts = msgspec.json.Decoder(Facts).decode


class Listed(Struct):
    """A file of the repository and what is kept of it."""

    facts: Facts
    file: FileRow


# -- what is in a repository -------------------------------------------------------------------------------------------


def list_files(rows: Rows) -> list[Listed]:
    """Every file, in the order in which they came."""
    visible = (version for package in rows.packages for version in package.versions if version.status != "hidden")
    files = sorted((file for version in visible for file in version.files), key=lambda file: (file.created, file.id))
    return [Listed(facts=_read_facts(file.facts), file=file) for file in files]


def list_artifacts(files: Iterable[Listed]) -> Mapping[Key, Listed]:
    """Each artifact once: of several projects of a group from the one that had it first, and there the file that is served."""
    found: dict[Key, Listed] = {}
    for one in files:
        key = one.facts.key
        if key is not None and (key not in found or found[key].file.project == one.file.project):
            found[key] = one
    return dict(sorted(found.items(), key=lambda item: (item[0].classifier, item[0].id, names.version_key(item[0].version))))


def list_units(files: Iterable[Listed], artifacts: Mapping[Key, Listed]) -> list[Unit]:
    """Each unit once, as it came first, and only with every artifact that it needs."""
    found: dict[tuple[str, str], Unit] = {}
    for one in files:
        for unit in one.facts.units:
            if all(key in artifacts for key in unit.artifacts):
                found.setdefault((unit.id, unit.version), unit)
    return sorted(found.values(), key=lambda unit: (unit.id, names.version_key(unit.version)))


def find_more(rows: Rows, version: str, artifacts: Iterable[Artifact], loose: Iterable[Unit]) -> tuple[Unit, ...]:
    """Those of an upload's units that nothing stored has, though their artifacts are in this version already. Raises `InvalidUpload`."""
    known = {(unit.id, unit.version): unit.size for one in list_files(rows) for unit in one.facts.units}
    here = {file.path for package in rows.packages for row in package.versions if row.version == version for file in row.files}
    fresh = [(one.facts.key, unit) for one in artifacts for unit in one.facts.units if (unit.id, unit.version) not in known]
    size = sum(known.values()) + sum(unit.size for _, unit in fresh) + sum(unit.size for unit in loose if (unit.id, unit.version) not in known)
    if size > LARGEST:
        raise InvalidUpload(
            f"The repository would have {size} bytes of units, and at most {LARGEST} are kept: publish to another one, or delete some"
        )
    return tuple(unit for key, unit in fresh if key is not None and key.path in here)


def write_places(rows: Rows, _reads: Mapping[str, Documents], _moment: Moment) -> Documents:
    """Where a group has each artifact that it lists: path → digest, for our own use."""
    artifacts = list_artifacts(list_files(rows))
    places = {key.path: one.file.blob.sha256 for key, one in artifacts.items()}
    return {"places.json": NewDocument(body=msgspec.json.encode(places), media_type="application/json")}


# -- documents of a repository -----------------------------------------------------------------------------------------


def write_content(rows: Rows, moment: Moment) -> Iterator[bytes]:
    """content.xml, unit by unit."""
    files = list_files(rows)
    units = list_units(files, list_artifacts(files))
    yield DECLARATION.format("metadataRepository", "1.2.0").encode()
    yield _open_repository(_name_of(rows), f"{METADATA}.LocalMetadataRepository", "1", [("p2.timestamp", _milliseconds(moment))])
    yield f"<units size='{len(units)}'>\n".encode()
    for unit in units:
        yield unit.xml + b"\n"
    yield b"</units>\n</repository>\n"


def write_artifacts(rows: Rows, moment: Moment) -> Iterator[bytes]:
    """artifacts.xml, artifact by artifact."""
    artifacts = list_artifacts(list_files(rows))
    yield DECLARATION.format("artifactRepository", "1.1.0").encode()
    yield _open_repository(_name_of(rows), SIMPLE, "1", [("p2.timestamp", _milliseconds(moment))])
    rules = "".join(f"<rule filter={quoteattr(f'(& (classifier={kind}))')} output={quoteattr(f'${{repoUrl}}/{path}')}/>\n" for kind, path in RULES)
    yield f"<mappings size='{len(RULES)}'>\n{rules}</mappings>\n<artifacts size='{len(artifacts)}'>\n".encode()
    for key, one in artifacts.items():
        yield _write_artifact(key, one).encode()
    yield b"</artifacts>\n</repository>\n"


def _write_artifact(key: Key, one: Listed) -> str:
    blob = one.file.blob
    measured = [("artifact.size", str(blob.size)), ("download.size", str(blob.size)), ("download.checksum.sha-256", blob.sha256)]
    measured += [("download.checksum.sha-512", blob.sha512)] if blob.sha512 else []
    attributes = f"classifier={quoteattr(key.classifier)} id={quoteattr(key.id)} version={quoteattr(key.version)}"
    return f"<artifact {attributes}>{_write_properties([*measured, *one.facts.properties])}</artifact>\n"


def _open_repository(name: str, type: str, version: str, properties: list[tuple[str, str]]) -> bytes:
    return f"<repository name={quoteattr(name)} type='{type}' version='{version}'>\n{_write_properties(properties)}\n".encode()


def _write_properties(properties: list[tuple[str, str]]) -> str:
    written = "".join(f"<property name={_quote(name)} value={_quote(value)}/>" for name, value in properties)
    return f"<properties size='{len(properties)}'>{written}</properties>"


def _quote(text: str) -> str:
    return quoteattr(text, {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _name_of(rows: Rows) -> str:
    return rows.packages[0].name


def _milliseconds(moment: Moment) -> str:
    return str(moment.at // 1000)


# -- how they are packed -----------------------------------------------------------------------------------------------


def pack_plain(parts: Iterable[bytes], _name: str) -> bytes | None:
    """As it is; None where it is too large to be in memory whole: clients that read p2.index take it packed."""
    pieces, size = [], 0
    for part in parts:
        pieces.append(part)
        size += len(part)
        if size > LARGEST_PLAIN:
            return None
    return b"".join(pieces)


def pack_jar(parts: Iterable[bytes], name: str) -> bytes:
    """A zip archive with the document in it, without a time."""
    out = io.BytesIO()
    with ZipFile(out, "w") as archive:
        info = ZipInfo(name)
        info.compress_type = ZIP_DEFLATED
        with archive.open(info, "w", force_zip64=True) as member:
            for part in parts:
                member.write(part)
    return out.getvalue()


def pack_xz(parts: Iterable[bytes], _name: str) -> bytes:
    """One stream of xz."""
    import lzma

    packer = lzma.LZMACompressor(lzma.FORMAT_XZ, preset=XZ_PRESET)
    packed = [packer.compress(part) for part in parts]
    return b"".join([*packed, packer.flush()])


WRITERS: Mapping[str, Callable[[Rows, Moment], Iterator[bytes]]] = {"content": write_content, "artifacts": write_artifacts}
PACKERS: Mapping[str, tuple[Callable[[Iterable[bytes], str], bytes | None], str]] = {
    "xml.xz": (pack_xz, XZ),
    "jar": (pack_jar, JAR),
    "xml": (pack_plain, XML),
}


def write_document(rows: Rows, _reads: Mapping[str, Documents], moment: Moment, *, kind: str, suffix: str) -> Documents:
    """One of the documents: each by itself, as a client asks for one of three and plain ones may be large."""
    if not rows.packages:
        return {}
    pack, media_type = PACKERS[suffix]
    body = pack(WRITERS[kind](rows, moment), f"{kind}.xml")
    return {} if body is None else {f"{kind}.{suffix}": NewDocument(body=body, media_type=media_type)}


DOCUMENTS = {f"{kind}.{suffix}": partial(write_document, kind=kind, suffix=suffix) for kind in WRITERS for suffix in PACKERS}


# -- what leads to them ------------------------------------------------------------------------------------------------

LEADS = (
    "version=1\n"
    "metadata.repository.factory.order=content.xml.xz,content.xml,!\n"
    "artifact.repository.factory.order=artifacts.xml.xz,artifacts.xml,!\n"
)  # fmt: skip
LEADS_ALL = (
    "version=1\n"
    "metadata.repository.factory.order=compositeContent.xml,!\n"
    "artifact.repository.factory.order=compositeArtifacts.xml,!\n"
)  # fmt: skip


def write_lead(rows: Rows, _reads: Mapping[str, Documents], _moment: Moment) -> Documents:
    """p2.index of a repository: without it a client asks for a dozen documents that are not there."""
    return {P2_INDEX: NewDocument(body=LEADS.encode(), media_type=TEXT)} if rows.packages else {}


def write_composite(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The repositories of a project or group as one: also without any, which clients can read."""
    documents = {P2_INDEX: NewDocument(body=LEADS_ALL.encode(), media_type=TEXT)}
    children = sorted({package.name for package in rows.packages})
    written = "".join(f"<child location={quoteattr(f'{name}/')}/>\n" for name in children)
    properties = [("p2.timestamp", _milliseconds(moment)), ("p2.atomic.composite.loading", "true")]
    for name, (processing, type) in COMPOSITES.items():
        head = DECLARATION.format(processing, "1.0.0").encode() + _open_repository("Packages", type, "1.0.0", properties)
        body = head + f"<children size='{len(children)}'>\n{written}</children>\n</repository>\n".encode()
        documents[f"{name}.xml"] = NewDocument(body=body, media_type=XML)
        documents[f"{name}.jar"] = NewDocument(body=pack_jar([body], f"{name}.xml"), media_type=JAR)
    return documents
