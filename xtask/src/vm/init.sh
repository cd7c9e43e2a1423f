#!/bin/busybox sh
# First process of the virtual machine: mounts what containers and ctrace need, runs the tests one by one,
# and turns the machine off. What begins with `@@ ` on the second serial port is for `machine.rs`.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
export HOME=/root LANG=C.UTF-8 TERM=linux
export CI=true CTRACE_TEST_SLOWNESS=4

if [ "$1" != moved ]; then
    busybox mount -t proc proc /proc # where busybox finds itself
    busybox --install -s /usr/bin 2>/dev/null # links that exist already are left
    # pivot_root, with which a container gets its root, refuses that of an initramfs: a mount over it is none.
    # https://github.com/torvalds/linux/blob/v6.12/Documentation/filesystems/ramfs-rootfs-initramfs.rst
    mount --bind / /root
    cd /root
    mount --move . /
    exec chroot . /init moved
fi

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir /dev/pts /dev/shm
mount -t devpts pts /dev/pts
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs trace /sys/kernel/tracing
exec </dev/null >/dev/ttyS1 2>&1
insmod /tests/overlay.ko
ip link set lo up

echo "@@ kernel $(uname -r)"
cd /tests/package
while read -r test; do
    start=$(cut -d' ' -f1 /proc/uptime)
    if timeout 600 /tests/binary --ignored --exact "$test" >/tmp/log 2>&1; then
        result=passed
    else
        result=failed
        cat /tmp/log
    fi
    echo "@@ $result $test $start $(cut -d' ' -f1 /proc/uptime)"
done </tests/names
echo "@@ end"
poweroff -f
