"""The routes of Debian packages: uploads, the pool, and what apt reads."""

from __future__ import annotations

from functools import partial

from packhouse.contract import GROUP, PROJECT, Action, Route
from packhouse.formats.debian.routes.reading import delete_file, get_file, refuse_document, show_by_hash, show_document
from packhouse.formats.debian.routes.uploads import put_file

SPOT = "{letter}/{package_name}/{package_version}/{file_name}"
LIST = "dists/{distribution}/{component}/{folder}"
INSTALLER = "debian-installer/"

ROUTES = (
    Route(method="PUT", path="{file_name}", handler=put_file, action=Action.PUBLISH, reach=PROJECT, limit=None),
    Route(method="GET", path=f"pool/{{distribution}}/{SPOT}", handler=get_file, action=Action.READ, reach=PROJECT),
    Route(method="DELETE", path=f"pool/{{distribution}}/{SPOT}", handler=delete_file, action=Action.DELETE, reach=PROJECT),
    Route(method="GET", path=f"pool/{{distribution}}/{{project_id}}/{SPOT}", handler=get_file, action=Action.READ, reach=GROUP),
    *(
        Route(method="GET", path=f"dists/{{distribution}}/{name}", handler=partial(show_document, document=name), action=Action.READ)
        for name in ("Release", "InRelease", "Release.gpg")
    ),
    Route(method="GET", path="dists/{path*}", handler=refuse_document, action=Action.READ),
    Route(method="GET", path=f"{LIST}/{{list}}", handler=show_document, action=Action.READ),
    Route(method="GET", path=f"{LIST}/by-hash/SHA256/{{sha256}}", handler=show_by_hash, action=Action.READ),
    Route(
        method="GET",
        path="dists/{distribution}/{component}/debian-installer/{folder}/{list}",
        handler=partial(show_document, folder=INSTALLER),
        action=Action.READ,
    ),
    Route(
        method="GET",
        path="dists/{distribution}/{component}/debian-installer/{folder}/by-hash/SHA256/{sha256}",
        handler=show_by_hash,
        action=Action.READ,
    ),
)
