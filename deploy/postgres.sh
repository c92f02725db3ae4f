#!/usr/bin/env bash
# A private Postgres for one machine: deploy/postgres.sh start|stop|url FOLDER [--throwaway]
#   start  makes the cluster in FOLDER when there is none, starts it when it is down, prints its connection string
#   stop   stops it
#   url    prints the connection string
# It listens on loopback only, runs as an unprivileged user and asks for a generated password.
# --throwaway trades durability for speed: for tests, decided when the cluster is made.
set -euo pipefail

verb=${1:-} folder=${2:-} throwaway=${3:-}
[[ $verb =~ ^(start|stop|url)$ && -n $folder ]] || { sed -n '2,7p' "$0" | cut -c3- >&2; exit 2; }
mkdir -p "$folder" && folder=$(cd "$folder" && pwd)

find_binaries() {
  local bin
  for bin in "${RFT_PG_BIN:-}" $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) "$(dirname "$(command -v pg_ctl 2>/dev/null || echo /none/x)")"; do
    [[ -n $bin && -x $bin/initdb && -x $bin/pg_ctl ]] && { echo "$bin"; return; }
  done
  return 1
}

install_binaries() {
  if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
    echo "Postgres is missing. Install it (Debian, Ubuntu: apt-get install postgresql), or set RFT_PG_BIN to the folder of initdb and pg_ctl, or ConnectionStrings__Rft to a running server." >&2
    exit 1
  fi
  echo "Installing Postgres..." >&2
  mkdir -p /etc/postgresql-common   # only the programs are wanted, not the package's own cluster on port 5432
  [[ -e /etc/postgresql-common/createcluster.conf ]] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y postgresql; } >&2
}

bin=$(find_binaries) || { install_binaries; bin=$(find_binaries); }

# initdb and postgres refuse to run as root.
as=()
if [[ $(id -u) = 0 ]]; then
  as=(setpriv --reuid=postgres --regid=postgres --clear-groups --)
  # A folder below /root, say, is out of that user's reach: the cluster then lies below /var/lib.
  if ! "${as[@]}" test -x "$folder"; then
    folder=/var/lib/rftservice-$(printf %s "$folder" | sha256sum | cut -c1-12)
  fi
  install -d -o postgres -g postgres -m 0700 "$folder"
fi

run() { (cd / && "${as[@]}" "$@"); }
running() { run "$bin/pg_ctl" -D "$folder/cluster" status >/dev/null 2>&1; }
url() { echo "Host=127.0.0.1;Port=$(cat "$folder/port");Username=rft;Password=$(cat "$folder/password");Database=rft"; }
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 20000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

case $verb in
  url) url ;;
  stop)
    if running; then run "$bin/pg_ctl" -D "$folder/cluster" -m fast -w stop >/dev/null; fi ;;
  start)
    exec 9>"${TMPDIR:-/tmp}/rft-postgres-$(printf %s "$folder" | sha256sum | cut -c1-12).lock"
    flock 9   # two starts at once: the second finds the work done
    if ! [[ -s $folder/cluster/PG_VERSION && -s $folder/ready ]]; then
      run rm -rf "$folder/cluster"   # left by an initdb that was interrupted
      (umask 077; head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"$folder/password")
      [[ $(id -u) != 0 ]] || chown postgres "$folder/password"
      run "$bin/initdb" -D "$folder/cluster" -U rft --auth=scram-sha-256 --pwfile="$folder/password" -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
      {
        echo "listen_addresses = '127.0.0.1'"
        echo "unix_socket_directories = ''"
        echo "shared_buffers = 256MB"
        echo "max_connections = 200"
        echo "jit = off"
        [[ $throwaway != --throwaway ]] || printf '%s\n' "fsync = off" "synchronous_commit = off" "full_page_writes = off"
      } | run tee -a "$folder/cluster/postgresql.conf" >/dev/null
      echo made | run tee "$folder/ready" >/dev/null
    fi
    if ! running; then
      free_port | run tee "$folder/port" >/dev/null
      run "$bin/pg_ctl" -D "$folder/cluster" -w -l "$folder/log" -o "-p $(cat "$folder/port")" start >/dev/null 9>&-
    fi
    url ;;
esac
