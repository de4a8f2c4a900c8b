#!/bin/sh
# The usual backup: every network of every host by `docker network inspect`, host after host.
# usage: usual_backup.sh KEY KNOWN_HOSTS DIRECTORY ADDRESS...
set -eu
key=$1 known=$2 out=$3
shift 3
for address in "$@"; do
  mkdir -p "$out/$address"
  # shellcheck disable=SC2016
  ssh -i "$key" -o UserKnownHostsFile="$known" "root@$address" \
    'for n in $(docker network ls -q); do docker network inspect "$n"; done' >"$out/$address/networks.json"
done
