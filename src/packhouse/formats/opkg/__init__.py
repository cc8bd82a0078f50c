"""Opkg packages: feeds of OpenWrt and Yocto with signed lists, of whatever depth in a project, and of a group of projects."""

from packhouse.contract import GIB, Coordinates, Format, Index
from packhouse.formats.opkg import index, names, routes, sign, snippets
from packhouse.formats.opkg.errors import ERRORS

FORMAT = Format(
    name="opkg",
    title="Opkg",
    purl="opkg",
    coordinates=Coordinates(
        name_key=names.name_key,
        version_id=names.version_id,
        version_key=names.version_key,
        is_prerelease=names.is_prerelease,
    ),
    routes=routes.ROUTES,
    errors=ERRORS,
    snippets=snippets.snippets,
    indexes={"feed": Index(over="shelf", write=index.write_feed, sign=sign.sign_feed, set_up=True, opened=True)},
    max_file_size=GIB,
    digests=("sha256",),
    clients=("wget", "busybox wget", "gpg", "curl"),
    any_job_user=True,
    check_neighbours=routes.check_neighbours,
)
