from django.db import migrations

from controlplane.core.schemaversion import list_required

_EXPAND = """
ALTER TABLE tasks_app_task ADD COLUMN note text;
ALTER TABLE tasks_app_taskattempt ADD COLUMN cost integer NOT NULL DEFAULT 0;
ALTER TABLE tasks_app_task ADD CONSTRAINT note_is_short CHECK (length(note) <= 200) NOT VALID;
CREATE TABLE next_release_mark (task_id uuid PRIMARY KEY, made_at timestamptz DEFAULT now());
CREATE FUNCTION next_release_mark_task() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO next_release_mark (task_id) SELECT id FROM inserted;
    RETURN NULL;
END
$$;
CREATE TRIGGER next_release_mark AFTER INSERT ON tasks_app_task
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    EXECUTE FUNCTION next_release_mark_task();
"""


# After all of this release, so that a component of the next one misses this migration alone.
_NEWEST = max(name for app, name in list_required() if app == "tasks_app")


class Migration(migrations.Migration):
    dependencies = [("tasks_app", _NEWEST)]
    operations = [migrations.RunSQL(_EXPAND, migrations.RunSQL.noop)]
