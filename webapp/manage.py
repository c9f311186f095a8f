#!/usr/bin/env python
"""Django's command line for this room: `python webapp/manage.py <command>`, from any folder."""

import os
import sys
from pathlib import Path


def main() -> None:
    # Python puts this file's folder first on the path, where `media` or `api` would be importable
    # under a second name. The package is `webapp`, so its parent belongs there instead.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
