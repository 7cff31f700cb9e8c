"""Settings: `production` when TASKPLANE_ENV says so, else `dev`.

One name, `controlplane.settings`, serves every process; the environment decides.
"""

from controlplane.settings.env import env

if env.choice("TASKPLANE_ENV", "dev", allowed=("dev", "production")) == "production":
    from controlplane.settings.production import *
else:
    from controlplane.settings.dev import *
