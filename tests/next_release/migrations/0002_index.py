from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("next_release", "0001_expand")]
    operations = [
        migrations.RunSQL("ALTER TABLE tasks_app_task VALIDATE CONSTRAINT note_is_short"),
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY task_note ON tasks_app_task (note) WHERE note IS NOT NULL"
        ),
    ]
