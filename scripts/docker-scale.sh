#!/usr/bin/env bash
# Sets the number of workers.
#
#   scripts/docker-scale.sh N
#
# New workers take work when they are healthy; those that are too many finish what they run,
# or hand it back. With deploy/docker/autoscale.yml the autoscaler sets the number, and
# changes it again.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/docker-common.sh"
help_if_asked "$@"

[ $# = 1 ] && [[ "$1" =~ ^[0-9]{1,4}$ ]] ||
    fail "One number is needed, from 0 to 9999: scripts/docker-scale.sh 3" 2
need_engine
make_secrets >/dev/null
need_running app
compose up --detach --no-build --no-recreate --no-deps --wait --wait-timeout 300 \
    --scale "worker=$1" worker || {
    compose ps --all worker
    fail "Not all workers are healthy: scripts/docker-logs.sh worker shows why."
}
echo "Workers: $(compose ps --quiet --status running worker | wc -l | tr -d ' ')"
