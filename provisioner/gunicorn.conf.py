"""gunicorn for the provisioner: `gunicorn -c provisioner/gunicorn.conf.py`, loopback unless told otherwise.

Threads, because a live log holds one for as long as somebody looks on; two processes, so that one
that is killed is missed by nobody.
"""

import os

from provisioner.settings import from_environment

_settings = from_environment()

wsgi_app = "provisioner.web:create_app()"
bind = f"{_settings.bind}:{_settings.port}"
workers = 2
worker_class = "gthread"
threads = 64
# Loaded once, before the fork: a wrong setting stops the start with its one line.
preload_app = True
timeout = 30
graceful_timeout = 2  # streams resume by themselves
keepalive = 5
control_socket_disable = True
forwarded_allow_ips = "127.0.0.1"
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
errorlog = "-"
accesslog = None
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "provisioner.logs.json_lines", "part": "web"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "gunicorn.error": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "gunicorn.access": {"handlers": [], "level": "INFO", "propagate": False},
    },
}
