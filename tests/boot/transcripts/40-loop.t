# Loop devices.
$ dd if=/dev/zero of=/tmp/image bs=1M count=8 2>/dev/null; losetup -f
/dev/loop0
$ losetup -f /tmp/image && losetup -a
/dev/loop0: 0 /tmp/image
$ losetup /dev/loop0; losetup -f
/dev/loop0: 0 /tmp/image
/dev/loop1
$ mkfs.ext2 -L looped /dev/loop0 >/dev/null; blkid /dev/loop0; losetup -d /dev/loop0; losetup -a; losetup -d /dev/loop0
/dev/loop0: LABEL="looped" UUID="UUID" TYPE="ext2"
losetup: /dev/loop0: No such device or address
[1]
$ mount -o loop /tmp/image /mnt/1 && grep /mnt/1 /proc/mounts && losetup -a && echo kept >/mnt/1/file && umount /mnt/1; losetup -a
/dev/loop0 /mnt/1 ext2 rw,relatime 0 0
/dev/loop0: 0 /tmp/image
$ mount /tmp/image /mnt/1 && cat /mnt/1/file; df /mnt/1; losetup -d /dev/loop0; umount /mnt/1; losetup -a
kept
Filesystem           1K-blocks      Used Available Use% Mounted on
/dev/loop0                7931        14      7508   0% /mnt/1
$ losetup -r /dev/loop3 /tmp/image && blockdev --getro /dev/loop3 && dd if=/dev/zero of=/dev/loop3 bs=512 count=1 2>&1 | head -n 1; cat /sys/block/loop3/loop/backing_file /sys/block/loop3/ro /sys/block/loop3/size; losetup -d /dev/loop3
1
dd: error writing '/dev/loop3': Operation not permitted
/tmp/image
1
16384
$ losetup -o 1048576 /dev/loop1 /tmp/image && losetup -a && blockdev --getsize64 /dev/loop1; losetup -d /dev/loop1
/dev/loop1: 1048576 /tmp/image
7340032
$ printf 'o\nn\np\n1\n\n+4M\nw\n' | fdisk /tmp/image >/dev/null 2>&1; fdisk -l /tmp/image | grep image1
/tmp/image1    0,1,1       0,131,2             63       8254       8192 4096K 83 Linux
$ losetup -P /dev/loop1 /tmp/image; ls /dev/loop1*; losetup -d /dev/loop1; ls /dev/loop1*
/dev/loop1    /dev/loop1p1
/dev/loop1
$ losetup /dev/loop1 /nothing; losetup /dev/loop1 /tmp
losetup: /nothing: No such file or directory
losetup: /tmp: Invalid argument
[1]
$ for i in 1 2 3 4 5 6 7 8 9; do losetup -f /tmp/image; done; losetup -a | wc -l; for l in $(losetup -a | cut -d: -f1); do losetup -d $l; done; losetup -a
9
$ rm /tmp/image
