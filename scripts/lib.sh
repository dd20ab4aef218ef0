# shellcheck shell=bash
# Functions that the scripts share. Source it. Progress goes to stderr; stdout is for results.

PATH=$PATH:/usr/sbin:/sbin # where dockerd and chroot are; not every root shell has them

say() { printf '%s\n' "$*" >&2; }

# fail EXIT_CODE WHAT_HAPPENED WHAT_TO_DO
fail() {
  say "${0##*/}: $2"
  say "  → $3"
  exit "$1"
}

have() { command -v "$1" >/dev/null 2>&1; }

root() { [ "$(id -u)" = 0 ]; }

# limit SECONDS COMMAND… (without a limit on macOS, which has no `timeout`)
limit() {
  if have timeout; then timeout "$@"; else "${@:2}"; fi
}

# at_least WANTED VERSION
at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# os_release FIELD: a field of /etc/os-release, empty if it is missing
os_release() {
  # shellcheck source=/dev/null
  (. /etc/os-release 2>/dev/null && printf '%s' "${!1-}") || true
}

# debian_uri: the mirror from which this machine installs Debian, whatever format its sources have. Other repositories
# may use Debian's code names as well, but only Debian has a suite CODENAME-updates: prefer that.
debian_uri() {
  local uri
  uri=$(apt-get update --print-uris 2>/dev/null |
    sed -n "s#^'\(.*\)/dists/$(os_release VERSION_CODENAME)\(-updates\)\{0,1\}/InRelease' .*#\2 \1#p" |
    sort -r | awk 'NR == 1 { print $NF }')
  # Cloud images use a file with mirrors, which not every installer of Debian can read.
  case $uri in mirror+file:*) uri=$(grep -o -m 1 'https\{0,1\}://[^[:space:]]*' "${uri#mirror+file:}") ;; esac
  printf '%s\n' "${uri%/}"
}

# quietly WHAT COMMAND…: show its output only if it fails
quietly() {
  local output status=0
  output=$("${@:2}" 2>&1 </dev/null) || status=$?
  [ "$status" = 0 ] && return
  say "$1 failed (exit $status); its last lines:"
  tail -n 8 <<<"$output" | sed 's/^/  | /' >&2
  return "$status"
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

# apt_install PACKAGE…; --no-remove: never replaces the user's packages, such as another vendor's Docker
apt_install() {
  apt_get install --no-install-recommends --no-remove -o Dpkg::Options::=--force-unsafe-io "$@"
}

# remember_bases ENV_FILE SETTING…: write each setting that is not there yet; a database's image only if the volume fits
# it. A stand-in cannot read the volume of a user who has had the official image until now.
remember_bases() {
  local file=$1 setting
  shift
  for setting in "$@"; do
    if grep -qxF "$setting" "$file" 2>/dev/null; then continue; fi
    case $setting in
      RUN_CLAUDE_TIMESCALEDB_IMAGE=*)
        case $(env "$setting" run-claude doctor --json 2>/dev/null) in
          *'"code": "timescaledb-version"'* | *'"code": "database-version"'* | *'"code": "database-image"'*)
            fail 6 "the database's volume was made by another image than ${setting#*=}, which cannot read it" \
              'pull or load the image that made it, and set RUN_CLAUDE_TIMESCALEDB_IMAGE to it (run-claude doctor says more)'
            ;;
        esac
        ;;
    esac
    run-claude config set "$setting"
  done
}
