"""What this host needs to be of use to a browser, beside its database; returns reasons, empty when well."""

import os
import tempfile
from pathlib import Path

from django.conf import settings

from webapp.multimaster import health


def reasons() -> list[str]:
    """Why this host is not ready, in plain words; an empty list means it is."""
    return health.reasons() + _media()


def _media() -> list[str]:
    root = Path(settings.MEDIA_ROOT)
    try:
        with tempfile.TemporaryFile(dir=root) as probe:
            probe.write(b"x")
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return [f"media: FIRSTBELL_MEDIA_ROOT={root} cannot be written: {error.strerror}"]
    return []
