#!/bin/sh
# The usual connectivity check: `docker exec ping`, pair by pair.
# usage: usual_ping.sh KEY KNOWN_HOSTS CONTAINER ADDRESS...   (overlay addresses on standard input)
set -eu
key=$1 known=$2 container=$3
shift 3
targets=$(cat)
for address in "$@"; do
  ssh -n -i "$key" -o UserKnownHostsFile="$known" "root@$address" \
    "for t in $(echo $targets); do docker exec $container ping -c 1 -W 1 \$t >/dev/null || echo lost \$t; done"
done
