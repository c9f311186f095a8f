"""A line between two nodes that can be cut: open, silent (nothing arrives, nobody is told) or refused."""

import asyncio
import contextlib
import threading

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Lines:
    """The thread in which all lines of a mesh run. Close it at the end."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._lines: dict[tuple[int, int], Line] = {}

    def add(self, subscriber: int, publisher: int, port: int, target_port: int) -> None:
        """What `subscriber` reaches at `port` is `publisher`, on this machine."""
        line = Line(self.loop, target_port)
        asyncio.run_coroutine_threadsafe(line.listen(port), self.loop).result(10)
        self._lines[subscriber, publisher] = line

    def __getitem__(self, pair: tuple[int, int]) -> "Line":
        return self._lines[pair]

    def close(self) -> None:
        for line in self._lines.values():
            line.set("refused")
        asyncio.run_coroutine_threadsafe(self._end_all(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)

    async def _end_all(self) -> None:
        for line in self._lines.values():
            line.close()
        carrying = asyncio.all_tasks() - {asyncio.current_task()}
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)


class Line:
    def __init__(self, loop: asyncio.AbstractEventLoop, target_port: int):
        self.loop, self.target_port = loop, target_port
        self.mode = "open"
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()

    def set(self, mode: str) -> None:
        """`open`, `silent` or `refused`; from any thread. After a silence, what was held back arrives."""
        self.loop.call_soon_threadsafe(self._set, mode)

    def _set(self, mode: str) -> None:
        self.mode = mode
        if mode == "silent":
            self._open.clear()
        else:
            self._open.set()
        if mode == "refused":
            for writer in list(self._writers):
                writer.transport.abort()

    async def listen(self, port: int) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)

    def close(self) -> None:
        """Take no more connections; those that are open stay."""
        self._server.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._open.wait()
        if self.mode == "refused":
            writer.transport.abort()
            return
        try:
            other_reader, other_writer = await asyncio.open_connection(
                "127.0.0.1", self.target_port
            )
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, other_writer}
        self._writers |= pair
        with contextlib.suppress(asyncio.CancelledError):  # the mesh is being closed
            await asyncio.gather(
                self._carry(reader, other_writer), self._carry(other_reader, writer)
            )
        self._writers -= pair

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(65536):
                await self._open.wait()
                writer.write(piece)
                await writer.drain()
        writer.close()
