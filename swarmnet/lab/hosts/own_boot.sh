#!/bin/busybox sh
# PID 1 of a lab host with a kernel of its own: mounts, modules, network, sshd, dockerd; then collect orphans.
# Starting a program is what costs most on such a kernel, so this shell is one that has the simple ones
# inside: only what stands here with its whole path is a program of its own.
. /run/lab/settings
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
umask 022
echo "lab host $LAB_HOST: booting"
mount -t proc proc /proc
mount -t sysfs sysfs /sys
# Some kernels have mounted it already.
grep -q ' /dev devtmpfs ' /proc/mounts || mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
ln -sf /proc/self/fd /dev/fd
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /tmp
mkdir -p /run/sshd /run/lock /run/lab
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t ext4 /dev/ubda /var/lib/docker || echo "lab host $LAB_HOST: its disk cannot be mounted"
if [ -e /etc/lab-wipe ]; then
    # Image layers stay; of the engine's state, what belongs to swarm, containers, networks and volumes goes.
    (cd /var/lib/docker && rm -rf .swarmnet-ballast* swarm containers network volumes plugins image/overlay2/layerdb/mounts)
    [ ! -e /etc/machine-id.own ] || mv /etc/machine-id.own /etc/machine-id
    sync
    rm /etc/lab-wipe
fi
hostname "$LAB_HOST"
ip link set lo up
ip link set vec0 name eth0
ip address add "$LAB_ADDRESS" broadcast + dev eth0
ip link set eth0 up
# Programs of Go that people run there, such as the docker command, hang as engines do (see below).
/usr/sbin/sshd -E /var/log/sshd.log -o SetEnv=GODEBUG=asyncpreemptoff=1

# The line by which the lab reaches this host whatever happens to eth0, its rules or its engine: a card and an
# sshd in a network namespace of their own. Neither the engine nor a route of this host ever sees them.
export LAB_LINE_THERE
/usr/bin/unshare --net -- /bin/busybox sh -c '
    /usr/bin/nsenter --net=/proc/1/ns/net ip -batch - << END
link set vec1 netns $$
link set vec2 netns $$
END
    echo $$ > /run/lab/line.pid
    ip link set lo up
    ip address add "$LAB_LINE_THERE" dev vec1
    ip link set vec1 up
    exec /usr/sbin/sshd -D -E /var/log/line.log -o PidFile=none -o MaxSessions=200 -o MaxStartups=200
' &

# Engine 28 wants the ipset ones; names that a release of the kernel does not have are no error.
/usr/sbin/modprobe --all --quiet \
    overlay veth bridge br_netfilter vxlan ip_vs ip_vs_rr ip_tables iptable_nat iptable_filter \
    iptable_mangle ip6_tables ip6table_nat ip6table_filter xt_nat xt_conntrack xt_MASQUERADE xt_addrtype esp4 \
    xfrm_user xt_bpf xt_u32 xt_policy xt_mark xt_ipvs ip_set ip_set_hash_net xt_set gcm seqiv echainiv
# Go stops its threads with signals; on such a kernel one may get lost, and the whole engine waits for ever (seen once).
export GODEBUG=asyncpreemptoff=1
/usr/sbin/dockerd < /dev/null >> /var/log/docker.log 2>&1 &
echo "lab host $LAB_HOST: up"
while :; do
    /usr/bin/sleep infinity &
    wait $!
done
