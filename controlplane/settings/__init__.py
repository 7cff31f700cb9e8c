"""Settings: `production` if TASKPLANE_ENV selects it, otherwise `dev`. Every process uses the same
name, `controlplane.settings`.
"""

from controlplane.settings.env import env

if env.choice("TASKPLANE_ENV", "dev", allowed=("dev", "production")) == "production":
    from controlplane.settings.production import *
else:
    from controlplane.settings.dev import *
