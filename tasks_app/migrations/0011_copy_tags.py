"""Copy the tags of the tasks that were there before the triggers. Tasks may be made, changed and
removed while it runs: what it has copied of such a one by mistake is removed again."""

from django.db import migrations

_FORWARD = """
INSERT INTO tasks_app_tasktag (workspace_id, tag, task_id, type)
SELECT workspace_id, unnest(tags), id, type FROM tasks_app_task WHERE tags <> '{}'
ON CONFLICT DO NOTHING;
DELETE FROM tasks_app_tasktag g WHERE NOT EXISTS (
    SELECT FROM tasks_app_task t WHERE t.id = g.task_id AND g.tag = ANY(t.tags));
"""


class Migration(migrations.Migration):
    dependencies = [("tasks_app", "0010_task_tags")]
    operations = [migrations.RunSQL(_FORWARD, migrations.RunSQL.noop)]
