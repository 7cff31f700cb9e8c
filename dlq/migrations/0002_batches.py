"""Replays become batches: names of fields change, columns do not; a pause, an index.

Dispatchers of the release before run on with these tables: what is new may be null.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dlq", "0001_initial"), ("workspaces", "0001_initial")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField("deadletter", "terms", "task_options"),
                migrations.AlterField(
                    "deadletter", "task_options", models.JSONField(db_column="terms", default=dict)
                ),
                migrations.RenameField("replay", "wanted", "filter"),
                migrations.AlterField("replay", "filter", models.JSONField(db_column="wanted")),
                migrations.AlterField(
                    "replaytask",
                    "replay",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="dlq.replay",
                    ),
                ),
            ]
        ),
        migrations.AlterField("replaytask", "stage", models.IntegerField(default=0)),
        migrations.AddField("replay", "paused_at", models.DateTimeField(null=True)),
        migrations.AddField("replay", "read_after", models.BigIntegerField(null=True)),
        migrations.AddIndex(
            "replaytask", models.Index(fields=["replay", "id"], name="replaytask_newest")
        ),
    ]
