"""An undo restores the reason of a pause, which may be longer than the notes of items were."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("operations", "0001_operations")]

    operations = [
        migrations.AlterField(
            "operationitem", "before", models.TextField(blank=True, default="")
        ),
    ]
