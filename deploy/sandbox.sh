#!/usr/bin/env bash
# Installs what graders that are code need: bubblewrap and python3. Without them the service refuses such rewards and works otherwise.
set -euo pipefail

missing=()
[[ -x /usr/bin/bwrap ]] || missing+=(bubblewrap)
[[ -x /usr/bin/python3 ]] || missing+=(python3)
[[ ${#missing[@]} -gt 0 ]] || exit 0

if [[ $(id -u) = 0 ]] && command -v apt-get >/dev/null; then
  echo "Installing ${missing[*]}..." >&2
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >&2
else
  echo "Graders that are code need ${missing[*]} (Debian, Ubuntu: apt-get install ${missing[*]}). The service refuses such rewards until then." >&2
fi
