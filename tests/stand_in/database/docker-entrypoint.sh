#!/bin/sh
# A new volume gets a copy of the cluster, and the image's own entrypoint finds it initialized. Where that one would
# refuse, or is told to make it otherwise, it does.
if [ "$1" = postgres ] && [ -z "${POSTGRES_INITDB_ARGS-}" ] && [ -z "$(ls -A "$PGDATA")" ] &&
  { [ -n "${POSTGRES_PASSWORD-}" ] || [ -s "${POSTGRES_PASSWORD_FILE-}" ]; }; then
  cp -a /cluster/. "$PGDATA" || find "$PGDATA" -mindepth 1 -delete # no room for it, as is said in a moment
fi
exec image-entrypoint.sh "$@"
