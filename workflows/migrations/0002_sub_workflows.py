from typing import Any

import django.contrib.postgres.fields
from django.db import migrations, models
from django.db.models import F


def fill(apps: Any, schema_editor: Any) -> None:
    """Read what each newest version runs."""
    versions = apps.get_model("workflows", "WorkflowVersion").objects.filter(
        version=F("workflow__version"), definition__contains={"tasks": [{"type": "workflow"}]}
    )
    for version in versions.select_related("workflow").iterator():
        steps = (task for task in version.definition["tasks"] if task["type"] == "workflow")
        names = [(step.get("payload") or {}).get("workflow") for step in steps]
        workflow = version.workflow
        workflow.sub_workflows = [n for n in names if isinstance(n, str) and "{{" not in n]
        workflow.save(update_fields=["sub_workflows"])


class Migration(migrations.Migration):

    dependencies = [
        ("workflows", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="workflow",
            name="sub_workflows",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), default=list, size=None
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
