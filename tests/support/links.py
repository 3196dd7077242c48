"""TCP proxies between two parts of the product: slow, silent, cut, one-way, or with a certificate that has expired."""

from __future__ import annotations

import asyncio
import logging
import ssl
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import Literal

from tests.support.certificates import certificate
from tests.support.servers import free_port

Mode = Literal["good", "slow", "silent", "cut", "one-way"]
DELAY_SECONDS = 0.3
_LOOK_SECONDS = 0.05
# What libpq sends first where it wants TLS: length and code of PostgreSQL's protocol.
_SSL_REQUEST = struct.pack("!II", 8, 80877103)
logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # it reports each broken connection, which is what is wanted


class Certificates:
    """A valid and an expired certificate of `localhost`, both trusted.

    Args:
        folder: where they are written.
    """

    def __init__(self, folder: Path) -> None:
        self._files = {}
        for name, days in (("valid", 30), ("expired", -3)):
            (folder / name).mkdir()
            self._files[name] = certificate(folder / name, days)
        self.trusted = folder / "trusted.pem"
        self.trusted.write_bytes(b"".join(files[0].read_bytes() for files in self._files.values()))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.show("valid")

    def show(self, name: str) -> None:
        """Chooses the certificate, `valid` or `expired`, of connections that begin from now on."""
        self.context.load_cert_chain(*self._files[name])


class Link:
    """A TCP proxy before a server; it listens as long as its process lives.

    Args:
        target: the server's port on this machine, or its Unix socket.
        tls: certificates where the client's side is encrypted.
        postgres: whether TLS is begun as PostgreSQL's clients do.

    Attributes:
        port: where it listens.
        mode: `good`; `slow`: each piece waits; `silent`: nothing passes until the mode changes; `cut`: connections are
            broken and refused; `one-way`: what the server answers is lost.
    """

    _loop: asyncio.AbstractEventLoop | None = None

    def __init__(self, target: int | Path, tls: Certificates | None = None, postgres: bool = False) -> None:
        self.mode: Mode = "good"
        self.port = free_port()
        self.tls = tls
        self._target, self._postgres = target, postgres
        self._open: set[asyncio.BaseTransport] = set()
        if Link._loop is None:
            Link._loop = asyncio.new_event_loop()
            threading.Thread(target=Link._loop.run_forever, name="links", daemon=True).start()
        context = tls.context if tls and not postgres else None
        serving = asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=context)
        self._server = asyncio.run_coroutine_threadsafe(serving, Link._loop).result()

    def set(self, mode: Mode) -> None:
        """Changes the mode; connections that were cut, or have lost something, are broken."""
        before, self.mode = self.mode, mode
        if "cut" in (mode, before) or before == "one-way":
            self.break_connections()

    def break_connections(self) -> None:
        """Breaks all connections; new ones are served."""
        assert Link._loop is not None

        def abort() -> None:
            for transport in list(self._open):
                with suppress(AttributeError):  # a transport that TLS has replaced
                    transport.abort()  # type: ignore[attr-defined]

        Link._loop.call_soon_threadsafe(abort)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode == "cut":
            writer.transport.abort()
            return
        with suppress(OSError, asyncio.IncompleteReadError):
            first = b""
            if self.tls and self._postgres:
                first = await reader.readexactly(len(_SSL_REQUEST))
                if first == _SSL_REQUEST:
                    first, writer = b"", await self._encrypted(reader, writer)
            if isinstance(self._target, Path):
                there = await asyncio.open_unix_connection(str(self._target))
            else:
                there = await asyncio.open_connection("127.0.0.1", self._target)
            there[1].write(first)
            transports = {writer.transport, there[1].transport}
            self._open |= transports
            await asyncio.gather(self._pump(reader, there[1], False), self._pump(there[0], writer, True))
            self._open -= transports
            return
        writer.transport.abort()

    async def _encrypted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> asyncio.StreamWriter:
        assert self.tls is not None
        writer.write(b"S")
        await writer.drain()
        loop, protocol = asyncio.get_running_loop(), writer.transport.get_protocol()
        transport = await loop.start_tls(writer.transport, protocol, self.tls.context, server_side=True)
        assert transport is not None
        return asyncio.StreamWriter(transport, protocol, reader, loop)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: bool) -> None:
        with suppress(OSError):
            while piece := await reader.read(65536):
                if self.mode == "slow":
                    await asyncio.sleep(DELAY_SECONDS)
                while self.mode == "silent":
                    await asyncio.sleep(_LOOK_SECONDS)
                if back and self.mode == "one-way":
                    continue
                writer.write(piece)
                await writer.drain()
        with suppress(OSError):
            writer.close()
