"""The release of the user's code, beside the version of Taskplane, where a task died.

Processes of the version before continue to insert letters without it, and it is then empty.
"""

import django.contrib.postgres.fields
from django.db import migrations, models

from controlplane.core.migrating import Together

_MAKE = """
CREATE OR REPLACE FUNCTION dlq_make_group(letter uuid) RETURNS void LANGUAGE sql AS $$
    INSERT INTO dlq_lettergroup (id, workspace_id, fingerprint, type, category, error_class, message,
        letters, deaths, first_seen, last_seen, first_version, last_version, first_release,
        last_release, state, state_at, state_by, state_reason, version, ticket, regressed_versions,
        regressed_releases)
    SELECT id, workspace_id, fingerprint, type, category, left(coalesce(error->>'class', ''), 200),
        left(coalesce(error->>'message', ''), 2000), 0, 0, died_at, died_at, worker_version,
        worker_version, worker_release, worker_release, 'OPEN', died_at, '', '', 0, '', '{}', '{}'
    FROM dlq_deadletter WHERE id = letter
    ON CONFLICT DO NOTHING
$$;
"""
_MAKE_AS_BEFORE = """
CREATE OR REPLACE FUNCTION dlq_make_group(letter uuid) RETURNS void LANGUAGE sql AS $$
    INSERT INTO dlq_lettergroup (id, workspace_id, fingerprint, type, category, error_class, message,
        letters, deaths, first_seen, last_seen, first_version, last_version, state, state_at,
        state_by, state_reason, version, ticket, regressed_versions)
    SELECT id, workspace_id, fingerprint, type, category, left(coalesce(error->>'class', ''), 200),
        left(coalesce(error->>'message', ''), 2000), 0, 0, died_at, died_at, worker_version,
        worker_version, 'OPEN', died_at, '', '', 0, '', '{}'
    FROM dlq_deadletter WHERE id = letter
    ON CONFLICT DO NOTHING
$$;
"""


class Migration(migrations.Migration):
    contract = "Groups are inserted by dlq_make_group alone, which knows the new columns from here on."
    dependencies = [("dlq", "0007_make_groups")]
    operations = [
        Together(
            [
                migrations.AddField(
                    model_name="deadletter",
                    name="worker_release",
                    field=models.CharField(db_default="", default="", max_length=80),
                ),
                migrations.AddField(
                    model_name="lettergroup",
                    name="first_release",
                    field=models.CharField(db_default="", default="", max_length=80),
                ),
                migrations.AddField(
                    model_name="lettergroup",
                    name="last_release",
                    field=models.CharField(db_default="", default="", max_length=80),
                ),
                migrations.AddField(
                    model_name="lettergroup",
                    name="regressed_releases",
                    field=django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=80), default=list, size=None
                    ),
                ),
                migrations.RunSQL(_MAKE, _MAKE_AS_BEFORE),
            ]
        )
    ]
