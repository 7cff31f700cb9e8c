#!/usr/bin/env python
"""Command line of Taskplane: `python manage.py help`."""

import sys

from controlplane.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv))
