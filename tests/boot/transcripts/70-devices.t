# What programs that list disks walk.
$ for d in /sys/block/[vs]d*; do n=${d##*/}; echo "$n $(cat $d/dev) $(($(cat $d/size) / 2048))M $(cat $d/ro) $(cat $d/removable)"; for p in $d/$n*; do [ -e $p ] && echo "  ${p##*/} $(cat $p/dev) $(($(cat $p/size) / 2048))M"; done; done
sda 8:0 96M 0 0
vda 254:0 160M 0 0
  vda1 254:1 64M
  vda2 254:2 48M
vdb 254:16 64M 0 0
[1]
$ ls /sys/class/block | grep -v loop
sda
sr0
vda
vda1
vda2
vdb
$ ls -d /sys/dev/block/254:1 /sys/dev/block/8:0; readlink /sys/dev/block/8:0 | sed 's,.*/block/,,'; cat /sys/dev/block/8:0/uevent
/sys/dev/block/254:1  /sys/dev/block/8:0
sda
MAJOR=8
MINOR=0
DEVNAME=sda
DEVTYPE=disk
DISKSEQ=3
$ mkdir -p /tmp/dev && mount -t tmpfs none /tmp/dev && mount --bind /tmp/dev /dev; mdev -s; ls /dev | grep -E '^([vs]d|sr0|null|zero$)' | tr '\n' ' '; stat -c '%t %T %F' /dev/vda1 /dev/null; umount /dev; umount /tmp/dev
null sda sr0 vda vda1 vda2 vdb zero fe 1 block special file
1 3 character special file
$ echo '/dev/null' >/proc/sys/kernel/hotplug; cat /proc/sys/kernel/hotplug; echo >/proc/sys/kernel/hotplug
-sh: can't create /proc/sys/kernel/hotplug: nonexistent directory
cat: can't open '/proc/sys/kernel/hotplug': No such file or directory
-sh: can't create /proc/sys/kernel/hotplug: nonexistent directory
[1]
$ devmem 2>&1 | head -n 1; which tune2fs dumpe2fs e2label; ls /dev/disk
BusyBox v1.35.0 () multi-call binary.
ls: /dev/disk: No such file or directory
[1]
$ cat /proc/filesystems | grep -v -e nodev -e msdos | sort
	ext2
	ext3
	ext4
	iso9660
	vfat
$ rdev; cat /proc/swaps; swapon -a; grep -c . /proc/mounts >/dev/null; cat /proc/devices | sed -n '/^Block/,$p' | grep -E 'Block| 8 sd$|virtblk|loop|sr'
Filename				Type		Size		Used		Priority
Block devices:
  7 loop
  8 sd
 11 sr
254 virtblk
