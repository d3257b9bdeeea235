# SPDX-License-Identifier: BSD-2-Clause
#
# The kernel between its system calls and its disks, for the tests in this folder and the fuzzers: one archive, of which the linker
# takes what is wanted. What is left out needs address spaces, processes or hardware.

DISK_KERNEL := $(filter-out fs/epoll.c fs/initramfs.c fs/pipe.c fs/pipe_size.c fs/root.c fs/splice.c fs/sys_aio.c fs/sys_epoll.c fs/sys_eventfd.c fs/sys_inotify.c \
		fs/sys_memfd.c fs/sys_pipe.c fs/sys_poll.c fs/sys_sendfile.c fs/sys_splice.c fs/sys_timerfd.c, $(wildcard fs/*.c)) \
	$(wildcard fs/ext2/*.c fs/jbd2/*.c fs/fat/*.c fs/iso9660/*.c fs/tmpfs/*.c dev/block/*.c) dev/device.c \
	$(addprefix mm/,pagecache.c pagecache_io.c readahead.c writeback.c flusher.c truncate.c lru.c reclaim.c iobuf.c usercopy.c \
		counters.c overcommit.c buddy.c page.c page_init.c)
DISK_HARNESS := $(filter-out %_test.c,$(wildcard tests/unit/disk/*.[cS]))
# They format names that are known to fit.
$(UNIT)/obj/tests/unit/disk/%.o: UNIT_CFLAGS += -Wno-format-truncation
