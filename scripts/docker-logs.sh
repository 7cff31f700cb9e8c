#!/usr/bin/env bash
# Follows the logs, of everything or of some services, until Ctrl-C.
#
#   scripts/docker-logs.sh [--tail N] [--no-follow] [SERVICE …]
#
#   --tail N      begin with the last N lines of each container (default: 100; all: every line)
#   --no-follow   print what is there, and end
#
# Services: app, worker, dispatcher, autoscaler, migrate, postgres, redis, and with
# --observability prometheus, alertmanager, grafana.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/docker-common.sh"
help_if_asked "$@"

tail=100 follow=(--follow) services=()
while [ $# -gt 0 ]; do
    case "$1" in
        --tail)
            [[ "${2:-}" =~ ^([0-9]{1,9}|all)$ ]] || fail "--tail needs a number, or all." 2
            tail="$2"
            shift 2
            ;;
        --no-follow) follow=(); shift ;;
        -*) fail "Unknown option $1: see --help." 2 ;;
        *) services+=("$1"); shift ;;
    esac
done
need_engine
make_secrets >/dev/null
known="$(compose --profile observability config --services)"
for service in "${services[@]+"${services[@]}"}"; do
    grep -qx -- "$service" <<<"$known" ||
        fail "There is no service $service: known are $(sort <<<"$known" | paste -sd ' ' -)." 2
done
exec docker compose --env-file "$ENV_FILE" --profile observability logs --tail "$tail" \
    "${follow[@]+"${follow[@]}"}" "${services[@]+"${services[@]}"}"
