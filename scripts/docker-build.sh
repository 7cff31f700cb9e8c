#!/usr/bin/env bash
# Builds the image of all components.
#
#   scripts/docker-build.sh [--tag NAME] [--extras LIST] [--sbom FILE] [--no-cache]
#
#   --tag NAME      the image's name (default: taskplane)
#   --extras LIST   clients of the autoscaler's back-ends, such as "docker kubernetes"
#                   (default: docker)
#   --sbom FILE     also write what the image contains, as CycloneDX JSON
#   --no-cache      build every step again
#
# Variables: TASKPLANE_RELEASE labels the image; PYTHON_IMAGE is the base image, for a release
# by its digest.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/docker-common.sh"
help_if_asked "$@"

tag="$(setting TASKPLANE_IMAGE)" extras=docker sbom="" options=()
tag="${tag:-taskplane}"
while [ $# -gt 0 ]; do
    case "$1" in
        --tag | --extras | --sbom)
            [ -n "${2:-}" ] || fail "$1 needs a value: see --help." 2
            case "$1" in
                --tag) tag="$2" ;;
                --extras) extras="$2" ;;
                --sbom) sbom="$2" ;;
            esac
            shift 2
            ;;
        --no-cache) options+=(--no-cache); shift ;;
        *) fail "Unknown option $1: see --help." 2 ;;
    esac
done
need_engine

[ -z "${PYTHON_IMAGE:-}" ] || options+=(--build-arg "PYTHON_IMAGE=$PYTHON_IMAGE")
docker build --file docker/Dockerfile --tag "$tag" --build-arg "EXTRAS=$extras" \
    --build-arg "RELEASE=${TASKPLANE_RELEASE:-}" ${options[@]+"${options[@]}"} . ||
    fail "The image could not be built: the last lines above say why."
if [ -n "$sbom" ]; then
    docker run --rm --network none --entrypoint cat "$tag" /usr/share/sbom/taskplane.cdx.json >"$sbom" ||
        fail "The list of what is in the image could not be written to $sbom."
    echo "Contents of the image: $sbom"
fi
size="$(docker image inspect --format '{{.Size}}' "$tag")"
echo "Built $tag: $((size / 1000000)) MB."
