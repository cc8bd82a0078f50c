"""Applications on a loopback port, and windows of Debian's browser to look at them."""

from __future__ import annotations

import asyncio
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, app: Any, ready: threading.Event) -> None:
        super().__init__(uvicorn.Config(app, log_level="warning", lifespan="off"))
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()


class Served:
    """An ASGI application on a free loopback port, in a thread of its own."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.started = threading.Event()
        self.server: Server | None = None

    async def serve(self, app: Any) -> None:
        self.server = Server(app, self.started)
        await self.server.serve([self.socket])

    def run(self, main: Any) -> Iterator[str]:
        thread = threading.Thread(target=lambda: asyncio.run(main(self)), daemon=True)
        thread.start()
        assert self.started.wait(60)
        yield self.url
        assert self.server is not None
        self.server.should_exit = True
        thread.join(30)


@dataclass(slots=True)
class Window:
    """A browser window that writes down what goes wrong in it."""

    page: Any
    faults: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, chromium: Any, **options: Any) -> Window:
        window = cls(chromium.new_context(**options).new_page())
        window.page.on("console", lambda message: window.faults.append(message.text) if message.type in {"error", "warning"} else None)
        window.page.on("pageerror", lambda error: window.faults.append(str(error)))
        return window

    def close(self) -> None:
        self.page.context.close()
