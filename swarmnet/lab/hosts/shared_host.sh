#!/bin/sh
# A lab host that shares the machine's kernel, from outside to inside: each stage adds namespaces and
# becomes the next one, so that the last is the host's PID 1. The first is in one of the lab's control groups and
# in a new network namespace already. All settings come in the environment:
#
#   LAB_GROUPS    directories of the host's control groups, already made
#   LAB_SWITCH    path of the switch's network namespace; LAB_BRIDGE the bridge in it
#   LAB_PORT, LAB_MAC, LAB_ADDRESS   name of the port, address of eth0 (with prefix length)
#   LAB_HOST      host name
#   LAB_ROOT      cached root file system (read only); LAB_DIR the host's own directory
#   LAB_CGROUPS   the machine's hierarchies: words VERSION|DIRECTORY|MOUNT-OPTIONS
set -eu

case "$1" in
wire)
    # What is left of an earlier run of this host may still be on its way out of the kernel.
    nsenter --net="$LAB_SWITCH" ip link delete "$LAB_PORT" 2> /dev/null || true
    nsenter --net="$LAB_SWITCH" ip link add name "$LAB_PORT" master "$LAB_BRIDGE" up \
        type veth peer name eth0 address "$LAB_MAC" netns $$
    ip link set lo up
    ip address add "$LAB_ADDRESS" broadcast + dev eth0
    ip link set eth0 up
    # --kill-child: without it the host would outlive the process that holds its namespaces together.
    exec unshare --mount --uts --ipc --pid --fork --kill-child --propagation private -- /bin/sh "$0" enter
    ;;

enter)
    # From here on in the host's groups, and only the host: a version 2 group with a process that the host
    # cannot see, such as the parent of this one, could never pass its controllers on. Then make these groups
    # the top of what the host sees.
    for group in $LAB_GROUPS; do echo $$ > "$group/cgroup.procs"; done
    exec unshare --cgroup -- /bin/sh "$0" build
    ;;

build)
    hostname "$LAB_HOST"
    root="$LAB_DIR/root"
    mount -t overlay overlay "$root" \
        -o "lowerdir=$LAB_ROOT,upperdir=$LAB_DIR/upper,workdir=$LAB_DIR/work"
    mount -o loop,discard "$LAB_DIR/disk.img" "$root/var/lib/docker"
    if [ -e "$LAB_DIR/wipe" ]; then
        # Image layers stay; of the engine's state, what belongs to swarm, containers, networks and volumes goes.
        (cd "$root/var/lib/docker" && rm -rf .swarmnet-ballast* swarm containers network volumes plugins image/overlay2/layerdb/mounts)
        [ ! -e "$root/etc/machine-id.own" ] || mv "$root/etc/machine-id.own" "$root/etc/machine-id"
        rm "$LAB_DIR/wipe"
    fi
    mount --rbind /dev "$root/dev"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    mount -t sysfs sysfs "$root/sys"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"

    case "$LAB_CGROUPS" in
    *"1|"*)
        mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
        for hierarchy in $LAB_CGROUPS; do
            version=${hierarchy%%|*} rest=${hierarchy#*|}
            name=${rest%%|*} options=${rest#*|}
            mkdir "$root/sys/fs/cgroup/$name"
            case "$version" in
            1) mount -t cgroup -o "$options" cgroup "$root/sys/fs/cgroup/$name" ;;
            2) mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/$name" ;;
            esac
        done
        ;;
    *)
        mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
        # Version 2 lets a group pass controllers on only while no process is in the group itself. The mount
        # shows the host's groups as its top; `init` was made together with them.
        echo $$ > "$root/sys/fs/cgroup/init/cgroup.procs"
        for controller in $(cat "$root/sys/fs/cgroup/cgroup.controllers"); do
            echo "+$controller" > "$root/sys/fs/cgroup/cgroup.subtree_control" || true
        done
        ;;
    esac

    # /proc of the machine still shows this process under the pid that the machine knows it by.
    IFS= read -r stat < /proc/self/stat
    printf '%s\n' "$stat" > "$LAB_DIR/init.new"
    mv "$LAB_DIR/init.new" "$LAB_DIR/init.stat"

    mount -t proc proc "$root/proc"
    # Settings outside of the host's own network namespace belong to the machine, not to the host.
    for shared in kernel vm fs; do
        mount --bind "$root/proc/sys/$shared" "$root/proc/sys/$shared"
        mount -o remount,bind,ro "$root/proc/sys/$shared"
    done
    mkdir -p "$root/run/lab"
    cp "$(dirname "$0")/host_boot.sh" "$root/run/lab/boot"
    cd "$root"
    pivot_root . .
    umount -l .
    cd /
    exec /bin/sh /run/lab/boot
    ;;
esac
