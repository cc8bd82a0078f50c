"""What to paste into a terminal to store and fetch a file."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from packhouse.contract import Imported, Moment, Sending, Snippet, Transfer
from packhouse.formats.generic import names
from packhouse.model import PackageRow

HEADER = "PRIVATE-TOKEN: <your_access_token>"
DEFAULT_PATH = "my_package/1.0.0/file.txt"


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """curl and wget for the newest file of the package, or for a made-up one."""
    if moment.level != "project":
        return ()
    url = f"{moment.here}/{newest_path(package)}"
    name = url.rpartition("/")[2]
    fetch = f'curl --location --header "{HEADER}" --output "{name}" "{url}"'
    wget = f'wget --header="{HEADER}" --output-document="{name}" "{url}"'
    store = f'curl --location --header "{HEADER}" --upload-file "{name}" "{url}"'
    tagged = f"{moment.here}/{package.name if package is not None else 'my_package'}/${{CI_COMMIT_TAG#v}}/{name}"
    job = f'curl --fail-with-body --header "JOB-TOKEN: $CI_JOB_TOKEN" --upload-file "{name}" "{tagged}"'
    return (
        Snippet(client="curl", kind="install", language="shell", title="Download with curl", text=fetch),
        Snippet(client="wget", kind="install", language="shell", title="Download with wget", text=wget),
        Snippet(client="curl", kind="publish", language="shell", title="Upload with curl", text=store),
        Snippet(client="curl", kind="publish", language="shell", title="Upload from a job", text=job),
    )


def newest_path(package: PackageRow | None) -> str:
    if package is None or not package.versions:
        return DEFAULT_PATH
    version = package.versions[-1]
    listed = sorted(names.shown_path(file.path) for file in version.files if not file.derived)
    return f"{package.name}/{version.version}/{listed[0] if listed else 'file.txt'}"


# -- the same for `packhouse import` -----------------------------------------------------------------------------------


def path_of(file: Imported) -> str:
    return "/".join(quote(part, safe="") for part in (file.name, file.version, file.file_name))


TRANSFER = Transfer(fetch=path_of, publish=lambda file: Sending(method="PUT", tail=path_of(file)))
