#!/usr/bin/env bash
# Make a database cluster on an empty volume, then become the server: the contract of the official postgres images
# (POSTGRES_*, PGDATA, /docker-entrypoint-initdb.d, a temporary server without TCP while initialising, any user).
set -Eeuo pipefail

fail() {
  printf 'Error: %s\n' "$@" >&2
  exit 1
}

# setting NAME DEFAULT: the value of NAME, or what the file that NAME_FILE names contains
setting() {
  local file=$1_FILE value=${!1-}
  if [ -n "${!file-}" ]; then
    [ -z "$value" ] || fail "both $1 and $file are set, but they exclude each other"
    value=$(<"${!file}")
  fi
  export "$1=${value:-$2}"
  unset "$file"
}

own_folders() {
  mkdir -p "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA" 2>/dev/null || true # a foreign user may not; PostgreSQL has the last word
  chmod 3777 /var/run/postgresql 2>/dev/null || true
  if [ "$(id -u)" = 0 ]; then
    find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
  fi
}

require_password() {
  [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ] || return 0
  fail 'the database is uninitialized and superuser password is not specified' \
    'set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE; or POSTGRES_HOST_AUTH_METHOD=trust to let everybody in'
}

initialise() {
  if ! getent passwd "$(id -u)" >/dev/null; then
    # initdb asks for the name of its user, and `--user` may be any number.
    NSS_WRAPPER_PASSWD=$(mktemp) NSS_WRAPPER_GROUP=$(mktemp)
    printf 'postgres:x:%s:%s::%s:/bin/false\n' "$(id -u)" "$(id -g)" "$PGDATA" >"$NSS_WRAPPER_PASSWD"
    printf 'postgres:x:%s:\n' "$(id -g)" >"$NSS_WRAPPER_GROUP"
    export NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
    local wrapper=libnss_wrapper.so
  fi
  # shellcheck disable=SC2086  # POSTGRES_INITDB_ARGS is a list of options
  LD_PRELOAD=${wrapper-} initdb --username="$POSTGRES_USER" \
    --pwfile=<(printf '%s\n' "${POSTGRES_PASSWORD:-unused}") $POSTGRES_INITDB_ARGS
  if [ -n "${wrapper-}" ]; then
    rm -f "$NSS_WRAPPER_PASSWD" "$NSS_WRAPPER_GROUP"
    unset NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
  fi
  printf '\nhost all all all %s\n' "$POSTGRES_HOST_AUTH_METHOD" >>"$PGDATA/pg_hba.conf"
}

run_sql() { # DATABASE OPTION…
  PGHOST='' PGHOSTADDR='' psql --no-psqlrc --no-password --set ON_ERROR_STOP=1 \
    --username "$POSTGRES_USER" --dbname "$@"
}

source_script() {
  # shellcheck source=/dev/null
  . "$1"
}

run_scripts() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    echo "docker-entrypoint: $file"
    case $file in
      *.sh) if [ -x "$file" ]; then "$file"; else source_script "$file"; fi ;;
      *.sql) run_sql "$POSTGRES_DB" --file "$file" ;;
      *.sql.gz) gunzip --stdout "$file" | run_sql "$POSTGRES_DB" ;;
      *) echo "  ignored" ;;
    esac
  done
}

populate() { # on a server that nobody but us can reach
  pg_ctl start --silent --wait --options "-c listen_addresses='' -p ${PGPORT:-5432}"
  if [ "$POSTGRES_DB" != postgres ]; then
    run_sql postgres --quiet --set database="$POSTGRES_DB" <<<'CREATE DATABASE :"database"'
  fi
  run_scripts
  pg_ctl stop --silent --wait --mode fast
}

if [ "${1:0:1}" = - ]; then
  set -- postgres "$@"
fi
if [ "$1" = postgres ] && [[ ! " $* " =~ " "(-\?|--help|--describe-config|-V|--version)" " ]]; then
  setting POSTGRES_PASSWORD ''
  setting POSTGRES_USER postgres
  setting POSTGRES_DB "$POSTGRES_USER"
  setting POSTGRES_INITDB_ARGS ''
  setting POSTGRES_HOST_AUTH_METHOD scram-sha-256
  own_folders
  if [ "$(id -u)" = 0 ]; then
    exec gosu postgres "${BASH_SOURCE[0]}" "$@"
  fi
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    require_password
    ls /docker-entrypoint-initdb.d/ >/dev/null # unreadable scripts end this before the cluster exists
    initialise
    populate
    echo 'PostgreSQL init process complete; ready for start up.'
  fi
  unset POSTGRES_PASSWORD
fi
exec "$@"
