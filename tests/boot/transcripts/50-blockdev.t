# Questions to block devices, and dd's ways of writing.
$ for q in getro getss getbsz getsize64 getsz getra; do echo $q $(blockdev --$q /dev/vda) $(blockdev --$q /dev/vda1) $(blockdev --$q /dev/sda); done
getro 0 0 0
getss 512 512 512
getbsz 4096 4096 4096
getsize64 167772160 67108864 100663296
getsz 327680 131072 196608
getra 256 256 256
$ blockdev --setbsz 1024 /dev/vdb && blockdev --getbsz /dev/vdb; blockdev --flushbufs /dev/vdb; echo $?; blockdev --setra 64 /dev/vdb; blockdev --getra /dev/vdb; cat /sys/block/vdb/queue/read_ahead_kb; blockdev --setra 256 /dev/vdb
4096
0
64
32
$ hdparm -t /dev/vda /dev/sda | sed 's/[0-9][0-9.]*/N/g; s/  */ /g'

hdparm: HDIO_DRIVE_CMD: Not a tty
/dev/vda:
Timing buffered disk reads: N MB in N seconds = N kB/s

/dev/sda:
Timing buffered disk reads: N MB in N seconds = N kB/s
$ hdparm -T /dev/sda | sed 's/[0-9][0-9.]*/N/g; s/  */ /g'

/dev/sda:
Timing buffer-cache reads: N MB in N seconds = N kB/s
$ hdparm -g /dev/sda; hdparm -r /dev/sda; hdparm -a /dev/sda

/dev/sda:
 geometry	= 12/255/63, sectors = 196608, start = 0

/dev/sda:
 readonly	=  0 (off)
hdparm: HDIO_DRIVE_RESET: Not a tty

/dev/sda:
 readahead	= 256 (on)
$ hdparm -i /dev/sda | grep -v '^$' | sed 's/FwRev=[^,]*/FwRev=X/; s/\*//'
hdparm: ioctl 0x304 failed: Not a tty
/dev/sda:
 Model=QEMU HARDDISK                           , FwRev=X, SerialNo=QM00001
 Config={ Fixed }
 RawCHS=195/16/63, TrkSize=32256, SectSize=512, ECCbytes=4
 BuffType=(3) DualPortCache, BuffSize=256kB, MaxMultSect=16, MultSect=?16?
 CurCHS=195/16/63, CurSects=196560, LBA=yes, LBAsects=196608
 IORDY=yes, tPIO={min:120,w/IORDY:120}, tDMA={min:120,rec:120}
 PIO modes:  pio0 pio1 pio2 pio3 pio4
 DMA modes:  sdma0 sdma1 sdma2 mdma0 mdma1 mdma2
 UDMA modes: udma0 udma1 udma2 udma3 udma4 udma5
 AdvancedPM=no WriteCache=enabled
 Drive conforms to: ATA/ATAPI-5 published, ANSI INCITS 340-2000:  ATA/ATAPI-4 ATA/ATAPI-5 ATA/ATAPI-6 ATA/ATAPI-7
  current active mode
$ hdparm -I /dev/sda | grep -E 'Model|Serial|LBA|size|DMA:|PIO:|[Ww]rite cache|LBA48' | sed 's/\*//'
	Model Number:        HARDDISK
	Serial Number:
	LBA    user addressable sectors:     196608
	LBA48  user addressable sectors:     196608
	device size with M = 10241024:          96 MBytes
	device size with M = 10001000:         100 MBytes
	LBA, IORDY(cannot be disabled)
	DMA: sdma0 sdma1 sdma2 mdma0 mdma1 mdma2 udma0 udma1 udma2 udma3 udma4 udma5
	PIO: pio0 pio1 pio2 pio3 pio4
$ hdparm -i /dev/vda

/dev/vda:
hdparm: ioctl 0x304 failed: Not a tty
hdparm: HDIO_GET_IDENTITY: Not a tty
$ hdparm -C /dev/sda

/dev/sda:
 drive state is:  active/idle
$ hdparm -d /dev/sda; hdparm -u /dev/sda; hdparm -m /dev/sda

