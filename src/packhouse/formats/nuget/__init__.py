"""NuGet packages: the v3 server API with symbols, and the v2 feed, as dotnet, nuget.exe and Chocolatey speak them."""

from packhouse.contract import Coordinates, Format, Index, Yanking
from packhouse.formats.nuget import names, parse, snippets
from packhouse.formats.nuget.errors import ERRORS, read_api_key
from packhouse.formats.nuget.index import registration
from packhouse.formats.nuget.routes import ROUTES

FORMAT = Format(
    name="nuget",
    title="NuGet",
    purl="nuget",
    coordinates=Coordinates(
        name_key=names.name_key,
        version_id=names.version_id,
        version_key=names.version_key,
        is_prerelease=names.is_prerelease,
    ),
    routes=ROUTES,
    errors=ERRORS,
    snippets=snippets.snippets,
    transfer=snippets.TRANSFER,
    indexes={
        "registration": Index(over="package", write=registration.write_registration, needs="uploads"),
        "registration1": Index(over="package", write=registration.write_registration_1, needs="uploads"),
        "pages": Index(over="package", write=registration.write_pages, needs="uploads"),
        "pages1": Index(over="package", write=registration.write_pages_1, needs="uploads"),
        "versions": Index(over="package", write=registration.write_versions, needs="uploads"),
    },
    credentials=(read_api_key,),
    max_file_size=parse.MAX_FILE_SIZE,
    clients=("nuget.exe", "dotnet"),
    open_files="nuget_symbol_server_enabled",
    yanking=Yanking(
        state="unlisted",
        verb="Unlist",
        undo="List it again",
        undone="listed again",
        effect="Searches and the newest version leave it out; who names exactly this version gets it.",
        kind="caution",
    ),
)
