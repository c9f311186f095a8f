"""What all rounds of the drill share: their options, where they write, the list of them."""

import json
import os
import random
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.report import ROOT
from tests.support.postgres import bin_folder

FOLDER = ROOT / "reports" / "drill"


@dataclass(frozen=True)
class Options:
    """How much is done. `short` is CI's form: the same steps, less of each."""

    short: bool = False
    seed: int = field(default_factory=lambda: random.SystemRandom().randrange(10**6))
    transactions: int = 200_000
    epoch: int = 10_000
    writers: int = 4
    times: int = 20
    pairs: int = 1000
    frames: int = 1_000_000
    without: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls) -> "Options":
        """SHORT, SEED, TRANSACTIONS, EPOCH, WRITERS, TIMES, PAIRS, FRAMES, WITHOUT (kinds, by commas)."""
        told = os.environ.get
        short = told("SHORT", "") not in ("", "0")
        usual = SHORT if short else cls()
        return cls(
            short=short,
            seed=int(told("SEED") or usual.seed),
            transactions=int(told("TRANSACTIONS") or usual.transactions),
            epoch=int(told("EPOCH") or usual.epoch),
            writers=int(told("WRITERS") or usual.writers),
            times=int(told("TIMES") or usual.times),
            pairs=int(told("PAIRS") or usual.pairs),
            frames=int(told("FRAMES") or usual.frames),
            without=tuple(filter(None, told("WITHOUT", "").split(","))),
        )


SHORT = Options(
    short=True, transactions=2000, epoch=500, writers=3, times=2, pairs=30, frames=5_000
)


def save_evidence(name: str, seed: int, found: dict[str, Any]) -> Path:
    """What a round found wrong, for whoever looks for the cause; in a file of its own."""
    path = FOLDER / "evidence" / f"{name}-{seed}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1, default=str) + "\n")
    print(f"{name}: evidence in {path}", flush=True)
    return path


def postgres_version() -> str:
    answer = subprocess.run(
        [bin_folder() / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    return answer.stdout.split()[2]
