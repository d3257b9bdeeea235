# A partition table by fdisk, seen by the kernel at once; what a partition is in /proc and /sys.
$ printf 'o\nn\np\n1\n\n+64M\nn\np\n2\n\n+48M\nt\n2\nc\na\n1\nw\n' | fdisk /dev/vda >/tmp/fdisk.log 2>&1; tail -n 1 /tmp/fdisk.log
Calling ioctl() to re-read partition table
$ fdisk -l /dev/vda | grep -v identifier
Disk /dev/vda: 160 MB, 167772160 bytes, 327680 sectors
325 cylinders, 16 heads, 63 sectors/track
Units: sectors of 1 * 512 = 512 bytes

Device  Boot StartCHS    EndCHS        StartLBA     EndLBA    Sectors  Size Id Type
/dev/vda1 *  0,1,1       130,1,32            63     131134     131072 64.0M 83 Linux
/dev/vda2    130,1,33    227,9,56        131135     229438      98304 48.0M  c Win95 FAT32 (LBA)
$ ls -l /dev/vda* | awk '{ print $1, $3, $4, $5, $6, $10 }'
brw------- root root 254, 0 /dev/vda
brw------- root root 254, 1 /dev/vda1
brw------- root root 254, 2 /dev/vda2
$ cat /proc/partitions | grep '[vs]d'
 254        0     163840 vda
 254        1      65536 vda1
 254        2      49152 vda2
 254       16      65536 vdb
   8        0      98304 sda
$ cd /sys/block/vda; for p in vda*; do echo $p $(cat $p/partition) $(cat $p/start) $(cat $p/size) $(cat $p/ro); done; cd
vda1 1 63 131072 0
vda2 2 131135 98304 0
$ cat /sys/block/vda/vda2/dev /sys/class/block/vda2/uevent
254:2
MAJOR=254
MINOR=2
DEVNAME=vda2
DEVTYPE=partition
DISKSEQ=1
PARTN=2
$ blockdev --rereadpt /dev/vda; echo $?
0
$ mount -t tmpfs none /mnt && exec 3</dev/vda1 && blockdev --rereadpt /dev/vda; exec 3<&-; umount /mnt
blockdev: /dev/vda: Resource busy
$ printf 'n\np\n3\n\n\nw\n' | fdisk /dev/vda >/tmp/fdisk.log 2>&1; tail -n 1 /tmp/fdisk.log; ls /dev/vda3; blockdev --getsz /dev/vda3
Calling ioctl() to re-read partition table
/dev/vda3
98241
$ printf 'd\n3\nw\n' | fdisk /dev/vda >/tmp/fdisk.log 2>&1; ls /dev/vda3 2>&1; ls /sys/block/vda | grep vda
ls: /dev/vda3: No such file or directory
vda1
vda2
$ dd if=/dev/vda1 bs=1M 2>/dev/null | wc -c
67108864
$ dd if=/dev/zero of=/dev/vda1 bs=1M 2>&1 | head -n 3
dd: error writing '/dev/vda1': No space left on device
65+0 records in
64+0 records out
$ dd if=/dev/vda2 of=/dev/null bs=512 skip=98304 2>&1 | head -n 2
0+0 records in
0+0 records out
$ dd if=/dev/vda2 of=/dev/null bs=512 skip=98305 2>&1 | head -n 2
0+0 records in
0+0 records out
$ partprobe /dev/vda; echo $?
0
$ fdisk -l | grep '^Disk /' | sort
Disk /dev/sda doesn't contain a valid partition table
Disk /dev/sda: 96 MB, 100663296 bytes, 196608 sectors
Disk /dev/vda: 160 MB, 167772160 bytes, 327680 sectors
Disk /dev/vdb doesn't contain a valid partition table
Disk /dev/vdb: 64 MB, 67108864 bytes, 131072 sectors
$ fdisk -l /dev/vda1 2>&1 | tail -n 1
Disk /dev/vda1 doesn't contain a valid partition table
