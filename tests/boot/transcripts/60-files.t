# Attributes, freeze, trim, and who uses a file system.
$ mkfs.ext2 -L first /dev/vda1 >/dev/null; mkfs.vfat -n SECOND /dev/vda2; mount /dev/vda1 /mnt/1; mount /dev/vda2 /mnt/2
$ cd /mnt/1; echo x >a; lsattr a; chattr +i a; lsattr a; echo y >a; rm -f a; mv -f a b; chattr -i a; chattr +a a; echo y >a; echo y >>a; cat a; chattr -a a; rm -f a; cd
-------------------- a
----i--------------- a
-sh: can't create a: Operation not permitted
rm: can't remove 'a': Operation not permitted
mv: can't rename 'a': Operation not permitted
-sh: can't create a: Operation not permitted
x
y
$ mkdir /mnt/1/d; chattr +S +d +A /mnt/1/d; lsattr -d /mnt/1/d; lsattr -v -d /mnt/1/d | wc -w; chattr =d /mnt/1/d; lsattr -d /mnt/1/d; chattr +c /mnt/1/d; lsattr -d /mnt/1/d
--S---dA------------ /mnt/1/d
3
------d------------- /mnt/1/d
------d-c----------- /mnt/1/d
$ lsattr -d /mnt/2; lsattr -d /proc /tmp; chattr +i /mnt/2/x
lsattr: reading /mnt/2: Not a tty
lsattr: reading /proc: Not a tty
-------------------- /tmp
chattr: can't stat '/mnt/2/x': No such file or directory
$ fsfreeze --unfreeze /mnt/1; fsfreeze --freeze /mnt/2; echo $?; fsfreeze --unfreeze /mnt/2; fsfreeze --freeze /tmp; fsfreeze --freeze /proc
fsfreeze: (opts & 1) ? FIFREEZE : FITHAW: Invalid argument
fsfreeze: (opts & 1) ? FIFREEZE : FITHAW: Not supported
1
fsfreeze: (opts & 1) ? FIFREEZE : FITHAW: Invalid argument
fsfreeze: (opts & 1) ? FIFREEZE : FITHAW: Not supported
fsfreeze: (opts & 1) ? FIFREEZE : FITHAW: Not supported
[1]
$ sync; umount /mnt/1; mount /dev/vda1 /mnt/1; fstrim -v /mnt/1; fstrim -v /mnt/1; fstrim -v /mnt/2; fstrim -o 8k -l 20M -m 1M -v /mnt/2; fstrim -o 900M /mnt/1; fstrim /tmp; fstrim /proc
/mnt/1: 64969728 bytes trimmed
/mnt/1: 0 bytes trimmed
/mnt/2: 49552896 bytes trimmed
/mnt/2: 20971520 bytes trimmed
fstrim: FITRIM: Invalid argument
fstrim: FITRIM: Not a tty
fstrim: FITRIM: Not a tty
[1]
$ dd if=/dev/zero of=/mnt/1/f bs=1M count=4 conv=fsync 2>&1 | head -n 2; dd if=/dev/zero of=/mnt/1/f bs=4k count=4 oflag=direct,append conv=notrunc 2>&1 | head -n 2; stat -c '%s %b %B %o' /mnt/1/f
4+0 records in
4+0 records out
4+0 records in
4+0 records out
4210688 8260 512 1024
$ dd if=/dev/zero of=/mnt/2/f bs=1M count=2 conv=fsync 2>&1 | head -n 2; dd if=/mnt/2/f of=/dev/null bs=4k iflag=direct 2>&1 | head -n 2; stat -c '%s %b %B %o' /mnt/2/f
2+0 records in
2+0 records out
512+0 records in
512+0 records out
2097152 4096 512 512
$ truncate -s 100M /mnt/1/sparse && stat -c '%s %b' /mnt/1/sparse && du /mnt/1/sparse; truncate -s 0 /mnt/1/sparse; fallocate -l 1M /mnt/1/fall; fallocate -l 1M /mnt/2/fall; ls -l /mnt/2/fall | awk '{ print $5 }'
104857600 0
0	/mnt/1/sparse
fallocate: fallocate '/mnt/1/fall': Not supported
1048576
$ sync /mnt/1/f; sync -f /mnt/1/f; sync -d /mnt/1/f; echo $?
0
$ (cd /mnt/1; exec sleep 100 >out) & sleep 0.5; fuser -m /mnt/1 | grep -cw $!; fuser /mnt/1/out | grep -cw $!; lsof | grep /mnt/1 | grep -c "^$!"; umount /mnt/1; fuser -k -m /mnt/1 >/dev/null; wait; umount /mnt/1; umount /mnt/2; echo $?
1
1
1
umount: can't unmount /mnt/1: Resource busy
0
$ mount -t vfat -o umask=027,uid=1000,gid=100,shortname=mixed /dev/vda2 /mnt/2 && stat -c '%a %u %g %n' /mnt/2/f /mnt/2; echo long >'/mnt/2/A long Name.text'; ls /mnt/2; chmod 400 /mnt/2/f; stat -c %a /mnt/2/f; chown 5 /mnt/2/f; ln -s a /mnt/2/l; umount /mnt/2
750 1000 100 /mnt/2/f
750 1000 100 /mnt/2
A long Name.text  f                 fall
750
chown: /mnt/2/f: Operation not permitted
ln: /mnt/2/l: Operation not permitted
