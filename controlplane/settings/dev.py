"""Local use: everything embedded unless the environment says otherwise."""

from controlplane.settings.base import *
from controlplane.settings.env import env
from controlplane.settings.secret import local_secret_key

DEBUG = env.flag("DEBUG", False)
SECRET_KEY = env.text("DJANGO_SECRET_KEY") or local_secret_key()
