from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    # Writes go on while the indexes are made.
    atomic = False

    dependencies = [
        ('workspaces', '0003_audit_doors'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='auditevent',
            index=models.Index(fields=['workspace', 'action', 'id'], name='audit_of_action'),
        ),
        AddIndexConcurrently(
            model_name='auditevent',
            index=models.Index(fields=['workspace', 'actor_id', 'id'], name='audit_of_actor'),
        ),
        AddIndexConcurrently(
            model_name='auditevent',
            index=models.Index(condition=models.Q(('request_id', ''), _negated=True), fields=['workspace', 'request_id'], name='audit_of_request'),
        ),
        AddIndexConcurrently(
            model_name='auditevent',
            index=models.Index(condition=models.Q(models.Q(('actor_kind', 'system'), _negated=True), ('door', 'command'), _connector='OR'), fields=['workspace', 'id'], name='audit_of_people'),
        ),
    ]
