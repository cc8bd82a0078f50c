"""A furnished house for the tests of the pages, and browsers that walk through it step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from requirements import miss

from .showcase import settle
from .town import Browser, Page, Town, furnish, open_town
from .windows import CHROMIUM, Served

T = TypeVar("T")

settings.register_profile("pages", deadline=None)
settings.load_profile("pages")


@dataclass(frozen=True, slots=True)
class Walker:
    """A browser for tests that are not asynchronous."""

    runner: asyncio.Runner
    browser: Browser

    def get(self, path: str, **more: Any) -> Page:
        return self.runner.run(self.browser.get(path, **more))

    def post(self, path: str, fields: Any, **more: Any) -> Page:
        return self.runner.run(self.browser.post(path, fields, **more))

    def sign_in(self, username: str, *more: str) -> Page:
        return self.runner.run(self.browser.sign_in(username, *more))


@dataclass(frozen=True, slots=True)
class Visits:
    """A town, and ways to walk through it."""

    runner: asyncio.Runner
    town: Town
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)

    def stranger(self) -> Walker:
        return Walker(self.runner, self.town.browser())

    def user(self, name: str) -> Walker:
        """Somebody in a session that several tests share."""
        if name not in self.cookies:
            self.cookies[name] = self.newcomer(name).browser.cookies
        return Walker(self.runner, Browser(self.town.app, dict(self.cookies[name])))

    def newcomer(self, name: str) -> Walker:
        """Somebody in a session of their own."""
        return Walker(self.runner, self.runner.run(self.town.signed_in(name)))

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(step)


def _open(folder: Path, fill: Callable[[Town], Coroutine[Any, Any, None]], **settings: object) -> Iterator[Visits]:
    with asyncio.Runner() as runner:
        opened = open_town(folder / "house", **settings)
        town = runner.run(opened.__aenter__())
        try:
            runner.run(fill(town))
            yield Visits(runner, town)
        finally:
            runner.run(opened.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visits]:
    """A furnished town for the tests of one module."""
    yield from _open(tmp_path_factory.mktemp("town"), furnish)


@pytest.fixture(scope="module")
def showcase(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visits]:
    """A town with something of everything: builds, a hosted repository, images."""
    folder = tmp_path_factory.mktemp("showcase")
    yield from _open(folder, partial(settle, folder=folder / "work"), outbound_allow="192.0.2.1")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Debian's browser."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        miss("chromium")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def busy_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The town with something of everything, served to browsers."""
    folder = tmp_path_factory.mktemp("busy")

    async def main(served: Served) -> None:
        async with open_town(folder / "house", listen=served.url.removeprefix("http://")) as town:
            await settle(town, folder / "work")
            await served.serve(town.app)

    yield from Served().run(main)
