"""How long a class waits when a host dies: kills the host that everything depends on, many times.

Each round kills (SIGKILL, all of it) the host that is the board's and the teacher's primary realtime
host and the API host of two teachers' pages, and presses three buttons in the moment it is dead:
"Next" (when is the slide on the board?), "My lessons" (a read: when is the list there?) and, on a
second laptop, "Save" (a write: when does it say saved?). Before each, with all hosts alive, the board is loaded
anew: when is it live again? All moments are taken inside the browsers, from the same clock; a picture counts from
the frame that has it.

Run: `python -m tests.drills.failover` (KILLS=20). Writes reports/failover.json.
FAULT=freeze stops the host's processes instead (SIGSTOP): it falls silent and refuses nothing, as
one that lost its power or its network; into reports/failover-freeze.json.
It judges nothing but that all rounds came to a good end; figures are for people to judge.
"""

import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import sync_playwright

from bench.report import Figure, Plot, Report, conditions
from cluster.local import ports
from cluster.local.laptop import Laptop
from tests.browser import decks
from tests.browser.screens import Board, Screen, Teacher, expect, pair, ranked
from tests.drills.frame import Options

ROOT = Path(__file__).resolve().parents[2]
GIVE_UP_MS = 20_000
LIVE_MS = 1_000
"""A board shows its lesson and is online this long after it was loaded."""
TITLE = "The tides"

PRESS = "selector => { document.querySelector(selector).click(); return watchNow(); }"
PRESS_AND_SEE = """([button, sign, limit]) => {
    document.querySelector(button).click();
    const pressed = watchNow();
    return watchFor(sign, limit).then((seen) => ({ pressed, seen }));
}"""

LIVE = """([signs, limit]) => Promise.all(signs.map((sign) => watchFor(sign, limit))).then(
    (seen) => seen.includes(null) ? null : Math.max(...seen) - performance.timeOrigin)"""
"""From the start of the load until each of these is there, ms."""


def testid(name: str) -> str:
    return f'[data-testid="{name}"]'


@dataclass
class Sample:
    """One kill, milliseconds. None: it never came."""

    host: str
    board_after_kill: float | None
    board_after_press: float | None
    read: float | None
    write: float | None
    board_live: float | None
    """From the start of a load to the slide and a line to a host."""
    errors: list[str]


