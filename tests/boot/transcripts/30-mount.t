# What mount and umount do with a mounted disk: remount, bind, lazy umount, fstab.
$ mount -o noatime,nosuid /dev/vda1 /mnt/1 && grep /mnt/1 /proc/mounts
/dev/vda1 /mnt/1 ext2 rw,nosuid,noatime 0 0
$ mount -o remount,ro /mnt/1; grep /mnt/1 /proc/mounts; touch /mnt/1/x
/dev/vda1 /mnt/1 ext2 ro,nosuid,noatime 0 0
touch: /mnt/1/x: Read-only file system
[1]
$ mount -o remount,rw /mnt/1 && touch /mnt/1/x && grep /mnt/1 /proc/mounts
/dev/vda1 /mnt/1 ext2 rw,nosuid,noatime 0 0
$ exec 3>/mnt/1/open; mount -o remount,ro /mnt/1; umount /mnt/1; exec 3>&-
mount: mounting /dev/vda1 on /mnt/1 failed: Resource busy
umount: can't unmount /mnt/1: Resource busy
$ mount -o ro /dev/vda1 /mnt/2; grep /mnt/2 /proc/mounts
mount: mounting /dev/vda1 on /mnt/2 failed: Resource busy
[1]
$ mount -r /dev/sda /mnt/3; grep /mnt/3 /proc/mounts; umount /mnt/3
/dev/sda /mnt/3 ext2 ro,relatime 0 0
$ cd /mnt/1; umount /mnt/1; umount -l /mnt/1; grep -c /mnt/1 /proc/mounts; ls numbers; cd; ls /mnt/1
umount: can't unmount /mnt/1: Resource busy
0
numbers
$ mount /dev/vda1 /mnt/1 && mount --bind /mnt/1/init.d /mnt/2 && ls /mnt/2/rcS && mount -o remount,ro,bind /mnt/2 && touch /mnt/2/x; touch /mnt/1/init.d/x; umount /mnt/2; umount /mnt/1
/mnt/2/rcS
touch: /mnt/2/x: Read-only file system
$ cp /etc/fstab /tmp/fstab.old; printf 'LABEL=first /mnt/1 ext2 noatime 0 0\n/dev/vda2 /mnt/2 vfat ro 0 0\n/dev/sda /mnt/3 auto noauto,nodev 0 0\n' >>/etc/fstab; mount -a; grep /mnt /proc/mounts | cut -d' ' -f1-3
/dev/vda1 /mnt/1 ext2
/dev/vda2 /mnt/2 vfat
$ mount -a; grep -c /mnt /proc/mounts; mount /mnt/3 && grep /mnt/3 /proc/mounts; umount -a -t ext2; umount -a -t vfat; grep /mnt /proc/mounts
2
/dev/sda /mnt/3 ext2 rw,nodev,relatime 0 0
[1]
$ cp /tmp/fstab.old /etc/fstab
$ blockdev --setro /dev/vda1; blockdev --getro /dev/vda1; mount -o rw /dev/vda1 /mnt/1; grep /mnt/1 /proc/mounts; umount /mnt/1; dd if=/dev/zero of=/dev/vda1 bs=1k count=1 2>&1 | head -n 1; blockdev --setrw /dev/vda1; blockdev --getro /dev/vda1
1
/dev/vda1 /mnt/1 ext2 ro,relatime 0 0
dd: error writing '/dev/vda1': Operation not permitted
0
$ mount -o sync,dirsync /dev/vda1 /mnt/1; grep /mnt/1 /proc/mounts; dd if=/dev/zero of=/mnt/1/synced bs=64k count=4 2>/dev/null; rm /mnt/1/synced; umount /mnt/1
/dev/vda1 /mnt/1 ext2 rw,sync,dirsync,relatime 0 0
$ mount -t ext2 -o nonsense /dev/vda1 /mnt/1; mount -t vfat -o nonsense /dev/vda2 /mnt/2; mount -t vfat -o errors=continue,iocharset=utf8 /dev/vda2 /mnt/2 && umount /mnt/2; grep -c /mnt /proc/mounts
mount: mounting /dev/vda1 on /mnt/1 failed: Invalid argument
mount: mounting /dev/vda2 on /mnt/2 failed: Invalid argument
0
[1]
