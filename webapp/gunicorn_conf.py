"""gunicorn for one host: `gunicorn -c python:webapp.gunicorn_conf`, loopback only, behind nginx.

Sync workers on purpose: with a kept connection each they answered more requests a second than
threads or an async worker on the same machine, and a request never shares its connection.
"""

import os

wsgi_app = "webapp.wsgi:application"
bind = "127.0.0.1:" + os.environ.get("FIRSTBELL_PORT", "8601")
workers = int(os.environ.get("FIRSTBELL_WORKERS", "2"))
worker_class = "sync"
# The application is loaded once, before the fork: less memory, and a wrong setting stops the start
# with its one line instead of a loop of dying workers.
preload_app = True
timeout = 30
graceful_timeout = 10
keepalive = 0
# Its default place is one per user: the hosts of a laptop cluster would share it.
control_socket_disable = True
forwarded_allow_ips = "127.0.0.1"
# Heartbeat files belong in memory: on a busy disk a worker was otherwise taken for dead.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
errorlog = "-"
accesslog = None
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "webapp.logs.json_lines",
            "node": int(os.environ.get("FIRSTBELL_NODE") or 0),
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "gunicorn.error": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "gunicorn.access": {"handlers": [], "level": "INFO", "propagate": False},
    },
}
