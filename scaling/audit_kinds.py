"""The fleet in the audit log."""

from controlplane.workspaces.audit.kinds import Kind, register
from scaling.models import Pool

register(
    Kind(
        target="pool",
        noun="fleet",
        plural="fleets",
        icon="scaling",
        page="scaling_pool",
        rows=Pool.objects.all,
        key="name",
        row="name",
        label="name",
        belongs="",
        read=str,
        is_single=True,
        verbs={
            "scaling.configure": "changed the configuration of",
            "scaling.scale": "set the number of workers of",
            "scaling.release": "ended the manual number of workers of",
        },
    )
)
