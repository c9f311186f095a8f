"""All settings of the web application, read once at start from the environment.

Defaults are safe for production: debug off, secure cookies, no secret means no start. What each
variable means stands in README.md beside this file. No other module here reads the environment.
"""

import sys
from pathlib import Path

from webapp.environment import Environment, SettingError
from webapp.mail.providers import provider

BASE_DIR = Path(__file__).resolve().parent
env = Environment()


try:
    DEBUG = env.flag("FIRSTBELL_DEBUG", False)
    SECRET_KEY = env.secret("FIRSTBELL_SECRET_KEY")
    FIRSTBELL_REALTIME_KEY = env.secret("FIRSTBELL_REALTIME_KEY")
    FIRSTBELL_NODE = env.integer("FIRSTBELL_NODE")
    MEDIA_ROOT = env.text("FIRSTBELL_MEDIA_ROOT")
    FIRSTBELL_LOCAL_ROOT = env.text("FIRSTBELL_LOCAL_ROOT")
    ALLOWED_HOSTS = env.words("FIRSTBELL_ALLOWED_HOSTS", "localhost,127.0.0.1")
    FIRSTBELL_PAGE_ORIGINS = env.origins("FIRSTBELL_PAGE_ORIGINS")
    SESSION_COOKIE_NAME = env.text("FIRSTBELL_COOKIE_NAME", "firstbell_session")
    SESSION_COOKIE_DOMAIN = env.text("FIRSTBELL_COOKIE_DOMAIN", "") or None
    SESSION_COOKIE_SECURE = env.flag("FIRSTBELL_COOKIE_SECURE", True)
    DEFAULT_FROM_EMAIL = env.text("FIRSTBELL_MAIL_FROM", "Firstbell <no-reply@localhost>")
    FIRSTBELL_MAIL_PROVIDERS = env.made(
        "FIRSTBELL_MAIL_PROVIDERS", provider, "smtp://user:password@mail.example:587"
    )
    FIRSTBELL_MAIL_TAKE_OVER_SECONDS = env.integer("FIRSTBELL_MAIL_TAKE_OVER_SECONDS", 120)
    LOG_LEVEL = env.text("FIRSTBELL_LOG_LEVEL", "INFO").upper()
    # On Django's own engine this room runs alone, on a Postgres that is no member of a mesh.
    DB_ENGINE = env.text("FIRSTBELL_DB_ENGINE", "webapp.multimaster")
    MESH = DB_ENGINE == "webapp.multimaster"
    DATABASES = {
        "default": env.database("FIRSTBELL_DATABASE_URL", DB_ENGINE)
        # Connections are kept (a new one costs eight times a request) and checked before use, so
        # that a restarted Postgres costs no failed request.
        | {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
    }
except SettingError as error:
    print(f"webapp: {error}", file=sys.stderr)
    sys.exit(2)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    *(["webapp.multimaster"] if MESH else []),
    "webapp.api",
    "webapp.accounts",
    "webapp.lessons",
    "webapp.media",
    "webapp.teaching",
    "webapp.mail",
    "webapp.health",
    *(["webapp.recovery"] if MESH else []),
]

MIDDLEWARE = [
    # First, so that refusals and failures of all others can still be read by the page.
    "corsheaders.middleware.CorsMiddleware",
    # Before all that needs the database or a known Host header.
    "webapp.health.middleware.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Behind what is the same in all languages (static files, health), so that its `Vary: Accept-Language` splits no
    # cache; before all whose refusals are sentences.
    "django.middleware.locale.LocaleMiddleware",
    *(["webapp.multimaster.middleware.PositionMiddleware"] if MESH else []),
    "webapp.accounts.middleware.SessionMiddleware",
    "webapp.accounts.devices.DeviceMiddleware",
    "webapp.accounts.parked.ParkedAccountMiddleware",
    *(["webapp.recovery.middleware.ActorMiddleware"] if MESH else []),
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "webapp.accounts.sign_ins.SignInMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "webapp.urls"
WSGI_APPLICATION = "webapp.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
]
PASSWORD_HASHERS = [
    "webapp.accounts.hashers.PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # read only: hashed anew at the next sign-in
]
AUTHENTICATION_BACKENDS = [
    "webapp.accounts.guessing.GuessingGuard",  # first: it may stop the others from looking
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_RESET_TIMEOUT = 4 * 3600
CACHES = {
    # Of this host alone, like all it holds: counts of what was tried (accounts/budgets.py).
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": str(Path(FIRSTBELL_LOCAL_ROOT) / "counts"),
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# A lost session costs a sign-in; people's work waits for a peer.
SESSION_ENGINE = "webapp.multimaster.sessions" if MESH else "django.contrib.sessions.backends.db"
MULTIMASTER_DURABILITY = "peer"
MULTIMASTER_PATHS = ("/api/", "/admin/")
MULTIMASTER_NODE = FIRSTBELL_NODE
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
# The CSRF secret lives in the session row: one cookie, valid on every API host of the domain.
CSRF_USE_SESSIONS = True
CSRF_TRUSTED_ORIGINS = FIRSTBELL_PAGE_ORIGINS
CSRF_FAILURE_VIEW = "webapp.api.handlers.csrf_failure"
# gunicorn listens on loopback only; nginx in front of it sets this header on every request.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"

CORS_ALLOWED_ORIGINS = FIRSTBELL_PAGE_ORIGINS
CORS_ALLOW_CREDENTIALS = True
CORS_URLS_REGEX = r"^/(api/|livez$|readyz$)"
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "firstbell-durability",
    "firstbell-position",
    "x-csrftoken",
]
CORS_EXPOSE_HEADERS = ["Firstbell-Position", "Firstbell-Durability", "Firstbell-Node", "ETag"]
CORS_PREFLIGHT_MAX_AGE = 86400

# No request ever talks to a mail server: the outbox is a file of this host, and the sender a process of its own.
EMAIL_BACKEND = "webapp.mail.backend.OutboxBackend"
SERVER_EMAIL = DEFAULT_FROM_EMAIL

STATIC_URL = "/static/"
# The admin's few files are served out of the installed packages: no collectstatic to forget.
WHITENOISE_USE_FINDERS = True

# The catalogues of all but English lie in locale/; README.md says how to add a language.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("nl", "Nederlands")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["webapp.api.authentication.CookieAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["webapp.api.parsers.BoundedJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "webapp.api.schema.FirstbellSchema",
    "EXCEPTION_HANDLER": "webapp.api.handlers.exception_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Firstbell API",
    "VERSION": "1",
    "DESCRIPTION": "Lessons, media and teaching sessions. Every write names its row by a UUID the "
    "client made, so that any request may be repeated on any host.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "OAS_VERSION": "3.1.0",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "webapp.logs.json_lines", "node": FIRSTBELL_NODE}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # A 404 or a 412 is an answer, not an event for the operator.
        "django.request": {"handlers": [], "level": "ERROR", "propagate": True},
        # It tells of each passkey by its id.
        "fido2": {"handlers": [], "level": "WARNING", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
    },
}
