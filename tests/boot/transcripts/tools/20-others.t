# Debian's dosfstools, util-linux and coreutils.
$ mkfs.fat -F 32 -n STICK -i 1234abcd /dev/sda >/dev/null 2>&1; fsck.fat -n /dev/sda 2>/dev/null | tail -n 1; mount -o iocharset=utf8 /dev/sda /mnt/1 && cp -r /etc/init.d /mnt/1 && echo x >'/mnt/1/Ein langer Name mit ümlaut.text' && umount /mnt/1; fsck.fat -n /dev/sda 2>/dev/null | grep -v '^fsck'
/dev/sda: 1 files, 1/193504 clusters
/dev/sda: 6 files, 7/193504 clusters
$ fatlabel /dev/sda 2>/dev/null; fatlabel /dev/sda NEW 2>/dev/null; blkid /dev/sda; mount -o iocharset=utf8 LABEL=NEW /mnt/1; ls /mnt/1; umount /mnt/1
STICK
/dev/sda: LABEL_FATBOOT="NEW" LABEL="NEW" UUID="SERIAL" BLOCK_SIZE="512" TYPE="vfat"
Ein langer Name mit ümlaut.text  init.d
$ for b in 12 16; do mkfs.fat -F $b /dev/vdb >/dev/null 2>&1; mount /dev/vdb /mnt/1; seq 5000 >/mnt/1/numbers; rm -f /mnt/1/nothing; umount /mnt/1; fsck.fat -n /dev/vdb 2>/dev/null | grep -v '^fsck'; done
/dev/vdb: 1 files, 1/2043 clusters
/dev/vdb: 1 files, 12/32687 clusters
$ printf 'o\nn\np\n1\n\n+30M\nn\np\n2\n\n\nw\n' | fdisk /dev/vda >/dev/null 2>&1; mke2fs -q -F -t ext2 -L one /dev/vda1 >/dev/null; mount /dev/vda1 /mnt/1; lsblk -n -o NAME,MAJ:MIN,RM,SIZE,RO,TYPE,MOUNTPOINTS /dev/vda /dev/vdb /dev/sda
sda      8:0    0   96M  0 disk
vda    254:0    0  160M  0 disk
|-vda1 254:1    0   30M  0 part /mnt/1
`-vda2 254:2    0  130M  0 part
vdb    254:16   0   64M  0 disk
$ lsblk -b -n -r -o NAME,SIZE,LOG-SEC,PHY-SEC,RA,TYPE,PKNAME /dev/vda; lsblk -n -d -o NAME,MODEL /dev/sda; lsblk -n -D -o NAME,DISC-ZERO /dev/vdb
vda 167772160 512 512 128 disk
vda1 31457280 512 512 128 part vda
vda2 136282624 512 512 128 part vda
sda  QEMU HARDDISK
vdb          0
$ findmnt -n /mnt/1; findmnt -n -o TARGET /dev/vda1; findmnt -n -t proc,sysfs,devpts -o TARGET,FSTYPE; findmnt -n -D /mnt/1 | tr -s ' '
/mnt/1 /dev/vda1 ext2   rw,relatime
/mnt/1
/proc    proc
/dev/pts devpts
/sys     sysfs
/dev/vda1 ext2 27.8M 14K 26.2M 0% /mnt/1
$ mount -v -o remount,ro /mnt/1; findmnt -n -o OPTIONS /mnt/1; mount --bind /mnt/1 /mnt/2; mount --make-private /mnt/2; findmnt -n -o TARGET,SOURCE,PROPAGATION /mnt/2; umount /mnt/2; umount -v /mnt/1; mount -L one /mnt/1; mount -U none /mnt/2; umount /mnt/1
mount: /dev/vda1 mounted on /mnt/1.
ro,relatime
/mnt/2 /dev/vda1 private
umount: /mnt/1 unmounted
mount: /mnt/2: can't find UUID="none".
$ blkid -p /dev/vda1 /dev/vdb /dev/vda; blkid -L one; wipefs /dev/vda1; wipefs -a /dev/vda1; blkid -p /dev/vda1; echo $?
/dev/vda1: LABEL="one" UUID="UUID" VERSION="1.0" BLOCK_SIZE="1024" TYPE="ext2" USAGE="filesystem" PART_ENTRY_SCHEME="dos" PART_ENTRY_TYPE="0x83" PART_ENTRY_NUMBER="1" PART_ENTRY_OFFSET="63" PART_ENTRY_SIZE="61440" PART_ENTRY_DISK="254:0"
/dev/vdb: SEC_TYPE="msdos" UUID="SERIAL" VERSION="FAT16" BLOCK_SIZE="512" TYPE="vfat" USAGE="filesystem"
/dev/vda: UUID="UUID" VERSION="1.0" BLOCK_SIZE="1024" TYPE="ext2" USAGE="filesystem" PTTYPE="dos"
/dev/vda1
DEVICE OFFSET TYPE UUID                                 LABEL
vda1   0x438  ext2 UUID one
/dev/vda1: 2 bytes were erased at offset 0x00000438 (ext2): 53 ef
/dev/vda1: PART_ENTRY_SCHEME="dos" PART_ENTRY_TYPE="0x83" PART_ENTRY_NUMBER="1" PART_ENTRY_OFFSET="63" PART_ENTRY_SIZE="61440" PART_ENTRY_DISK="254:0"
0
$ blockdev --report /dev/vda /dev/vda2; blockdev --getiomin --getioopt --getpbsz --getmaxsect /dev/sda
RO    RA   SSZ   BSZ        StartSec            Size   Device
rw   256   512  4096               0       167772160   /dev/vda
rw   256   512   512           61503       136282624   /dev/vda2
512
0
512
2560
$ dd if=/dev/zero of=/tmp/image bs=1M count=20 2>/dev/null; losetup --show -f -P --sector-size 4096 /tmp/image; losetup -l -n -O NAME,SIZELIMIT,OFFSET,AUTOCLEAR,RO,BACK-FILE,DIO,LOG-SEC; losetup -c /dev/loop0; losetup -j /tmp/image | sed 's/\[.*(/(/'; losetup -D; losetup -l
/dev/loop0
/dev/loop0         0      0         0  0 /tmp/image   0    4096
/dev/loop0: (/tmp/image)
$ mount -o loop,offset=4096,sizelimit=1048576 /tmp/image /mnt/2; mke2fs -q -F -t ext2 /tmp/image >/dev/null; mount -o loop /tmp/image /mnt/2; mount -o loop /tmp/image /mnt/1; losetup -l -n -O NAME,AUTOCLEAR,BACK-FILE; umount /mnt/2 /mnt/1; losetup -a
mount: /mnt/2: wrong fs type, bad option, bad superblock on /dev/loop0, missing codepage or helper program, or other error.
       dmesg(1) may have more information after failed mount system call.
/dev/loop0         1 /tmp/image
$ mke2fs -q -F -t ext2 /dev/vda2 >/dev/null; mount /dev/vda2 /mnt/1; fstrim -v -m 1M /mnt/1; fstrim -v /mnt/1; fstrim -v /mnt/1; fstrim -n -v /mnt/1; fstrim -o 4G /mnt/1; fstrim -a -v; fstrim /proc; umount /mnt/1
/mnt/1: 120.3 MiB (126116864 bytes) trimmed
/mnt/1: 120.3 MiB (126116864 bytes) trimmed
/mnt/1: 0 B (0 bytes) trimmed
/mnt/1: 0 B (dry run) trimmed
fstrim: /mnt/1: FITRIM ioctl failed: Invalid argument
/mnt/1: 0 B (0 bytes) trimmed on /dev/vda2
fstrim: /proc: the discard operation is not supported
$ mount /dev/vda2 /mnt/1; cd /mnt/1; for f in sync dsync direct nonblock nocache append; do dd if=/dev/zero of=f bs=4k count=10 oflag=$f 2>&1 | head -n 1; done; dd if=/dev/zero of=f bs=4k count=10 conv=fdatasync,sparse 2>&1 | head -n 1; dd if=f of=g iflag=direct,fullblock bs=8k 2>&1 | head -n 1; cd
10+0 records in
10+0 records in
10+0 records in
10+0 records in
10+0 records in
dd: you probably want conv=notrunc with oflag=append
10+0 records in
5+0 records in
$ cd /mnt/1; dd if=/dev/urandom of=r bs=1k count=64 seek=300 2>/dev/null; cp --sparse=always r s; cp --sparse=never r t; cp --reflink=auto r u; cp --reflink=always r v; cp -a r w; cmp r s && cmp r t && cmp r u && cmp r w; stat -c '%s %b' r s t u w; cd
cp: failed to clone 'v' from 'r': Operation not supported
372736 132
372736 132
372736 734
372736 132
372736 132
$ cd /mnt/1; fallocate -l 1000000 p; fallocate -p -o 8192 -l 8192 r; fallocate -x -l 100k q && stat -c %s q; fallocate -c -o 0 -l 4096 r; shred -n 1 -z -u t; ls; flock f echo locked; flock -n -x f flock -n -x f true; echo $?; cd
fallocate: fallocate failed: Operation not supported
102400
fallocate: fallocate failed: Operation not supported
f           lost+found  q           s           v
g           p           r           u           w
locked
1
$ cd /mnt/1; umount /mnt/1; cd; umount /mnt/1; e2fsck -fn /dev/vda2 2>/dev/null | tail -n 1 | sed 's/ (.*)//'
umount: /mnt/1: target is busy.
/dev/vda2: 20/33320 files, 10333/133088 blocks
