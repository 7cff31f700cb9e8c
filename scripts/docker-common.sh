# Sourced by the docker-*.sh scripts beside it: the compose command, the secrets, errors.

cd "$(dirname "${BASH_SOURCE[0]}")/.."
SECRETS_FOLDER="${SECRETS_FOLDER:-.docker}"
case "$SECRETS_FOLDER" in
    /*) ;;
    *) SECRETS_FOLDER="$PWD/$SECRETS_FOLDER" ;;
esac
export SECRETS_FOLDER
ENV_FILE="${TASKPLANE_ENV_FILE:-.env.docker}"
CREDENTIALS="$SECRETS_FOLDER/credentials.env"
SECRETS=(postgres_password redis_password django_secret_key metrics_token metrics_key grafana_password)

fail() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit "${2:-1}"
}

# Prints the comment at the head of the script when an argument asks for help.
help_if_asked() {
    local each
    for each in "$@"; do
        case "$each" in
            -h | --help)
                sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
                exit 0
                ;;
        esac
    done
}

need_engine() {
    command -v docker >/dev/null 2>&1 ||
        fail "Docker is not installed: install Docker Engine 25 or later with the compose plug-in." 2
    docker compose version >/dev/null 2>&1 ||
        fail "Docker has no compose plug-in: install docker-compose-plugin, version 2.24 or later." 2
    docker info >/dev/null 2>&1 ||
        fail "Docker's engine does not answer: start it, or name it with DOCKER_HOST." 2
    [ -f "$ENV_FILE" ] || fail "There is no $ENV_FILE: name the file with TASKPLANE_ENV_FILE." 2
}

compose() {
    docker compose --env-file "$ENV_FILE" "$@"
}

# A value of the environment, or of the file for compose.
setting() {
    if [ -n "${!1:-}" ]; then
        printf '%s' "${!1}"
        return
    fi
    sed -n "s/^$1=//p" "$ENV_FILE" | tail -n 1
}

random_text() {
    # Letters and digits; the pipe ends early, so its status is not ours
    set +o pipefail
    LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom | head -c "$1"
    set -o pipefail
}

# The secrets that are missing. The folder is closed to others; the files in it are readable, as the
# user in the container is another one than here.
make_secrets() {
    local name made=0
    mkdir -p "$SECRETS_FOLDER"
    chmod 700 "$SECRETS_FOLDER"
    for name in "${SECRETS[@]}"; do
        [ -s "$SECRETS_FOLDER/$name" ] && continue
        random_text 64 >"$SECRETS_FOLDER/$name"
        chmod 444 "$SECRETS_FOLDER/$name"
        made=$((made + 1))
    done
    [ "$made" = 0 ] || echo "Made $made secrets in ${SECRETS_FOLDER#"$PWD"/}/. Keep them: the database knows its password."
}

need_running() {
    [ -n "$(compose ps --quiet --status running "$1" 2>/dev/null)" ] ||
        fail "The service $1 does not run: start everything with scripts/docker-start.sh."
}
