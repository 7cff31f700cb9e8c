#!/usr/bin/env bash
# Starts everything in containers, from nothing: secrets, image, databases, migrations,
# components. Ends when all are healthy, with the addresses and the API key.
#
#   scripts/docker-start.sh [--build] [--workers N] [--observability]
#
#   --build           build the image first, even if there is one
#   --workers N       the number of workers (default: as many as run, or 1)
#   --observability   also Prometheus, Alertmanager and Grafana
#
# Settings are in .env.docker, or in the file that TASKPLANE_ENV_FILE names. Secrets are made
# once, in .docker/. Starting again changes what differs, and keeps the data.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/docker-common.sh"
help_if_asked "$@"

build="" workers="" observability=""
while [ $# -gt 0 ]; do
    case "$1" in
        --build) build=yes; shift ;;
        --workers)
            [[ "${2:-}" =~ ^[0-9]{1,4}$ ]] || fail "--workers needs a number from 0 to 9999." 2
            workers="$2"
            shift 2
            ;;
        --observability) observability=yes; shift ;;
        *) fail "Unknown option $1: see --help." 2 ;;
    esac
done
need_engine
make_secrets

image="$(setting TASKPLANE_IMAGE)"
image="${image:-taskplane}"
if [ -n "$build" ] || ! docker image inspect "$image" >/dev/null 2>&1; then
    scripts/docker-build.sh --tag "$image"
fi
if [ -z "$workers" ]; then
    workers="$(compose ps --quiet --status running worker 2>/dev/null | wc -l | tr -d ' ')"
    [ "$workers" -gt 0 ] || workers=1
fi
start() {
    compose "$@" || {
        compose --profile observability ps --all
        fail "Not everything is healthy: scripts/docker-logs.sh SERVICE shows why."
    }
}

start up --detach --no-build --wait --wait-timeout 300 --scale "worker=$workers"

address="http://$(setting APP_SERVICE_BIND):$(setting APP_SERVICE_PORT)"
made="$(compose exec -T app python manage.py bootstrap 2>/dev/null)" ||
    fail "The first administrator could not be made: scripts/docker-logs.sh app shows why."
if [ -n "$made" ]; then
    (umask 077; printf 'TASKPLANE_URL=%s\n%s\n' "$address" "$made" >"$CREDENTIALS")
fi
if [ -n "$observability" ]; then
    # Before Prometheus starts: it reads the key once. Written in place, as containers have this very file.
    if ! grep -q '^tp_' "$SECRETS_FOLDER/metrics_key"; then
        key="$(compose exec -T app python manage.py apikeys create prometheus --role viewer \
            --scope metrics:read 2>/dev/null)" || fail "The key for Prometheus could not be made."
        chmod 644 "$SECRETS_FOLDER/metrics_key"
        grep -o 'tp_[A-Za-z0-9_-]*' <<<"$key" | tail -n 1 | tr -d '\n' >"$SECRETS_FOLDER/metrics_key"
    fi
    start --profile observability up --detach --no-deps --wait --wait-timeout 300 \
        prometheus alertmanager grafana
fi
echo
echo "Admin    $address/admin/"
echo "API      $address/api/docs"
if [ -n "$observability" ]; then
    echo "Grafana  http://127.0.0.1:$(setting GRAFANA_PORT)/ (user admin, password in ${SECRETS_FOLDER#"$PWD"/}/grafana_password)"
    echo "Prometheus  http://127.0.0.1:$(setting PROMETHEUS_PORT)/"
fi
if [ -f "$CREDENTIALS" ]; then
    . "$CREDENTIALS"
    echo "User     $TASKPLANE_ADMIN_USER, password $TASKPLANE_ADMIN_PASSWORD"
    echo "API key  $TASKPLANE_API_KEY"
    echo "These are kept in ${CREDENTIALS#"$PWD"/}."
else
    echo "There are users already, and no ${CREDENTIALS#"$PWD"/}: make a key with"
    echo "docker compose --env-file $ENV_FILE exec app python manage.py apikeys create NAME"
fi
