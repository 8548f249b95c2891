"""A 4G DTU: calls its gateway, says who it is, then is a serial line.

pymodbus has no such mode, so this pumps bytes between the socket it dialled and a pymodbus RTU-over-TCP server
on loopback. The registration packet goes out once a connection, before anything else; the heartbeat packet every
so often, between frames. A lost or refused connection is dialled again after `REDIAL_SECONDS`.
"""
import asyncio
from contextlib import suppress

REDIAL_SECONDS = 0.5
# pymodbus writes an answer in one piece of at most 256 bytes, so one read is whole frames.
CHUNK_BYTES = 4096


def packet(text: str) -> bytes:
    """`hex:0A0B` as these bytes, anything else as its UTF-8."""
    return bytes.fromhex(text.removeprefix("hex:")) if text.startswith("hex:") else text.encode()


class Dtu:
    def __init__(
        self, gateway: str, line: tuple[str, int], registration: bytes, heartbeat: bytes, heartbeat_seconds: float
    ) -> None:
        host, _, port = gateway.rpartition(":")
        self.gateway = (host, int(port))
        self.line = line
        self.registration = registration
        self.heartbeat = heartbeat
        self.heartbeat_seconds = heartbeat_seconds
        self.outside: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        """Dials for ever; ends when cancelled."""
        while True:
            with suppress(OSError):
                await self._session()
            await asyncio.sleep(REDIAL_SECONDS)

    def hang_up(self) -> None:
        """Drops the connection, if there is one; it is dialled again."""
        if self.outside:
            self.outside.close()

    async def _session(self) -> None:
        """One connection, from dialling to its loss by either side."""
        from_gateway, to_gateway = await asyncio.open_connection(*self.gateway)
        try:
            self.outside = to_gateway
            from_line, to_line = await asyncio.open_connection(*self.line)
            try:
                to_gateway.write(self.registration)
                await self._until_first_ends(
                    pump(from_gateway, to_line),
                    pump(from_line, to_gateway),
                    self._beat(to_gateway),
                )
            finally:
                to_line.close()
        finally:
            self.outside = None
            to_gateway.close()

    async def _beat(self, to_gateway: asyncio.StreamWriter) -> None:
        while True:
            await asyncio.sleep(self.heartbeat_seconds)
            to_gateway.write(self.heartbeat)
            await to_gateway.drain()

    @staticmethod
    async def _until_first_ends(*jobs) -> None:
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(CHUNK_BYTES):
        sink.write(data)
        await sink.drain()
