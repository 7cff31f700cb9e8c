"""What every environment shares."""

import re
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from controlplane.settings.env import BASE_DIR, env
from controlplane.settings.parts.celery import *
from controlplane.settings.parts.database import *
from controlplane.settings.parts.logging import *
from controlplane.settings.parts.redis import *
from controlplane.settings.parts.scaling import *
from controlplane.settings.parts.taskplane import *
from controlplane.settings.parts.taskplane import TASKPLANE
from scaling.schema import SETTINGS as _SCALING

DEBUG = False
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

_ADMIN = "controlplane.workspaces.apps.AdminConfig"
INSTALLED_APPS = [
    _ADMIN,
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "django_celery_results",
    "django_prometheus",
    "django_tasks",
    "controlplane.embedded",
    "controlplane.core",
    "controlplane.workspaces",
    "controlplane.live",
    "controlplane.ops.health",
    "workers",
    "tasks_app",
    "workflows",
    "dlq",
    "scaling",
    "controlplane.ops.schedules",
    "controlplane.ops.stress",
    "controlplane.ops.operations",
    "controlplane.ops.savedviews",
    "controlplane.ops.overview",
    "controlplane.ops.performance",
    "controlplane.ops.terminal",
    "benchmarks.autoscaling",
]

if TASKPLANE["COMPONENT"] in HEADLESS:
    # A worker forks: unused modules would take memory in each of its processes.
    _HTTP_ONLY = {
        "daphne",
        "django.contrib.staticfiles",
        "rest_framework",
        "drf_spectacular",
        "drf_spectacular_sidecar",
        "django_prometheus",
    }
    _PLAIN = {_ADMIN: "django.contrib.admin.apps.SimpleAdminConfig"}
    INSTALLED_APPS = [_PLAIN.get(app, app) for app in INSTALLED_APPS if app not in _HTTP_ONLY]

MIDDLEWARE = [
    "controlplane.ops.health.middleware.RequestMetricsMiddleware",
    "controlplane.core.http.middleware.RequestIdMiddleware",
    "controlplane.core.http.middleware.SecurityHeadersMiddleware",
    "controlplane.core.http.middleware.KnownHostMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "controlplane.core.http.middleware.VisibleTextMiddleware",
]

ROOT_URLCONF = "controlplane.urls"
# The path below which a proxy serves this installation, such as /taskplane
FORCE_SCRIPT_NAME = env.text("TASKPLANE_PATH_PREFIX") or None
if FORCE_SCRIPT_NAME and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", FORCE_SCRIPT_NAME):
    raise ImproperlyConfigured(
        f"TASKPLANE_PATH_PREFIX is {FORCE_SCRIPT_NAME!r}: it must begin with a slash, end without "
        "one, and have only letters, digits and `.`, `_`, `~`, `-` between slashes."
    )
# Every path of the API answers with and without its last slash, so nothing of it is redirected
# (a redirected POST loses its body); this is for the pages of the admin.
APPEND_SLASH = True
ASGI_APPLICATION = "controlplane.asgi.application"
WSGI_APPLICATION = "controlplane.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# `@task` functions of django-tasks run here, on any queue.
TASKS = {"default": {"BACKEND": "tasks_app.backends.TaskplaneBackend", "QUEUES": []}}

# In the database, never in a cookie: messages repeat what people wrote.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Called with the headers Authorization and Cookie: whether a large body is taken from this client.
CREDENTIAL_CHECK = "controlplane.workspaces.authentication.has_valid_credentials"
AUTHENTICATION_BACKENDS = ["controlplane.workspaces.logins.ThrottledBackend"]
# The first one hashes; the others check what another Django project has hashed.
PASSWORD_HASHERS = [
    "controlplane.core.hashing.QueuedPasswordHasher",
    *(
        f"django.contrib.auth.hashers.{name}PasswordHasher"
        for name in ("PBKDF2SHA1", "Argon2", "BCryptSHA256", "Scrypt")
    ),
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
FORMAT_MODULE_PATH = "controlplane.core.formats"
USE_TZ = True

# Under a path prefix (FORCE_SCRIPT_NAME) it stands below the prefix.
STATIC_URL = "static/"
# The app serves the files straight from the packages; STATIC_ROOT is for a server in front.
STATIC_ROOT = env.text("STATIC_ROOT") or None
WHITENOISE_USE_FINDERS = True
STATICFILES_DIRS = [BASE_DIR / "static"] if (BASE_DIR / "static").is_dir() else []

LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "controlplane.core.http.problems.csrf_failure"
SECURE_REFERRER_POLICY = "same-origin"

# The parser answers 413 itself; Django's own limit would answer 400 and name another figure.
DATA_UPLOAD_MAX_MEMORY_SIZE = TASKPLANE["BODY_MAX_BYTES"]

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "controlplane.workspaces.authentication.ApiKeyAuthentication",
        "controlplane.workspaces.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["controlplane.workspaces.permissions.RolePermission"],
    "DEFAULT_PARSER_CLASSES": ["controlplane.core.http.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "rest_framework.renderers.BrowsableAPIRenderer",
    ],
    "EXCEPTION_HANDLER": "controlplane.core.http.problems.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "controlplane.core.http.openapi.Operation",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "DATETIME_FORMAT": "iso-8601",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Taskplane",
    "DESCRIPTION": "Submit, schedule, chain, watch, repair and scale background work.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["controlplane.workspaces.permissions.RolePermission"],
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "controlplane.core.http.openapi.allow_null_in_any_json",
    ],
    "SCHEMA_PATH_PREFIX": "/",
    # "Try it out" of the reference would otherwise call the root of the host.
    "SERVERS": [{"url": FORCE_SCRIPT_NAME}] if FORCE_SCRIPT_NAME else [],
    "ENUM_NAME_OVERRIDES": {
        "RetryStrategyEnum": "tasks_app.processors.retry.STRATEGIES",
        "ScalingStrategyEnum": list(_SCALING["strategy"].choices),
        "SystemStatusEnum": ["ok", "degraded", "down"],
        "ComponentStatusEnum": ["ok", "down"],
    },
    # Served from this project, so that the reference works without the internet.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# Counting queries slows down every query; the metrics are in controlplane.ops.health.
PROMETHEUS_EXPORT_MIGRATIONS = False
