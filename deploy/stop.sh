#!/usr/bin/env bash
# Stops what deploy/start.sh started; data stays.   deploy/stop.sh [--keep-postgres]
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
data=${RFT_DATA:-$root/data}

for pid_file in "$data"/run/*.pid; do
  [[ -e $pid_file ]] || continue
  supervisor=$(cat "$pid_file")
  # A worker may take a minute: it finishes what must not be cut. Children first get the chance to end well; the loop must not start them again.
  if [[ $(tr '\0' ' ' <"/proc/$supervisor/cmdline" 2>/dev/null) == *supervise* ]]; then
    children=$(pgrep -P "$supervisor" || true)
    kill "$supervisor" 2>/dev/null || true
    for child in $children; do
      kill "$child" 2>/dev/null || true
      for _ in $(seq 650); do kill -0 "$child" 2>/dev/null || break; sleep 0.1; done
      kill -9 "$child" 2>/dev/null || true
    done
  fi
  rm -f "$pid_file"
done

[[ ${1:-} = --keep-postgres || ! -e $data/postgres ]] || "$root/deploy/postgres.sh" stop "$data/postgres"
