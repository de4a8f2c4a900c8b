# PID 1 of a lab host: start what a Docker host runs (sshd and dockerd), then collect orphans for ever.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
unset LAB_GROUPS LAB_SWITCH LAB_BRIDGE LAB_PORT LAB_MAC LAB_ADDRESS LAB_HOST LAB_ROOT LAB_DIR LAB_CGROUPS
umask 022
mkdir -p /run/sshd /run/lock
/usr/sbin/sshd -E /var/log/sshd.log
dockerd < /dev/null >> /var/log/docker.log 2>&1 &
while :; do
    sleep infinity &
    wait $!
done
