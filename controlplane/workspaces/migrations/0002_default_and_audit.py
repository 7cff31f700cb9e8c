"""The workspace `default`, and the trigger that keeps the audit log append-only."""

from django.db import migrations

# The same as states.DEFAULT_WORKSPACE_ID; a migration stands on its own.
DEFAULT_ID = "00000000-0000-7000-8000-000000000001"

KEEP = """
CREATE FUNCTION workspaces_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Retention is the one exception: it says so, for its own transaction only.
    IF TG_OP = 'DELETE' AND current_setting('taskplane.prune_audit', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER workspaces_audit_append_only BEFORE UPDATE OR DELETE ON workspaces_auditevent
    FOR EACH ROW EXECUTE FUNCTION workspaces_audit_is_append_only();
"""
DROP = """
DROP TRIGGER workspaces_audit_append_only ON workspaces_auditevent;
DROP FUNCTION workspaces_audit_is_append_only();
"""


def make_default(apps, schema_editor):
    workspace = apps.get_model("workspaces", "Workspace")
    workspace.objects.using(schema_editor.connection.alias).get_or_create(
        id=DEFAULT_ID, defaults={"slug": "default", "name": "Default"}
    )


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0001_initial")]

    operations = [
        migrations.RunSQL(KEEP, DROP),
        migrations.RunPython(make_default, migrations.RunPython.noop),
    ]
