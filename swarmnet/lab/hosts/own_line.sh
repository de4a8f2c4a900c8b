#!/bin/sh
# Hold one SSH connection to a host with a kernel of its own, over the tap that serves nothing else: commands run
# through it (`line.sock`), and the host's engine answers at its end (`engine.sock`). Anew whenever it ends.
#
#   LAB_DIR     the host's own directory; LAB_KEY, LAB_KNOWN_HOSTS the operator's files
#   LAB_TARGET  address at the host's end; LAB_ALIAS the address that its host key is known by
# Sockets have names of at most 107 bytes, directories of labs may be longer: names are relative.
cd "$LAB_DIR" || exit 1
while :; do
    rm -f line.sock engine.sock
    ssh -F none -N -M -S line.sock -L ./engine.sock:/run/docker.sock -i "$LAB_KEY" \
        -o "UserKnownHostsFile=$LAB_KNOWN_HOSTS" -o "HostKeyAlias=$LAB_ALIAS" -o StrictHostKeyChecking=yes \
        -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=30 -o ServerAliveInterval=20 -o LogLevel=QUIET \
        "root@$LAB_TARGET" < /dev/null
    sleep 0.3
done
