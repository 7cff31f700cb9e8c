"""Stress tests become batches, with a row for each task instead of chunks.

Dispatchers of the release before run on: their table of chunks keeps its columns, and what is new
may be left out. `driver` makes items of the chunks of a running test.
"""

import django.db.models.deletion
from django.db import migrations, models

_CHUNK_COLUMNS = (
    "task_ids", "fates", "edges", "completed", "failed", "cancelled", "is_over", "looked_at",
    "asked_at", "facts",
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("stress", "0001_initial")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveIndex("stresschunk", "stresschunk_open"),
                *(migrations.RemoveField("stresschunk", name) for name in _CHUNK_COLUMNS),
                migrations.RenameField("stresstest", "families", "groups"),
                migrations.AlterField(
                    "stresstest",
                    "groups",
                    models.PositiveIntegerField(db_column="families", default=0),
                ),
                migrations.RenameField("stresstest", "looked_at", "counted_at"),
                migrations.AlterField(
                    "stresstest",
                    "counted_at",
                    models.DateTimeField(db_column="looked_at", null=True),
                ),
                migrations.RenameField("stresstest", "moved_at", "changed_at"),
                migrations.AlterField(
                    "stresstest",
                    "changed_at",
                    models.DateTimeField(db_column="moved_at", null=True),
                ),
            ]
        ),
        migrations.AlterField("stresstest", "submitted", models.IntegerField(default=0)),
        migrations.AddField(
            "stresstest", "edges", models.PositiveIntegerField(db_default=0, default=0)
        ),
        migrations.AddField("stresstest", "audit", models.JSONField(null=True)),
        migrations.AddField("stresstest", "audited_to", models.BigIntegerField(null=True)),
        migrations.AddField("stresstest", "read_after", models.BigIntegerField(null=True)),
        migrations.AddField("stresstest", "cancelled_at", models.DateTimeField(null=True)),
        migrations.AddField("stresstest", "paused_at", models.DateTimeField(null=True)),
        migrations.CreateModel(
            name="StressTask",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("task_id", models.UUIDField()),
                ("stage", models.IntegerField(default=0)),
                ("outcome", models.CharField(blank=True, default="", max_length=10)),
                ("number", models.PositiveIntegerField()),
                ("expected", models.CharField(max_length=1)),
                (
                    "test",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="stress.stresstest",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["test", "id"], name="stresstask_of_test"),
                    models.Index(
                        condition=models.Q(("outcome", "")),
                        fields=["test", "id"],
                        name="stresstask_open",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("test", "number"), name="stresstask_once")
                ],
            },
        ),
    ]
