"""A furnished house for the tests of the pages, and browsers that walk through it step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from hypothesis import settings

from .town import Browser, Page, Town, furnish, open_town

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


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visits]:
    """A furnished town for the tests of one module."""
    with asyncio.Runner() as runner:
        opened = open_town(tmp_path_factory.mktemp("town"))
        town = runner.run(opened.__aenter__())
        try:
            runner.run(furnish(town))
            yield Visits(runner, town)
        finally:
            runner.run(opened.__aexit__(None, None, None))