@dataclass
class Drill:
    """Three screens on one cluster: `teacher` steers `board`, `author` writes on another laptop."""

    laptop: Laptop
    teacher: Teacher
    board: Board
    author: Teacher
    fault: str = "kill"
    samples: list[Sample] = field(default_factory=list)

    def prepare(self, username: str, password: str) -> None:
        for screen in (self.teacher, self.author):
            screen.sign_in(username, password)
            expect(screen.by("user-name")).to_be_visible()
        self.teacher.import_file("tides.zip", decks.tides())
        self.teacher.open_lesson(TITLE)
        pair(self.teacher, self.board)
        self.author.by("lesson-new").click()
        expect(self.author.by("editor-save")).to_be_enabled()

    def round(self, number: int) -> Sample:
        names = [host.name for host in self.laptop.topology.hosts]
        victim, standby, _ = ranked(self.teacher.session, names)
        board_live = self._load_board()
        self._settle(victim, standby, number)
        errors_before = len(self._errors())
        with self._dying(victim) as killed:
            self.teacher.requests.clear()
            self.author.requests.clear()
            sample = self._press_all(victim, killed)
            for page in (self.teacher, self.author):
                page.assert_has_asked(self.laptop.host(victim).public_url)
        sample.board_live = board_live
        sample.errors = self._errors()[errors_before:]
        self.samples.append(sample)
        self.laptop.revive(victim)
        return sample

    @contextmanager
    def _dying(self, victim: str) -> Iterator[float]:
        """Gives the moment of death at once; afterwards nothing of the host is left."""
        if self.fault == "freeze":
            for process in self.laptop.unit(victim).processes():
                with suppress(psutil.NoSuchProcess):
                    process.suspend()
            yield time.time() * 1000
            self.laptop.kill(victim)
            return
        pid = self.laptop.pid(victim, "realtime")
        with ThreadPoolExecutor(max_workers=1) as pool:
            killing = pool.submit(self.laptop.kill, victim)
            yield _moment_of_death(pid)
            killing.result()

    def _settle(self, victim: str, standby: str, number: int) -> None:
        """As in any lesson that has run for a minute: both lines stand, and a page to save."""
        for page in (self.teacher, self.author):
            page.choose_host(victim)
        if not self.teacher.page.url.rpartition("#")[2].startswith("/teach/"):
            self.teacher.open_lesson(TITLE)
        expect(self.teacher.by("presenter")).to_be_visible()
        addresses = {self._realtime(victim), self._realtime(standby)}
        self.board.wait_until(
            lambda: addresses <= self.board.sockets & self.teacher.sockets, "both lines", seconds=60
        )
        self.teacher.page.keyboard.press("Home")
        self.board.expect_at((0, 0))
        self.author.by("editor-title").fill(f"Draft {number}")

    def _realtime(self, host: str) -> str:
        public = self.laptop.host(host).public_url
        return public.replace("http", "ws", 1) + "/rt/v1/socket"

    def _press_all(self, victim: str, killed: float) -> Sample:
        """All three presses within a few milliseconds; only then is waited for what they bring."""
        self.board.page.evaluate("watchShown.length = 0")
        pressed = self.teacher.page.evaluate(PRESS, testid("next"))
        self.author.page.evaluate(
            """([button, status, limit]) => {
                document.querySelector(button).click();
                const pressed = watchNow();
                window.saving = new Promise((resolve) => {
                    const look = () => {
                        if (document.querySelector(status).textContent.startsWith("Saved")) {
                            return resolve(watchNow() - pressed);
                        }
                        if (watchNow() - pressed > limit) return resolve(null);
                        requestAnimationFrame(look);
                    };
                    requestAnimationFrame(look);
                });
            }""",
            [testid("editor-save"), testid("editor-status"), GIVE_UP_MS],
        )
        read = self.teacher.page.evaluate(
            PRESS_AND_SEE, [testid("to-lessons"), testid("lesson-card"), GIVE_UP_MS]
        )
        shown = self.board.page.evaluate(
            """async ([at, limit]) => {
                const end = watchNow() + limit;
                while (watchNow() < end) {
                    const seen = watchShown.find((one) => one.at === at);
                    if (seen) return seen.time;
                    await new Promise((resolve) => setTimeout(resolve, 5));
                }
                return null;
            }""",
            ["1/0", GIVE_UP_MS],
        )
        return Sample(
            host=victim,
            board_after_kill=shown and shown - killed,
            board_after_press=shown and shown - pressed,
            read=read["seen"] and read["seen"] - read["pressed"],
            write=self.author.page.evaluate("window.saving"),
            board_live=None,
            errors=[],
        )

    def _load_board(self) -> float | None:
        self.board.reload()
        online = '[data-testid="connection-state"][data-state="online"]'
        signs = [testid("slide"), online]
        return self.board.page.evaluate(LIVE, [signs, GIVE_UP_MS])

    def _errors(self) -> list[str]:
        return [
            text
            for screen in (self.teacher, self.board, self.author)
            for text in screen.errors + screen.exceptions
        ]


