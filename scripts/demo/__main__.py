"""`python -m scripts.demo`."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings.dev")
django.setup()

from scripts.demo.seed import main  # noqa: E402 - the models need the apps

if __name__ == "__main__":
    sys.exit(main())
