# Debian's e2fsprogs on a disk and on a loop device.
$ PATH=/opt/tools:$PATH; mkdir -p /mnt/1 /mnt/2
$ mke2fs -q -F -t ext3 -b 4096 -L journal /dev/vda 2>&1; tune2fs -l /dev/vda | grep -E 'volume name|features|state|Inode count|Block count|Journal|Inode size|Mount count'
Filesystem volume name:   journal
Filesystem features:      has_journal ext_attr resize_inode dir_index filetype sparse_super large_file
Filesystem state:         clean
Inode count:              40960
Block count:              40960
Mount count:              0
Inode size:	          256
Journal inode:            8
Journal backup:           inode blocks
$ e2fsck -fn /dev/vda 2>/dev/null
Pass 1: Checking inodes, blocks, and sizes
Pass 2: Checking directory structure
Pass 3: Checking directory connectivity
Pass 4: Checking reference counts
Pass 5: Checking group summary information
journal: 11/40960 files (0.0% non-contiguous), 6693/40960 blocks
$ mount /dev/vda /mnt/1 && grep /mnt/1 /proc/mounts | cut -d' ' -f1-3; tune2fs -l /dev/vda | grep -E 'features|state'
/dev/vda /mnt/1 ext3
Filesystem features:      has_journal ext_attr resize_inode dir_index filetype needs_recovery sparse_super large_file
Filesystem state:         clean
$ for i in 1 2 3 4 5 6 7 8 9; do mkdir /mnt/1/d$i; seq $i 3000 >/mnt/1/d$i/f; ln -s ../d$i/f /mnt/1/d$i/l; done; ln /mnt/1/d1/f /mnt/1/hard; echo short >/mnt/1/short; cp /etc/passwd /mnt/1; sync
$ e2fsck -n /dev/vda 2>/dev/null | grep -v -e journal -e 'not be recovered'
Warning!  /dev/vda is mounted.
$ mke2fs -q -t ext2 /dev/vda; e2fsck -fy /dev/vda; echo $?
/dev/vda is mounted; will not make a filesystem here!
/dev/vda is mounted.
e2fsck: Cannot continue, aborting.


8
$ umount /mnt/1; e2fsck -fn /dev/vda 2>/dev/null | tail -n 1
journal: 40/40960 files (0.0% non-contiguous), 6740/40960 blocks
$ debugfs -R 'ls -p /' /dev/vda 2>/dev/null | cut -d/ -f3-6; debugfs -R 'cat /short' /dev/vda 2>/dev/null; debugfs -R 'cat /d3/f' /dev/vda 2>/dev/null | md5sum; seq 3 3000 | md5sum
040755/0/0/.
040755/0/0/..
040700/0/0/lost+found
040755/0/0/d1
040755/0/0/d2
040755/0/0/d3
040755/0/0/d4
040755/0/0/d5
040755/0/0/d6
040755/0/0/d7
040755/0/0/d8
040755/0/0/d9
100644/0/0/hard
100644/0/0/short
100644/0/0/passwd

short
c25474d9dc8deb6bbff703e2b1ba77af  -
c25474d9dc8deb6bbff703e2b1ba77af  -
$ debugfs -R 'stat /short' /dev/vda 2>/dev/null | grep -E '^User|^Links|^Size'; debugfs -R 'stat /d2/l' /dev/vda 2>/dev/null | grep Fast
User:     0   Group:     0   Project:     0   Size: 6
Links: 1   Blockcount: 8
Size of extra inode fields: 32
Fast link dest: "../d2/f"
$ debugfs -R 'testb 1' /dev/vda 2>/dev/null; debugfs -R 'icheck 1' /dev/vda 2>/dev/null; debugfs -R 'logdump -S' /dev/vda 2>/dev/null | grep 'Journal start:'
Block 1 marked in use
Block	Inode number
1	<block not found>
Journal start:            0
$ debugfs -w -R 'write /etc/fstab theirs' /dev/vda >/dev/null 2>&1; debugfs -w -R 'rm /short' /dev/vda 2>/dev/null; debugfs -w -R 'mkdir /new' /dev/vda 2>&1 | grep -c Alloc; mount /dev/vda /mnt/1; cmp /etc/fstab /mnt/1/theirs && ls /mnt/1; umount /mnt/1