def _moment_of_death(pid: int) -> float:
    """Milliseconds since 1970, as the browsers count them, when this process was gone."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return time.time() * 1000
        except psutil.NoSuchProcess:
            return time.time() * 1000
        time.sleep(0.001)
    raise AssertionError(f"process {pid} did not die")


def summary(samples: list[Sample]) -> dict[str, Any]:
    """Per figure: how many, and their spread. The p99 of fewer than 100 is the greatest."""
    told: dict[str, Any] = {}
    for name in ("board_after_kill", "board_after_press", "read", "write", "board_live"):
        values = sorted(v for s in samples if (v := getattr(s, name)) is not None)
        told[name] = {
            "count": len(values),
            "missing": len(samples) - len(values),
            **(_spread(values) if values else {}),
        }
    return told


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "min": round(values[0], 1),
        "median": round(statistics.median(values), 1),
        "p99": round(values[ceil(0.99 * len(values)) - 1], 1),
        "max": round(values[-1], 1),
    }


FAULTS = {
    "kill": "SIGKILL of Postgres, NATS, realtime, API, agent, nginx and their supervisor",
    "freeze": "SIGSTOP of Postgres, NATS, realtime, API, agent, nginx and their supervisor",
}


def conditions_of(laptop: Laptop, fault: str) -> dict[str, Any]:
    return {
        "utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "hosts": len(laptop.topology.hosts),
        "where": "all hosts, the edge and three Chromium browsers on one machine, over loopback",
        "cpus": os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 2),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "fault": FAULTS[fault],
        "unit": "milliseconds",
    }


def main(kills: int, fault: str) -> int:
    with (
        tempfile.TemporaryDirectory(prefix="firstbell-drill-") as folder,
        sync_playwright() as driver,
    ):
        Path(folder).chmod(0o755)
        laptop = Laptop(state_path=Path(folder) / "run", hosts=3, port_base=ports.free_base(14000))
        screens: list[Screen] = []

        def open_screen(kind: Callable[..., Any], path: str) -> Any:
            url = laptop.topology.page_url + path
            screens.append(kind(driver, Path(folder) / f"profile{len(screens)}", url))
            return screens[-1]

        try:
            laptop.up()
            drill = Drill(
                laptop,
                teacher=open_screen(Teacher, ""),
                board=open_screen(Board, "/board"),
                author=open_screen(Teacher, ""),
                fault=fault,
            )
            drill.prepare("ada", "firstbell-demo")
            for number in range(1, kills + 1):
                print(f"{number:3} of {kills}  {drill.round(number)}", flush=True)
            return report(drill)
        finally:
            for screen in screens:
                screen.close()
            laptop.down()


def run(options: Options) -> Report:
    """This drill as a round of `make drill`."""
    main(options.times, "kill")
    told = json.loads((ROOT / "reports/failover.json").read_text())
    figures = told["figures"]
    errors = sum(len(sample["errors"]) for sample in told["samples"])
    missing = sum(f["missing"] for f in figures.values())
    live = figures["board_live"].get("median")
    names = list(figures)
    spreads = ("median", "p99", "max")
    return Report(
        "failover",
        "Failover: the host that a lesson depends on is killed",
        "How long teacher and class wait for the next slide, a list and a save, in three browsers; and for a board that is loaded.",
        figures=[
            Figure("kills", len(told["samples"])),
            Figure("answers that never came", missing, "", "0", missing == 0),
            Figure("errors shown", errors, "", "0", errors == 0),
            Figure("board live after a load, median", live, "ms", f"≤ {LIVE_MS}", live is not None and live <= LIVE_MS),
            *[Figure(f"{n}, {s}", figures[n].get(s), "ms") for n in names for s in spreads],
        ],
        plots=[Plot("Waiting", "ms", names, {s: [figures[n].get(s) for n in names] for s in spreads})],
        conditions=conditions(**told["conditions"]),
        details={"samples": told["samples"]},
    )  # fmt: skip


def report(drill: Drill) -> int:
    figures = summary(drill.samples)
    told = {
        "conditions": conditions_of(drill.laptop, drill.fault),
        "figures": figures,
        "samples": [vars(sample) for sample in drill.samples],
    }
    suffix = "" if drill.fault == "kill" else f"-{drill.fault}"
    path = ROOT / f"reports/failover{suffix}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(told, indent=2) + "\n")
    for name, figure in figures.items():
        print(f"{name:18} {figure}")
    print(f"errors shown: {sum(len(sample.errors) for sample in drill.samples)}; {path}")
    well = all(f["missing"] == 0 for f in figures.values())
    return 0 if well and not any(sample.errors for sample in drill.samples) else 1


if __name__ == "__main__":
    told = os.environ.get
    raise SystemExit(main(int(told("KILLS", "20")), told("FAULT", "kill")))
