"""Which paths and which node `PositionMiddleware` is told of; what it does for them is tested on whole clusters."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import json, sys
import django
from django.conf import settings
settings.configure(ALLOWED_HOSTS=["*"], **json.loads(sys.argv[1]), DATABASES={"default":
    {"ENGINE": "webapp.multimaster", "HOST": "127.0.0.1", "PORT": 1, "NAME": "nowhere"}})
django.setup()
from django.http import HttpResponse
from django.test import RequestFactory
from webapp.multimaster.middleware import PositionMiddleware
answer = PositionMiddleware(lambda request: HttpResponse())(RequestFactory().get("/pages/1"))
print(answer.status_code, answer.get("Firstbell-Node"))
"""


@pytest.mark.parametrize(
    ("settings", "answer"),
    [
        ({}, "503 None"),  # it asks the database, which is away
        ({"MULTIMASTER_NODE": 2}, "503 2"),
        ({"MULTIMASTER_NODE": 2, "MULTIMASTER_PATHS": ["/api/", "/pages/"]}, "503 2"),
        ({"MULTIMASTER_NODE": 2, "MULTIMASTER_PATHS": ["/api/"]}, "200 None"),
    ],
)
def test_the_middleware_looks_at_the_paths_of_the_settings_and_names_their_node(settings, answer):
    done = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps(settings)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == answer, done.stderr
