"""Installs an unpacked release in the folder it lies in: a virtual environment from the wheels beside it, offline.

Part of every release (bin/build) as `install.py`; runs with the host's own Python and nothing else:

    tar -xzf firstbell-<version>.tar.gz && python3 <version>/install.py

Every file is compared with the manifest first. Interrupted, it is simply run again; `.installed` is written last.
It starts nothing, and makes no release the current one.
"""

import hashlib
import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

RELEASE = Path(__file__).resolve().parent
DONE = RELEASE / ".installed"


def main() -> str | None:
    """What went wrong, or None."""
    manifest = json.loads((RELEASE / "manifest.json").read_text(encoding="utf-8"))
    if trouble := unfit(manifest) or damaged(manifest):
        return trouble
    venv = RELEASE / "venv"
    if venv.exists():
        shutil.rmtree(venv)  # half of one, or of another Python
    DONE.unlink(missing_ok=True)
    lock, wheels = RELEASE / "requirements.lock", RELEASE / "wheels"
    own = sorted(wheels.glob("firstbell-*.whl"))
    pip = [
        *(venv / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-input", "--no-cache-dir", "--no-index"),
    ]
    run(sys.executable, "-m", "venv", venv)
    run(*pip, "--find-links", wheels, "--require-hashes", "--requirement", lock)
    run(*pip, "--no-deps", *own)
    DONE.write_text(manifest["version"] + "\n", encoding="utf-8")
    print(f"{manifest['version']} is installed in {RELEASE}")
    return None


def unfit(manifest: dict) -> str | None:
    """Why this machine can't use the wheels, or None."""
    found = f"{sys.version_info.major}.{sys.version_info.minor}"
    if found not in manifest["python"]:
        return (
            f"Python here is {found}; this release has wheels for {', '.join(manifest['python'])}"
        )
    if platform.machine() != manifest["machine"]:
        return f"this machine is {platform.machine()}; this release is for {manifest['machine']}"
    return None


def damaged(manifest: dict) -> str | None:
    """Which file is not as it was built, or None."""
    for name, wanted in manifest["files"].items():
        path = RELEASE / name
        if not path.is_file():
            return f"{path} is missing: unpack the archive again"
        if hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
            return f"{path} is not as it was built: unpack the archive again"
    return None


def run(*command: str | Path) -> None:
    """Run to the end, without whatever pip the machine is set up to ask. Raises SystemExit with what it said."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PIP_CONFIG_FILE": "/dev/null"},
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stderr or done.stdout}")


if __name__ == "__main__":
    sys.exit(main())
