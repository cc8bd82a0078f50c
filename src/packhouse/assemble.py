"""The one place where everything meets: settings → database, store, formats, routes, application. Reads like a list of parts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from packhouse.api import git_http
from packhouse.api.routes import api_routes
from packhouse.auth.access import Gate
from packhouse.auth.registry_tokens import RegistryTokens
from packhouse.auth.sessions import Sessions
from packhouse.blobs.disk import DiskStore
from packhouse.blobs.s3 import Bucket, S3Store
from packhouse.blobs.spool import Spool
from packhouse.blobs.store import Store
from packhouse.contract import Format, Route, Signer
from packhouse.db.engine import open_database
from packhouse.formats import FORMATS
from packhouse.git.program import stop as stop_git
from packhouse.jobs.loops import running
from packhouse.jobs.mirroring import MIRROR_SECONDS, pull_due
from packhouse.packages.documents import DocumentCache
from packhouse.packages.history import Clock
from packhouse.packages.house import House
from packhouse.packages.identities import Identities
from packhouse.packages.inspect import Inspector
from packhouse.packages.nursery import Nursery
from packhouse.packages.shelves import RENEW_SECONDS, renew_due
from packhouse.proxy.mount import Proxy
from packhouse.settings import Settings
from packhouse.ui.pages import Pages
from packhouse.web.app import App
from packhouse.web.discovery import Discovery
from packhouse.web.match import Entry, Matcher, mount
from packhouse.web.probes import Probes


def make_house(
    settings: Settings,
    formats: Sequence[Format] = FORMATS,
    signers: Callable[[int | None], Signer] | None = None,
    nursery: Nursery | None = None,
) -> House:
    """The parts that every request may need; nothing is opened yet."""
    database = open_database(settings.database_url, settings.data_path)
    return House(
        settings=settings,
        database=database,
        store=open_store(settings),
        spool=Spool(settings.data_path / "spool", settings.min_free_mib * 1024 * 1024),
        formats={format.name: format for format in formats},
        gate=Gate(
            database,
            guest_reads=settings.guest_reads,
            packages=settings.packages,
            containers=settings.containers,
            registry=RegistryTokens(settings.data_path / "keys" / "registry", settings.base_url),
        ),
        cache=DocumentCache(settings.document_cache_mib * 1024 * 1024),
        inspector=Inspector(nursery),
        identities=Identities(settings.outbound_allow),
        signers=signers,
    )


def open_store(settings: Settings) -> Store:
    """Where the bytes are."""
    bucket, prefix = settings.bucket
    if not bucket:
        blobs = settings.blobs.removeprefix("file:") or str(settings.data_path / "blobs")
        return DiskStore(Path(blobs).absolute())
    of = Bucket(
        name=bucket,
        prefix=prefix,
        endpoint=settings.blobs_endpoint.rstrip("/"),
        region=settings.blobs_region or "us-east-1",
        access_key=settings.blobs_access_key,
        secret_key=settings.blobs_secret_key,
    )
    return S3Store(of)


def make_app(
    settings: Settings,
    formats: Sequence[Format] = FORMATS,
    signers: Callable[[int | None], Signer] | None = None,
    nursery: Nursery | None = None,
) -> App:
    """The application."""
    house = make_house(settings, formats, signers, nursery)
    sessions = Sessions(house.database)
    pages = Pages(house, sessions)
    proxy = Proxy(house)
    entries = [
        *_root(Probes(house, sessions).routes()),
        *(entry for format in formats for entry in mount_all(format)),
        *(Entry(replace(route, lasting=False), route.path, "root", proxy.format, proxy.style, native=True) for route in proxy.routes()),
        *(Entry(route, route.path, "root", None, git_http.STYLE, native=True) for route in git_http.routes()),
        *_root(api_routes(house)),
        *_root(pages.routes(), page=True),
    ]

    @contextlib.asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        house.spool.start()
        await house.database.start()
        warming = asyncio.ensure_future(asyncio.to_thread(house.gate.registry.warm)) if house.gate.registry is not None else None
        own = ((MIRROR_SECONDS, lambda: pull_due(house), "mirrors"), (RENEW_SECONDS, lambda: renew_due(house), "renewal"))
        async with running(house, *proxy.loops(), *own):
            yield
        if warming is not None:
            await warming
        stop_git()
        await proxy.close()
        if house.identities is not None:
            await house.identities.close()
        await house.inspector.close()
        await house.database.close()

    return App(
        house,
        Matcher(entries),
        sessions=sessions,
        clock=Clock(house.database),
        page_error=pages.refuse,
        discover=Discovery(house),
        lifespan=lifespan,
    )


def mount_all(format: Format) -> Iterable[Entry]:
    """A format's routes, and where GitLab spells the level of groups in the singular, those addresses too."""
    for entry in mount(format):
        yield entry
        if format.singular and entry.level == "group" and not entry.moving:
            yield replace(entry, template=entry.template.replace("/groups/", "/group/", 1))


def _root(routes: Iterable[Route], *, page: bool = False) -> Iterable[Entry]:
    for route in routes:
        yield Entry(route, route.path, "root", page=page)
