#!/usr/bin/env bash
# Stops and removes the containers. Workers finish what they run, or hand it back.
#
#   scripts/docker-stop.sh [--volumes]
#
#   --volumes   also remove the data for good: the database with every task, and the figures
#
# Without --volumes, scripts/docker-start.sh continues where this stopped.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/docker-common.sh"
help_if_asked "$@"

options=()
while [ $# -gt 0 ]; do
    case "$1" in
        --volumes) options+=(--volumes); shift ;;
        *) fail "Unknown option $1: see --help." 2 ;;
    esac
done
need_engine
make_secrets >/dev/null # compose reads their files even to stop

# Workers first: while they stop, the database must be there to take back what they hold.
compose stop worker || fail "The workers did not stop: scripts/docker-logs.sh worker shows why."
compose --profile observability down --remove-orphans "${options[@]+"${options[@]}"}" ||
    fail "Not everything was removed: docker ps --all shows what is left."
if [ "${#options[@]}" -gt 0 ]; then
    # The next database gets a new administrator and new keys.
    rm -f "$CREDENTIALS" "$SECRETS_FOLDER/metrics_key"
    echo "Stopped; the data is removed."
else
    echo "Stopped; the data is kept."
fi
