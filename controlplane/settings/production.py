"""Production: refuses to start with any setting that is insecure or would lose data."""

from django.core.exceptions import ImproperlyConfigured

from controlplane.settings.base import *
from controlplane.settings.env import env
from controlplane.settings.parts.database import EMBEDDED_POSTGRES
from controlplane.settings.parts.redis import EMBEDDED_VALKEY
from controlplane.settings.secretrules import find_weakness, is_default_password, login_of

SECRET_KEY_MIN_LENGTH = 50

SECRET_KEY = env.text("DJANGO_SECRET_KEY")
if _weakness := find_weakness(SECRET_KEY, min_length=SECRET_KEY_MIN_LENGTH):
    raise ImproperlyConfigured(f"DJANGO_SECRET_KEY {_weakness}.")
if env.flag("DEBUG", False):
    raise ImproperlyConfigured("DEBUG is true: in production it must be false.")
if EMBEDDED_POSTGRES:
    raise ImproperlyConfigured("DATABASE_URL is missing: in production it must name a database.")
if EMBEDDED_VALKEY:
    raise ImproperlyConfigured("REDIS_HOST is missing: in production it must name a Redis.")

_database = DATABASES["default"]
for _name, _user, _password in (
    ("DATABASE_URL", _database["USER"], _database["PASSWORD"]),
    ("REDIS_PASSWORD", "", REDIS_PASSWORD),
    ("CELERY_BROKER_URL", *login_of(CELERY_BROKER_URL)),
):
    if is_default_password(_password, _user, _database["NAME"]):
        raise ImproperlyConfigured(
            f"{_name} has a well-known password: in production set another one, on the server and "
            "here."
        )

ALLOWED_HOSTS = env.words("ALLOWED_HOSTS")
if not ALLOWED_HOSTS or "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured(
        "ALLOWED_HOSTS is missing or allows every name: in production it must list the host names "
        "that this server answers to, with commas."
    )

# Behind a proxy that ends TLS; SECURE_SSL false is for a test of the images on one machine.
_SECURE = env.flag("SECURE_SSL", True)
SECURE_SSL_REDIRECT = _SECURE
# Probes come from inside the cluster, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^health(/live|/ready)?/?$", r"^metrics/?$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000 if _SECURE else 0
# Sub-domains and the browsers' preload lists are for the owner of the domain to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SESSION_COOKIE_SECURE = _SECURE
CSRF_COOKIE_SECURE = _SECURE
