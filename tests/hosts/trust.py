"""A home folder in which Chromium trusts one more CA, as an administrator of school computers sets it up."""

import subprocess
from pathlib import Path


def home_that_trusts(ca_file: Path | None, folder: Path) -> Path:
    """Make a home in `folder`; without `ca_file` it trusts what every Chromium trusts.

    Certificates stay verified: tests that pass `ignore_https_errors` would not see a wrong one.
    """
    home = folder / "home"
    database = home / ".pki/nssdb"
    database.mkdir(parents=True)
    if ca_file is not None:
        _certutil("-N", "--empty-password", "-d", f"sql:{database}")
        _certutil("-A", "-d", f"sql:{database}", "-n", "environment", "-t", "C,,", "-i", ca_file)
    return home


def _certutil(*arguments: str | Path) -> None:
    """Debian's libnss3-tools."""
    subprocess.run(["certutil", *map(str, arguments)], check=True, capture_output=True, text=True)
