"""Names of the environments' hosts in this machine's /etc/hosts: one marked block an environment."""

import errno
import re
import shutil
from pathlib import Path

from localhosts.store import Environment, Store

FILE = Path("/etc/hosts")


def _marks(name: str) -> tuple[str, str]:
    return f"# firstbell-hosts {name} begin", f"# firstbell-hosts {name} end"


def _without(text: str, name: str) -> str:
    begin, end = map(re.escape, _marks(name))
    return re.sub(rf"^{begin}\n.*?^{end}\n", "", text, flags=re.MULTILINE | re.DOTALL)


def add(store: Store, environment: Environment) -> None:
    begin, end = _marks(environment.name)
    lines = [f"{host.outside} {' '.join(environment.names_of(host))}" for host in environment.hosts]
    with store.lock("names"):
        text = _without(FILE.read_text(), environment.name)
        if not text.endswith("\n"):
            text += "\n"
        _write("\n".join([text.rstrip("\n"), begin, *lines, end, ""]))


def remove(store: Store, name: str) -> None:
    with store.lock("names"):
        text = FILE.read_text()
        if _without(text, name) != text:
            _write(_without(text, name))


def _write(text: str) -> None:
    draft = FILE.with_name(FILE.name + ".firstbell-hosts")
    draft.write_text(text)
    shutil.copymode(FILE, draft)
    try:
        draft.replace(FILE)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        # In a container this file is often a mount, which can't be replaced. It is never empty meanwhile.
        with FILE.open("r+") as file:
            file.write(text)
            file.truncate()
        draft.unlink()


def left(name: str) -> list[str]:
    return [str(FILE)] if _marks(name)[0] in FILE.read_text().splitlines() else []
