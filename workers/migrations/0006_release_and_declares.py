"""What a node runs: the release of the user's code, and the digest of the processors it declares.

Workers of the version before register without both, and they are then empty.
"""

from django.db import migrations, models

from controlplane.core.migrating import Together


class Migration(migrations.Migration):
    dependencies = [("workers", "0005_names_and_ends")]
    operations = [
        Together(
            [
                migrations.AddField(
                    model_name="node",
                    name="release",
                    field=models.CharField(blank=True, db_default="", default="", max_length=80),
                ),
                migrations.AddField(
                    model_name="node",
                    name="declares",
                    field=models.CharField(blank=True, db_default="", default="", max_length=64),
                ),
            ]
        )
    ]
