# File systems on partitions; labels and UUIDs; mounting by them.
$ mkfs.ext2 -L first /dev/vda1
Filesystem label=first
OS type: Linux
Block size=1024 (log=0)
Fragment size=1024 (log=0)
16384 inodes, 65536 blocks
3276 blocks (5%) reserved for the super user
First data block=1
Maximum filesystem blocks=262144
8 block groups
8192 blocks per group, 8192 fragments per group
2048 inodes per group
Superblock backups stored on blocks:
	8193, 24577, 40961, 57345
$ mkfs.vfat -n SECOND /dev/vda2; echo $?
0
$ mkfs.ext2 -b 1024 -m 0 -L third /dev/sda | tail -n 3
2048 inodes per group
Superblock backups stored on blocks:
	8193, 24577, 40961, 57345, 73729
$ mkswap -L swap /dev/vdb
Setting up swapspace version 1, size = 67104768 bytes
UUID=UUID
$ blkid | sort
/dev/sda: LABEL="third" UUID="UUID" TYPE="ext2"
/dev/vda1: LABEL="first" UUID="UUID" TYPE="ext2"
/dev/vda2: LABEL="SECOND" UUID="SERIAL" TYPE="vfat"
/dev/vdb: LABEL="swap" UUID="UUID" TYPE="swap"
$ blkid /dev/vda1 /dev/sda
/dev/vda1: LABEL="first" UUID="UUID" TYPE="ext2"
/dev/sda: LABEL="third" UUID="UUID" TYPE="ext2"
$ findfs LABEL=first; findfs LABEL=SECOND; findfs LABEL=none
/dev/vda1
/dev/vda2
[1]
$ findfs UUID=$(blkid /dev/vda1 | sed 's/.* UUID="\([^"]*\)".*/\1/')
/dev/vda1
$ mkdir -p /mnt/1 /mnt/2 /mnt/3
$ mount LABEL=first /mnt/1 && mount UUID=$(blkid /dev/vda2 | sed 's/.* UUID="\([^"]*\)".*/\1/') /mnt/2 && mount -t ext2 /dev/sda /mnt/3 && mount | grep /mnt | sed 's/ (.*//'
/dev/vda1 on /mnt/1 type ext2
/dev/vda2 on /mnt/2 type vfat
/dev/sda on /mnt/3 type ext2
$ mountpoint /mnt/1; mountpoint /mnt; mountpoint -n /mnt/2; mountpoint -d /mnt/1; mountpoint -x /dev/vda1
/mnt/1 is a mountpoint
/mnt is not a mountpoint
/dev/vda2 /mnt/2
254:1
254:1
$ df | grep /mnt
/dev/vda1                63461        13     60172   0% /mnt/1
/dev/vda2                48392         1     48392   0% /mnt/2
/dev/sda                 95195        13     95182   0% /mnt/3
$ df -i | grep /mnt
/dev/vda1                16384        11     16373   0% /mnt/1
/dev/vda2                    0         0         0   0% /mnt/2
/dev/sda                 24576        11     24565   0% /mnt/3
$ df -T /mnt/1 /mnt/2
Filesystem           Type       1K-blocks      Used Available Use% Mounted on
/dev/vda1            ext2           63461        13     60172   0% /mnt/1
/dev/vda2            vfat           48392         1     48392   0% /mnt/2
$ df -m /mnt/3
Filesystem           1M-blocks      Used Available Use% Mounted on
/dev/sda                    93         0        93   0% /mnt/3
$ stat -f /mnt/1 | grep -v ID:
  File: "/mnt/1"
Block size: 1024
Blocks: Total: 63461      Free: 63448      Available: 60172
Inodes: Total: 16384      Free: 16373
$ stat -f -c '%T %s %b %c %l' /mnt/1 /mnt/2 /mnt/3
ext2/ext3 1024 63461 16384 255
msdos 512 96784 0 1530
ext2/ext3 1024 95195 24576 255
$ for m in 1 2 3; do cp -r /etc/init.d /mnt/$m/ && seq 100000 >/mnt/$m/numbers; done; sync; du -s /mnt/1/init.d /mnt/1/numbers /mnt/2/numbers /mnt/3/numbers
4	/mnt/1/init.d
580	/mnt/1/numbers
576	/mnt/2/numbers
580	/mnt/3/numbers
$ du -k /mnt/1/numbers; du -a /mnt/3/init.d | sort
580	/mnt/1/numbers
1	/mnt/3/init.d/S00modules
1	/mnt/3/init.d/rcK
1	/mnt/3/init.d/rcS
4	/mnt/3/init.d
$ df | grep /mnt
/dev/vda1                63461       597     59588   1% /mnt/1
/dev/vda2                48392       579     47814   1% /mnt/2
/dev/sda                 95195       597     94598   1% /mnt/3
$ md5sum /mnt/*/numbers
dea9193b768319cbb4ff1a137ac03113  /mnt/1/numbers
dea9193b768319cbb4ff1a137ac03113  /mnt/2/numbers
dea9193b768319cbb4ff1a137ac03113  /mnt/3/numbers
$ ls -la /mnt/1 /mnt/2 | sed 's/[A-Z][a-z][a-z] .* /DATE /'
/mnt/1:
total 594
drwxr-xr-x    4 root     root          1024 DATE .
drwxr-xr-x    5 root     root           100 DATE ..
drwxr-xr-x    2 root     root          1024 DATE init.d
drwxr-xr-x    2 root     root         12288 DATE lost+found
-rw-r--r--    1 root     root        588895 DATE numbers

/mnt/2:
total 577
drwxr-xr-x    3 root     root           512 DATE .
drwxr-xr-x    5 root     root           100 DATE ..
drwxr-xr-x    2 root     root           512 DATE init.d
-rwxr-xr-x    1 root     root        588895 DATE numbers
$ mount LABEL=first /mnt/1; mount -t vfat /dev/sda /mnt/2; mount /dev/nothing /mnt/2; mount -t nothing /dev/vda1 /mnt
mount: mounting /dev/vda1 on /mnt/1 failed: Resource busy
mount: mounting /dev/sda on /mnt/2 failed: Resource busy
mount: mounting /dev/nothing on /mnt/2 failed: No such file or directory
mount: mounting /dev/vda1 on /mnt failed: No such device
[255]
$ mount /dev/vdb /mnt
mount: mounting /dev/vdb on /mnt failed: Invalid argument
[255]
$ umount /mnt/1 /mnt/2 /mnt/3; umount /mnt/1
umount: can't unmount /mnt/1: Invalid argument
[1]
