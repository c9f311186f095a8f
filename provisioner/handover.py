"""The environment file, as a provider's create leaves it: checked, and split into what may be shown and what not."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from provisioner.errors import ResultError

LARGEST_CERTIFICATE_BYTES = 256 * 1024


@dataclass(frozen=True)
class Handover:
    """What a ready environment is handed over as."""

    result: dict[str, Any]
    """domain, page_url, hosts, ca_file and whatever else the provider tells; no secrets."""
    credentials: list[dict[str, Any]]
    ca_pem: str | None


def read(content: Any, name: str, template: str) -> Handover:
    """Raises ResultError with what is wrong."""
    if not isinstance(content, dict):
        raise ResultError("its result file holds no JSON object")
    if content.get("name", name) != name:
        raise ResultError(f"its result file is about {content['name']!r}")
    users = content.get("users", [])
    if not isinstance(users, list) or not all(
        isinstance(u, dict) and all(isinstance(v, str) for v in u.values()) for u in users
    ):
        raise ResultError("users in its result file is no list of {username, password}")
    hosts = content.get("hosts", [])
    if not isinstance(hosts, list) or not all(isinstance(h, dict) for h in hosts):
        raise ResultError("hosts in its result file is no list of objects")
    for url in [content.get("page_url"), *(h.get("public_url") for h in hosts)]:
        if url is not None and not _is_web_address(url):
            raise ResultError(f"{url!r} in its result file is no http(s) address")
    shown = {key: value for key, value in content.items() if key != "users"}
    shown |= {"name": name, "template": template, "hosts": hosts}
    return Handover(shown, users, _certificate(content.get("ca_file")))


def _is_web_address(url: object) -> bool:
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _certificate(path: object) -> str | None:
    """The CA's certificate, for download; never anything else that a path might lead to."""
    if path is None:
        return None
    if not isinstance(path, str) or not Path(path).is_absolute():
        raise ResultError(f"ca_file in its result file is {path!r}, expected an absolute path")
    try:
        with Path(path).open("rb") as file:
            text = file.read(LARGEST_CERTIFICATE_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ResultError(f"ca_file {path} can't be read: {error}") from error
    if not text.startswith("-----BEGIN CERTIFICATE-----") or "PRIVATE" in text:
        raise ResultError(f"ca_file {path} is not just a certificate")
    return text + "\n"
