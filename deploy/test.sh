#!/usr/bin/env bash
# Installs what the tests need and runs all of them: style, build, tests.
set -euo pipefail

cd "$(dirname "$0")/.."
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

deploy/sandbox.sh
RFT_TEST_POSTGRES=$(deploy/postgres.sh start "${TMPDIR:-/tmp}/rft-test-postgres" --throwaway)
export RFT_TEST_POSTGRES

dotnet restore RftService.sln
dotnet format RftService.sln --no-restore --verify-no-changes
dotnet build RftService.sln --no-restore -v quiet --nologo
for script in deploy/*.sh .ci/run; do bash -n "$script"; done

log=$(mktemp)
status=0
# One project at a time: parallel processes would fight over the cores.
dotnet test RftService.sln --no-build --nologo -m:1 "$@" 2>&1 | tee "$log" || status=$?

awk '/Failed: +[0-9]+, Passed: +[0-9]+, Skipped: +[0-9]+/ {
       gsub(/[,:]/, " "); for (i = 1; i < NF; i++) { if ($i == "Failed") f += $(i + 1); if ($i == "Passed") p += $(i + 1); if ($i == "Skipped") s += $(i + 1) }
     } END { printf "%d passed, %d failed, %d skipped\n", p, f, s }' "$log"
exit "$status"
