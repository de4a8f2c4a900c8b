#!/bin/sh
# A lab host with a kernel of its own, from outside: a User-Mode Linux process, shut into a mount and pid
# namespace that shows it nothing of the machine: its root, its disk and, read-only, the programs of its kernel's root.
# It starts in one of the lab's control groups and in the switch's network namespace. Settings in the environment:
#
#   LAB_BRIDGE, LAB_PORT    the bridge, and the name of the host's tap on it
#   LAB_LINE, LAB_LINE_HERE name of the tap that serves `inside`, and its address (with prefix length)
#   LAB_SPARE, LAB_SPARE_MAC   name of the tap of the card that `second` plugs in, and that card's address
#   LAB_ROOT, LAB_DIR       cached root file system (read only); the host's own directory
#   LAB_KERNEL_ROOT         the root file system that holds the kernel program and its libraries
#   LAB_KERNEL, LAB_MODULES, LAB_RELEASE   the kernel program in it, its modules, its release
#   LAB_MEMORY, LAB_MAC     MiB of memory; address of eth0's card
#   LAB_PROCESSORS          the machine's processors that may run it, as taskset takes them
#   LAB_SETTINGS            what own_boot.sh reads, as shell assignments
set -eu

# Taps outlive a power cut, as switch ports do: a cable that was cut stays cut.
tap() {
    ip link show "$1" > /dev/null 2>&1 || {
        ip tuntap add dev "$1" mode tap
        [ -z "${2-}" ] || ip link set "$1" master "$2"
        ip link set "$1" up
    }
}
tap "$LAB_PORT" "$LAB_BRIDGE"
tap "$LAB_LINE"
tap "$LAB_SPARE"
echo 0 > "/proc/sys/net/ipv4/conf/$LAB_LINE/forwarding"
ip address replace "$LAB_LINE_HERE" dev "$LAB_LINE"

here=$(dirname "$0")
jail="$LAB_DIR/root"
mount -t tmpfs -o mode=755 tmpfs "$jail"
cd "$jail"
mkdir -p host usr dev/net dev/shm proc tmp
mount -t overlay overlay host -o "lowerdir=$LAB_ROOT,upperdir=$LAB_DIR/upper,workdir=$LAB_DIR/work"
mkdir -p host/run/lab "host/usr/lib/modules/$LAB_RELEASE"
mount --bind "$LAB_MODULES" "host/usr/lib/modules/$LAB_RELEASE"
mount -o remount,bind,ro "host/usr/lib/modules/$LAB_RELEASE"
cp "$here/own_boot.sh" host/run/lab/boot
chmod 755 host/run/lab/boot
printf '%s\n' "$LAB_SETTINGS" > host/run/lab/settings
: > disk.img
mount --bind "$LAB_DIR/disk.img" disk.img
mount --bind "$LAB_KERNEL_ROOT/usr" usr
mount -o remount,bind,ro usr
for directory in bin sbin lib lib64; do
    [ ! -L "$LAB_KERNEL_ROOT/$directory" ] || cp -a "$LAB_KERNEL_ROOT/$directory" .
done
for device in null zero random urandom net/tun; do
    : > "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
# The guest's memory is a file here; only what the guest touches is taken.
mount -t tmpfs -o "size=$((LAB_MEMORY + 64))m" tmpfs dev/shm
mount -t proc proc proc
pivot_root . tmp
umount -l tmp

# A kernel that panics aborts; nobody reads its core.
ulimit -c 0
# The timer of such a kernel can get lost on a busy machine: its clocks then stand still, and all that sleeps hangs (seen
# on 6.12). Probably the kernel drops a signal of the timer that comes while it handles the one before. A signal that
# comes from here, needed or not, makes it look at its timers. Until the kernel takes it, it is ignored.
trap '' ALRM
# registers.c says what is preloaded, and why.
# Not `exec`: the first process of a pid namespace is deaf to signals that the kernel program sends itself.
env -i LD_PRELOAD=/usr/lib/uml/registers.so TMPDIR=/dev/shm HOME=/dev/shm PATH="$PATH" \
    taskset -c "$LAB_PROCESSORS" "$LAB_KERNEL" "mem=${LAB_MEMORY}M" uml_dir=/dev/shm \
    root=/dev/root rootfstype=hostfs rootflags=/host rw init=/run/lab/boot ubd0=/disk.img quiet \
    "vec0:transport=tap,ifname=$LAB_PORT,mac=$LAB_MAC,depth=128,gro=1" \
    "vec1:transport=tap,ifname=$LAB_LINE,depth=64,gro=1" \
    "vec2:transport=tap,ifname=$LAB_SPARE,mac=$LAB_SPARE_MAC,depth=64,gro=1" con=null con0=null,fd:1 con1=null,fd:1 ssl=null < /dev/null &
kernel=$!
while kill -ALRM "$kernel" 2> /dev/null; do
    sleep 0.5
done
wait "$kernel"