/dev/sda:
hdparm: HDIO_GET_DMA: Not a tty

/dev/sda:
hdparm: HDIO_GET_UNMASKINTR: Not a tty

/dev/sda:
hdparm: HDIO_GET_MULTCOUNT: Not a tty
$ hdparm -W0 /dev/sda; hdparm -W1 /dev/sda; hdparm -f /dev/sda; hdparm -y /dev/sda; hdparm -z /dev/sda

/dev/sda:
 setting drive write-caching to 0 (off)

/dev/sda:
 setting drive write-caching to 1 (on)

/dev/sda:

/dev/sda:
 issuing standby command

/dev/sda:
$ dd if=/dev/urandom of=/tmp/r bs=64k count=64 2>/dev/null; dd if=/tmp/r of=/dev/vdb bs=64k conv=fsync 2>&1 | head -n 2; cmp -n 4194304 /tmp/r /dev/vdb && echo same
64+0 records in
64+0 records out
same
$ dd if=/tmp/r of=/dev/vdb bs=64k oflag=direct seek=64 2>&1 | head -n 2; dd if=/dev/vdb bs=64k skip=64 count=64 iflag=direct 2>/dev/null | cmp - /tmp/r && echo same
64+0 records in
64+0 records out
same
$ dd if=/tmp/r of=/dev/vdb bs=100 count=1 oflag=direct 2>&1 | head -n 1; dd if=/dev/vdb of=/dev/null bs=1000 count=1 iflag=direct 2>&1 | head -n 1
1+0 records in
1+0 records in
$ dd if=/tmp/r of=/dev/sda bs=1M conv=fsync,notrunc 2>&1 | head -n 2; dd if=/tmp/r of=/dev/sda bs=300 count=7 seek=11 2>&1 | head -n 2; dd if=/dev/sda bs=300 skip=11 count=7 2>/dev/null | cmp -n 2100 - /tmp/r && echo same
4+0 records in
4+0 records out
7+0 records in
7+0 records out
same
$ dd if=/tmp/r of=/dev/vdb bs=1M seek=62 2>&1 | head -n 3
dd: error writing '/dev/vdb': No space left on device
3+0 records in
2+0 records out
$ blkdiscard /dev/vdb; echo $?; dd if=/dev/vdb bs=1M count=8 2>/dev/null | md5sum; dd if=/dev/zero bs=1M count=8 2>/dev/null | md5sum
0
96995b58d4cbf6aaa9041b4f00c7f6ae  -
96995b58d4cbf6aaa9041b4f00c7f6ae  -
$ blkdiscard -o 4096 -l 8192 /dev/vdb; echo $?; blkdiscard -o 1 /dev/vdb; blkdiscard -l 8192 /dev/sda
0
blkdiscard: /dev/vdb: BLKDISCARD failed: Invalid argument
$ readahead /etc/passwd; echo $?
0
$ cd /sys/block; for b in vda vdb sda; do echo $b $(cat $b/size $b/removable $b/ro $b/range $b/ext_range $b/queue/logical_block_size $b/queue/physical_block_size $b/queue/write_cache); done; cd
vda 327680 0 0 16 256 512 512 write back
vdb 131072 0 0 16 256 512 512 write back
sda 196608 0 0 16 256 512 512 write back
$ cat /sys/block/vda/serial; cat /sys/block/sda/device/vendor /sys/block/sda/device/model /sys/block/sda/device/type
first-diskATA
QEMU HARDDISK
0
$ for b in vda vda1 sda; do wc -w <$(echo /sys/class/block/$b/stat); done; awk '$3 ~ /^([vs]d[a-z]|sr0)/ { print $1, $2, $3, NF }' /proc/diskstats
17
17
17
254 0 vda 20
254 1 vda1 20
254 2 vda2 20
254 16 vdb 20
8 0 sda 20
11 0 sr0 20
$ eject /dev/vda 2>&1; eject /dev/sr0; echo $?; eject -t /dev/sr0; echo $?
eject: /dev/vda: Not a tty
0
0