0
d1          d4          d7          hard        passwd
d2          d5          d8          lost+found  theirs
d3          d6          d9          new
$ tune2fs -L renamed -c 7 -i 3d -m 2 /dev/vda 2>/dev/null | grep -v '^$'; tune2fs -U 01234567-89ab-cdef-0123-456789abcdef /dev/vda >/dev/null 2>&1; blkid -p -o value -s LABEL -s UUID /dev/vda; mount LABEL=renamed /mnt/1 && umount /mnt/1; tune2fs -l /dev/vda | grep -E 'Mount count|Maximum|volume'
Setting maximal mount count to 7
Setting interval between checks to 259200 seconds
Setting reserved blocks percentage to 2% (819 blocks)
renamed
UUID
Filesystem volume name:   renamed
Mount count:              3
Maximum mount count:      7
$ tune2fs -O ^has_journal /dev/vda 2>/dev/null; mount /dev/vda /mnt/1; grep /mnt/1 /proc/mounts | cut -d' ' -f1-3; ls /mnt/1; umount /mnt/1; tune2fs -j /dev/vda >/dev/null 2>&1; mount /dev/vda /mnt/1; cat /proc/mounts | grep /mnt/1 | cut -d' ' -f1-3; umount /mnt/1; e2fsck -fn /dev/vda 2>/dev/null | tail -n 1
/dev/vda /mnt/1 ext2
d1          d4          d7          hard        passwd
d2          d5          d8          lost+found  theirs
d3          d6          d9          new
/dev/vda /mnt/1 ext3
renamed: 41/40960 files (0.0% non-contiguous), 6741/40960 blocks
$ e2fsck -f -y /dev/vda 2>/dev/null | tail -n 1; resize2fs /dev/vda 20000 2>&1 | grep now; mount /dev/vda /mnt/1; df -k /mnt/1; md5sum /mnt/1/d3/f; umount /mnt/1
renamed: 41/40960 files (0.0% non-contiguous), 6741/40960 blocks
The filesystem on /dev/vda is now 20000 (4k) blocks long.
Filesystem           1K-blocks      Used Available Use% Mounted on
/dev/vda                 58444       236     56612   0% /mnt/1
c25474d9dc8deb6bbff703e2b1ba77af  /mnt/1/d3/f
$ e2fsck -fy /dev/vda >/dev/null 2>&1; resize2fs /dev/vda 2>&1 | grep now; e2fsck -fn /dev/vda 2>/dev/null | tail -n 1; e2fsck -fy /dev/vda >/dev/null 2>&1; resize2fs -M /dev/vda >/dev/null 2>&1; e2fsck -fn /dev/vda >/dev/null 2>&1; echo $?; mount /dev/vda /mnt/1; cat /mnt/1/d9/l | md5sum; umount /mnt/1
The filesystem on /dev/vda is now 40960 (4k) blocks long.
renamed: 41/40960 files (0.0% non-contiguous), 6741/40960 blocks
0
ab04bfde3c3cba191b6f84b7d893ff63  -
$ mke2fs -q -F -t ext2 -b 1024 -I 128 -N 500 -O ^dir_index,^resize_inode /dev/vda >/dev/null 2>&1; mount /dev/vda /mnt/1; i=0; while [ $i -lt 300 ]; do echo $i >/mnt/1/file$i; i=$((i+1)); done; umount /mnt/1; tune2fs -O dir_index /dev/vda >/dev/null 2>&1; e2fsck -fyD /dev/vda 2>/dev/null | tail -n 1; mount /dev/vda /mnt/1; cat /mnt/1/file* | md5sum; umount /mnt/1
/dev/vda: 311/640 files (0.3% non-contiguous), 452/163840 blocks
ccdb38b1d52093ec2ce15a6e201f10ff  -
$ dd if=/dev/zero of=/dev/vda bs=1k seek=3 count=6 conv=notrunc 2>/dev/null; mount /dev/vda /mnt/1 2>/dev/null && umount /mnt/1; e2fsck -fy /dev/vda >/dev/null 2>&1; echo $?; e2fsck -fn /dev/vda 2>/dev/null | tail -n 1; mount /dev/vda /mnt/1; cat /mnt/1/file* | md5sum; umount /mnt/1
1
/dev/vda: 290/640 files (0.0% non-contiguous), 417/163840 blocks
cat: can't open '/mnt/1/file*': No such file or directory
d41d8cd98f00b204e9800998ecf8427e  -
$ dd if=/dev/zero of=/dev/vda bs=1k seek=1 count=1 conv=notrunc 2>/dev/null; mount -t ext2 /dev/vda /mnt/1; mount -t ext2 -o sb=8193 /dev/vda /mnt/1 && ls /mnt/1 | wc -l; umount /mnt/1; e2fsck -fy -b 8193 /dev/vda >/dev/null 2>&1; mount /dev/vda /mnt/1 && ls /mnt/1 | wc -l; umount /mnt/1
mount: /mnt/1: wrong fs type, bad option, bad superblock on /dev/vda, missing codepage or helper program, or other error.
       dmesg(1) may have more information after failed mount system call.
1
1
$ dd if=/dev/zero of=/tmp/image bs=1M count=0 seek=30 2>/dev/null; l=$(losetup -f); losetup $l /tmp/image; mke2fs -q -F -t ext3 -J size=4 $l; mount $l /mnt/2; cp -r /etc /mnt/2; umount /mnt/2; e2fsck -fn $l 2>/dev/null | tail -n 1; dumpe2fs -h $l 2>/dev/null | grep -E 'Journal (size|length)|Total journal'; losetup -d $l; e2fsck -fn /tmp/image 2>/dev/null | tail -n 1
/dev/loop0: 32/7680 files (0.0% non-contiguous), 6439/30720 blocks
Total journal size:       4096k
Total journal blocks:     4096
/tmp/image: 32/7680 files (0.0% non-contiguous), 6439/30720 blocks
$ for t in ext4 "ext4 -O ^extents" "ext3 -O mmp" "ext2 -O bigalloc,extents" "ext2 -O encrypt"; do mke2fs -q -F -t $t /dev/vdb >/dev/null 2>&1; mount -t ext2 /dev/vdb /mnt/1 2>/dev/null && echo mounts && umount /mnt/1; done
[32]
$ badblocks /dev/vdb; badblocks -w -b 4096 -t 0xa5 /dev/vdb 1000; echo $?
0
$ mke2fs -q -F -t ext2 -b 1024 /dev/vdb >/dev/null; mount /dev/vdb /mnt/1; dd if=/dev/zero of=/mnt/1/f bs=1k count=20 conv=fsync 2>/dev/null; dd if=/dev/zero of=/mnt/1/f bs=1k seek=40 count=4 conv=fsync,notrunc 2>/dev/null; filefrag /mnt/1/f | cut -d: -f1; filefrag -v -s /mnt/1/f | grep -E '^ +[0-9]+:' | tail -n 1 | cut -c7-20; lsattr /mnt/1 | sort; lsattr -v -d /mnt/1 | wc -w; umount /mnt/1
/mnt/1/f
      40..
---------------------- /mnt/1/f
---------------------- /mnt/1/lost+found
3
