"""The service indexes of both protocols and the v2 feed's description of itself. They hold nothing but addresses."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import quoteattr

from packhouse.formats.nuget.index.registration import HIVE, HIVE_1

XML = "application/xml; charset=utf-8"

_SEARCH = "Search of packages by their id"
_COMPLETE = "Completion of ids, and the versions of one"
_METADATA = "Metadata of every version of a package"
_METADATA_1 = "Metadata of the versions that need no Semantic Versioning 2"


def write_service_index(here: str, *, project: bool) -> dict[str, Any]:
    """The v3 service index. A group offers what reads; files come from their projects."""
    first = [
        *_resources(f"{here}/query", "SearchQueryService", ("", "/3.0.0-beta", "/3.0.0-rc"), _SEARCH),
        *_resources(f"{here}/{HIVE}", "RegistrationsBaseUrl", ("", "/3.0.0-beta", "/3.0.0-rc"), _METADATA),
    ]
    ours = [
        *_resources(f"{here}/query", "SearchQueryService", ("/3.5.0",), _SEARCH),
        *_resources(f"{here}/autocomplete", "SearchAutocompleteService", ("", "/3.0.0-beta", "/3.0.0-rc", "/3.5.0"), _COMPLETE),
        *_resources(f"{here}/{HIVE_1}", "RegistrationsBaseUrl", ("/3.4.0",), _METADATA_1),
        *_resources(f"{here}/{HIVE}", "RegistrationsBaseUrl", ("/3.6.0",), _METADATA),
        # Only this one is looked for by clients from 4.3 on; older ones pass over what asks for a newer client.
        {**_resources(f"{here}/{HIVE}", "RegistrationsBaseUrl", ("/Versioned",), _METADATA)[0], "clientVersion": "4.3.0-alpha"},
    ]
    if project:
        first += [
            *_resources(f"{here}/download", "PackageBaseAddress", ("/3.0.0",), "Packages and their versions"),
            *_resources(here, "PackagePublish", ("/2.0.0",), "Publish, delete, unlist and relist"),
            *_resources(f"{here}/symbolpackage", "SymbolPackagePublish", ("/4.9.0",), "Publish symbols"),
        ]
        ours += [
            *_resources(f"{here}/download/{{lower_id}}/{{lower_version}}/readme", "ReadmeUriTemplate", ("/6.13.0",), "The readme of a version"),
            *_resources(f"{here}/v2", "LegacyGallery", ("/2.0.0",), "The v2 feed"),
        ]
    return {"version": "3.0.0", "resources": [*first, *ours]}


def _resources(address: str, type_: str, versions: tuple[str, ...], comment: str) -> list[dict[str, str]]:
    return [{"@id": address, "@type": type_ + version, "comment": comment} for version in versions]


# -- v2 ----------------------------------------------------------------------------------------------------------------

_SERVICE = """\
<?xml version="1.0" encoding="utf-8"?>
<service xmlns="http://www.w3.org/2007/app" xmlns:atom="http://www.w3.org/2005/Atom" xml:base={base}>\
<workspace><atom:title type="text">Default</atom:title>\
<collection href="Packages"><atom:title type="text">Packages</atom:title></collection></workspace></service>"""

# Name, type, and whether it may be missing, in the order that entries tell them.
PROPERTIES = (
    ("Id", "Edm.String", False), ("Version", "Edm.String", False), ("NormalizedVersion", "Edm.String", True), ("Authors", "Edm.String", True),
    ("Copyright", "Edm.String", True), ("Created", "Edm.DateTime", False), ("Dependencies", "Edm.String", True),
    ("Description", "Edm.String", True), ("DownloadCount", "Edm.Int64", False), ("IconUrl", "Edm.String", True),
    ("IsLatestVersion", "Edm.Boolean", False), ("IsAbsoluteLatestVersion", "Edm.Boolean", False), ("IsPrerelease", "Edm.Boolean", False),
    ("Language", "Edm.String", True), ("LicenseUrl", "Edm.String", True), ("Listed", "Edm.Boolean", False),
    ("MinClientVersion", "Edm.String", True), ("PackageHash", "Edm.String", True), ("PackageHashAlgorithm", "Edm.String", True),
    ("PackageSize", "Edm.Int64", False), ("ProjectUrl", "Edm.String", True), ("Published", "Edm.DateTime", False),
    ("ReleaseNotes", "Edm.String", True), ("RequireLicenseAcceptance", "Edm.Boolean", False), ("Summary", "Edm.String", True),
    ("Tags", "Edm.String", True), ("Title", "Edm.String", True),
)  # fmt: skip

_IMPORTS = (
    ("FindPackagesById", (("id", "Edm.String"),)),
    (
        "Search",
        (("searchTerm", "Edm.String"), ("targetFramework", "Edm.String"), ("includePrerelease", "Edm.Boolean")),
    ),
    (
        "GetUpdates",
        (
            ("packageIds", "Edm.String"), ("versions", "Edm.String"), ("includePrerelease", "Edm.Boolean"), ("includeAllVersions", "Edm.Boolean"),
            ("targetFrameworks", "Edm.String"), ("versionConstraints", "Edm.String"),
        ),
    ),
)  # fmt: skip

_EDMX = """\
<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" Version="1.0">\
<edmx:DataServices xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" m:DataServiceVersion="2.0" m:MaxDataServiceVersion="2.0">\
<Schema xmlns="http://schemas.microsoft.com/ado/2006/04/edm" Namespace="NuGetGallery.OData">\
<EntityType Name="V2FeedPackage" m:HasStream="true"><Key><PropertyRef Name="Id"/><PropertyRef Name="Version"/></Key>{properties}</EntityType>\
<EntityContainer Name="V2FeedContext" m:IsDefaultEntityContainer="true">\
<EntitySet Name="Packages" EntityType="NuGetGallery.OData.V2FeedPackage"/>{imports}</EntityContainer>\
</Schema></edmx:DataServices></edmx:Edmx>"""


def write_v2_service(here: str) -> str:
    """The service document of the v2 feed."""
    return _SERVICE.format(base=quoteattr(f"{here}/v2"))


def write_v2_metadata() -> str:
    """The schema of the v2 feed."""
    properties = "".join(f'<Property Name="{name}" Type="{kind}" Nullable="{str(nullable).lower()}"/>' for name, kind, nullable in PROPERTIES)
    imports = "".join(
        f'<FunctionImport Name="{name}" EntitySet="Packages" ReturnType="Collection(NuGetGallery.OData.V2FeedPackage)" m:HttpMethod="GET">'
        + "".join(f'<Parameter Name="{parameter}" Type="{kind}"/>' for parameter, kind in parameters)
        + "</FunctionImport>"
        for name, parameters in _IMPORTS
    )
    return _EDMX.format(properties=properties, imports=imports)
