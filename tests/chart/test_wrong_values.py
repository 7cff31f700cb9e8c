"""Every wrong value fails, with a sentence that names it and says what is allowed."""

import pytest

from tests.chart.rendering import failure

# What is set beside external-database, and a part of the sentence.
WRONG = [
    # One value by itself: the schema
    ("app.replicas=-1", "at '/app/replicas': minimum: got -1, want 0"),
    ("app.replicas=two", "at '/app/replicas': got string, want integer"),
    ("app.replicaz=2", "at '/app': additional properties 'replicaz' not allowed"),
    ("apps.replicas=2", "additional properties 'apps' not allowed"),
    ("image.pullPolicy=Sometimes", "'IfNotPresent', 'Always', 'Never'"),
    ("image.digest=sha256:12", "at '/image/digest': 'sha256:12' does not match pattern"),
    ("hosts={https://example.com}", "at '/hosts/0': 'https://example.com' does not match"),
    ("hosts=example.com", "at '/hosts': got string, want array"),
    ("postgres.port=0", "at '/postgres/port': minimum: got 0, want 1"),
    ("postgres.sslmode=prefer", "'disable', 'require', 'verify-ca', 'verify-full'"),
    ("postgres.host=db:5433", "at '/postgres/host': 'db:5433' does not match pattern"),
    ("redis.host=valkey:1", "at '/redis/host': 'valkey:1' does not match pattern"),
    ("postgres.caSecret.key=", "at '/postgres/caSecret/key': '' does not match pattern"),
    ("monitoring.serviceMonitor.workspaceKeys[0].name=x", "missing property 'key'"),
    ("postgres.user=a b", "at '/postgres/user': 'a b' does not match pattern"),
    ("redis.port=70000", "at '/redis/port': maximum: got 70,000, want 65,535"),
    ("trustedProxies=11", "at '/trustedProxies': maximum: got 11, want 10"),
    ("pathPrefix=taskplane/", "at '/pathPrefix': 'taskplane/' does not match pattern"),
    ("config.LOG_LEVLE=INFO", "at '/config': additional properties 'LOG_LEVLE' not allowed"),
    ("config.REDIS_PASSWORD=x", "additional properties 'REDIS_PASSWORD' not allowed"),
    ("config.ALLOWED_HOSTS=x", "additional properties 'ALLOWED_HOSTS' not allowed"),
    ("workers.concurrency=0", "at '/workers/concurrency': minimum: got 0, want 1"),
    ("workers.resources.limit.cpu=1", "additional properties 'limit' not allowed"),
    ("workerSets.default.queues=mail", "at '/workerSets/default/queues': got string, want array"),
    ("workerSets.default.queues={a b}", "at '/workerSets/default/queues/0': 'a b' does not match"),
    ("workerSets.default.scaledBy=vpa", "'fixed', 'autoscaler', 'hpa', 'keda'"),
    ("workerSets.default.longestTaskSeconds=-5", "longestTaskSeconds': minimum: got -5, want 0"),
    ("migrate.by=hand", "'hook', 'job', 'none'"),
    ("postgres.trial.storage=big", "at '/postgres/trial/storage': 'big' does not match pattern"),
    ("monitoring.serviceMonitor.interval=often", "'often' does not match pattern"),
    # Several values together: templates/_validate.tpl
    ("postgres.host=", "No Postgres is named: set postgres.host"),
    (
        "postgres.enabled=true,postgres.host=,secrets.databaseUrl.existingSecret=x",
        "secrets.databaseUrl is the address of another one: set only one of them",
    ),
    ("secrets.databaseUrl.existingSecret=x", "secrets.databasePassword is set, too: set only one"),
    ("redis.host=", "No Redis is named: set redis.host"),
    ("postgres.enabled=true", "and postgres.host names another one: set only one of them"),
    ("redis.enabled=true", "and redis.host names another one: set only one of them"),
    ("postgres.sslmode=verify-full", "name the Secret with it in postgres.caSecret.name"),
    ("secrets.djangoSecretKey.value=abc", "and names the Secret taskplane-secrets: set only one"),
    (
        "secrets.djangoSecretKey.existingSecret=",
        "DJANGO_SECRET_KEY is missing and secrets.generate",
    ),
    ("ingress.enabled=true,httpRoute.enabled=true", "both true: choose one way in"),
    (
        "ingress.enabled=true,hosts=null",
        "list the names under which people reach Taskplane in hosts",
    ),
    ("ingress.enabled=true,hosts=null,secureSSL=false", "There is a way in and no name"),
    ("httpRoute.enabled=true", "no gateway is named: list it in httpRoute.parentRefs"),
    ("live.enabled=true", "live.enabled needs something in front that sends /ws/ to it"),
    ("app.preStopSeconds=40", "app.terminationGracePeriodSeconds is 30: it must be more than"),
    ("workerSets.default=null", "There is no worker set: nothing would run a task"),
    ("workerSets.Mail.replicas=1", "workerSets.Mail: the name must begin with a lower-case letter"),
    ("workerSets.default.minimum=20", "minimum is 20 and maximum is 10"),
    ("workerSets.default.queues={*,mail}", "the queue * means all of them"),
    ("workerSets.default.scaledBy=hpa,workerSets.default.minimum=0", "keeps at least one worker"),
    ("workerSets.default.metrics[0].type=Pods", "metrics are for scaledBy hpa, and it is fixed"),
    ("workerSets.default.triggers[0].type=cron", "triggers are for scaledBy keda, and it is fixed"),
    (
        "workerSets.default.scaledBy=autoscaler,workerSets.b.scaledBy=autoscaler",
        "The worker sets b, default would all follow the one number",
    ),
    (
        "workerSets.default.scaledBy=autoscaler,autoscaler.enabled=false",
        "is scaled by the autoscaler, and autoscaler.enabled is false",
    ),
    (
        "workerSets.default.scaledBy=hpa,autoscaler.enabled=false",
        "follows the number that the autoscaler publishes, and autoscaler.enabled is false",
    ),
    ("workerSets.default.scaledBy=keda,hosts=null", "needs the address of the metric: set hosts"),
    (
        "workerSets.default.scaledBy=keda,keda.url=http://app/metric",
        "the app answers that with a redirect: use the https address",
    ),
    ("workerSets.default.scaledBy=keda,keda.keySecret.name=", "needs an API key: name the Secret"),
]
SHORT = [
    ("secrets.djangoSecretKey.value=short", "has 5 characters: use 50 random ones or more"),
    ("secrets.metricsToken.value=short", "has 5 characters: use 32 random ones or more"),
]


@pytest.mark.parametrize(("setting", "sentence"), WRONG, ids=[setting for setting, _ in WRONG])
def test_a_wrong_value_fails_with_a_sentence(setting: str, sentence: str) -> None:
    assert sentence in failure("--set", setting)


@pytest.mark.parametrize(("setting", "sentence"), SHORT)
def test_a_short_secret_fails_and_is_not_shown(setting: str, sentence: str) -> None:
    assert sentence in failure("--set", setting, base="tls")


def test_a_set_without_queues_fails() -> None:
    sentence = failure("--set-json", "workerSets.default.queues=[]")
    assert "at '/workerSets/default/queues': minItems: got 0, want 1" in sentence
