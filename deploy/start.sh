#!/usr/bin/env bash
# Starts everything on one machine and trains the quickstart model: Postgres, Api, worker, one run over HTTP.
#   deploy/start.sh              start, run the demonstration, leave the service up
#   deploy/start.sh --no-demo    only start
# Stop with deploy/stop.sh; data stays in data/. Settings, all optional:
#   ConnectionStrings__Rft   a Postgres server to use instead of a private one
#   RFT_PORT                 of the Api (5080); the worker's sampling endpoint gets the next one
#   RFT_DATA                 data folder (data/ beside this checkout)
#   RFT_THREADS              torch threads of the worker (all cores)
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
data=${RFT_DATA:-$root/data}
port=${RFT_PORT:-5080}
worker_port=$((port + 1))
demo=yes
case ${1:-} in
  "") ;;
  --no-demo) demo=no ;;
  *) sed -n '2,9p' "$0" | cut -c3- >&2; exit 2 ;;
esac

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
fail() { echo "$*" >&2; exit 1; }

command -v dotnet >/dev/null || fail "The .NET SDK 10 is missing. Debian, Ubuntu: see learn.microsoft.com/dotnet/core/install/linux."
mkdir -p "$data/models" "$data/artifacts" "$data/logs" "$data/run"

say "1/5 Postgres"
if [[ -z ${ConnectionStrings__Rft:-} ]]; then
  ConnectionStrings__Rft=$("$root/deploy/postgres.sh" start "$data/postgres")
  echo "a private cluster of this machine, in $data/postgres"
else
  echo "the server of ConnectionStrings__Rft"
fi
export ConnectionStrings__Rft

"$root/deploy/sandbox.sh"

say "2/5 Build"
started=$SECONDS
dotnet build "$root/deploy/service.slnf" -c Release -v quiet --nologo -clp:ErrorsOnly || fail "The build failed."
echo "done in $((SECONDS - started)) s"
bin() { echo "$root/artifacts/bin/RftService.$1/release/RftService.$1.dll"; }

say "3/5 Database"
Rft__BootstrapKeyFile="$data/api-key" dotnet "$(bin Migrations)"

say "4/5 Api and worker"
"$root/deploy/stop.sh" --keep-postgres
for taken in $port $worker_port; do
  ! (exec 3<>"/dev/tcp/127.0.0.1/$taken") 2>/dev/null || fail "Port $taken is taken by another program; stop it or set RFT_PORT."
done
[[ -s $data/worker-token ]] || (umask 077; head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"$data/worker-token")
[[ -d $data/models/quickstart ]] || cp -r "$root/deploy/quickstart/model" "$data/models/quickstart" # runs go on over the model they began with

export Rft__Storage__DataFolder=$data/artifacts Rft__Storage__ModelRoot=$data/models Rft__WorkerToken
Rft__WorkerToken=$(cat "$data/worker-token")
export DOTNET_ENVIRONMENT=Production ASPNETCORE_ENVIRONMENT=Production

# Each in a session of its own, so that it outlives this script; the loop replaces a process that died.
supervise() { # name, url, dll
  ASPNETCORE_URLS=$2 setsid -f bash -c '
    cd "$(dirname "$2")"
    echo $$ >"$1.pid"
    while :; do dotnet "$2" >>"$3" 2>&1; echo "ended with $?, starting again" >>"$3"; sleep 1; done
  ' supervise "$data/run/$1" "$3" "$data/logs/$1.log" </dev/null >/dev/null 2>&1
}
threads=${RFT_THREADS:-$(nproc)}
supervise api "http://127.0.0.1:$port" "$(bin Api)"
# A spinning OpenMP thread would take the core that the Api and Postgres need.
OMP_NUM_THREADS=$threads GOMP_SPINCOUNT=0 Rft__Worker__Threads=$threads Rft__Worker__Address="http://127.0.0.1:$worker_port" \
  supervise worker "http://127.0.0.1:$worker_port" "$(bin Worker)"

for service in api:$port worker:$worker_port; do
  for _ in $(seq 120); do
    (exec 3<>"/dev/tcp/127.0.0.1/${service#*:}") 2>/dev/null && continue 2
    sleep 0.5
  done
  fail "The ${service%:*} did not start within a minute; see $data/logs/${service%:*}.log"
done
echo "up"

if [[ $demo = yes ]]; then
  say "5/5 A run: reinforcement on word problems"
  dotnet "$(bin Quickstart)" demo "http://127.0.0.1:$port" "$data/api-key"
fi

say "The service is up"
cat <<END
  Swagger UI   http://127.0.0.1:$port/swagger
  API key      $(cat "$data/api-key")
  Models       put Hugging Face folders below $data/models
  Logs         $data/logs
  Stop         deploy/stop.sh
END
