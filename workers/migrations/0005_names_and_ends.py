"""A node's name has its id, so that it is unique; why a node ended is kept."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("workers", "0004_rescued"),
    ]

    operations = [
        migrations.AlterField(
            model_name="node",
            name="name",
            field=models.CharField(max_length=120),
        ),
        migrations.AddField(
            model_name="node",
            name="end_reason",
            field=models.CharField(blank=True, default="", max_length=300),
        ),
        migrations.RunSQL(
            "UPDATE workers_node SET name = name || '#' || id",
            "UPDATE workers_node SET name = left(name, length(name) - length('#' || id))",
        ),
    ]
