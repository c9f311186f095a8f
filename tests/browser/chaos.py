"""Kills and revives hosts in the background, while the test goes on pressing buttons."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from cluster.local.laptop import Laptop


class Chaos:
    """One thing after the other, each beside the lesson. What failed is raised at the end."""

    def __init__(self, laptop: Laptop) -> None:
        self._laptop = laptop
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._running: list[Future[None]] = []

    def __enter__(self) -> "Chaos":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=error is not None)
        if error is None:
            for one in self._running:
                one.result()

    @property
    def is_over(self) -> bool:
        return all(one.done() for one in self._running)

    def kill(self, *hosts: str) -> None:
        self._all(self._laptop.kill, hosts)

    def revive(self, *hosts: str) -> None:
        self._all(self._laptop.revive, hosts)

    def _all(self, action: Callable[[str], None], hosts: Sequence[str]) -> None:
        def work() -> None:
            for host in hosts:
                action(host)

        self._running.append(self._pool.submit(work))
