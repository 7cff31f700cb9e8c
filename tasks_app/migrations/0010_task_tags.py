"""A table of tags, in the order of the list of tasks: no index of an array has an order.

The triggers are committed before the next migration copies the tags that there are.
"""

from django.db import migrations, models

_FORWARD = """
ALTER TABLE tasks_app_tasktag SET (
    autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

CREATE FUNCTION tasks_app_keep_tags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM tasks_app_tasktag
        WHERE workspace_id = OLD.workspace_id AND tag = ANY(OLD.tags) AND task_id = OLD.id;
    ELSE
        INSERT INTO tasks_app_tasktag (workspace_id, tag, task_id, type)
        SELECT NEW.workspace_id, tag, NEW.id, NEW.type FROM unnest(NEW.tags) tag
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;

-- None for UPDATE: even one for the column alone lets every claim and end read the row as it was.
-- What changes tags does this itself.
CREATE TRIGGER tasks_app_tags_made AFTER INSERT ON tasks_app_task
    FOR EACH ROW WHEN (NEW.tags <> '{}') EXECUTE FUNCTION tasks_app_keep_tags();
CREATE TRIGGER tasks_app_tags_removed AFTER DELETE ON tasks_app_task
    FOR EACH ROW WHEN (OLD.tags <> '{}') EXECUTE FUNCTION tasks_app_keep_tags();
"""
_BACKWARD = """
DROP TRIGGER tasks_app_tags_made ON tasks_app_task;
DROP TRIGGER tasks_app_tags_removed ON tasks_app_task;
DROP FUNCTION tasks_app_keep_tags();
"""


class Migration(migrations.Migration):
    dependencies = [("tasks_app", "0009_shared_counts")]
    operations = [
        migrations.CreateModel(
            name="TaskTag",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "workspace_id",
                        "tag",
                        "task_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("workspace_id", models.UUIDField()),
                ("tag", models.CharField(max_length=100)),
                ("task_id", models.UUIDField()),
                ("type", models.CharField(max_length=200)),
            ],
        ),
        migrations.RunSQL(_FORWARD, _BACKWARD),
    ]
