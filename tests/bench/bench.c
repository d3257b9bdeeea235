/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Microbenchmarks: one static program that is /init, on Lintel and on Linux alike. Prints "bench NAME NANOSECONDS" for
 * one operation each, the median of several rounds. Under QEMU's -icount shift=0 a nanosecond is an instruction.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS	7
#define PAGE	4096

struct bench {
	const char *name;
	void (*run)(int count);
	int count;	/* operations in a round */
};

static long
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void
die(const char *what)
{
	perror(what);
	reboot(RB_POWER_OFF);
	_exit(1);
}

static void
null_call(int count)
{
	for (int i = 0; i < count; i++)
		syscall(SYS_getppid);
}

static void
open_close(int count)
{
	for (int i = 0; i < count; i++) {
		int fd = open("/tmp/bench", O_RDONLY);

		if (fd < 0)
			die("open");
		close(fd);
	}
}

static void
anonymous_page(int count)
{
	char *p = mmap(NULL, (size_t)count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	madvise(p, (size_t)count * PAGE, MADV_NOHUGEPAGE);
	for (int i = 0; i < count; i++)
		p[(size_t)i * PAGE] = 1;
	munmap(p, (size_t)count * PAGE);
}

static void
wait_for(pid_t pid)
{
	int status;

	if (pid < 0)
		die("fork");
	if (waitpid(pid, &status, 0) != pid || status)
		die("wait");
}

static void
fork_exit(int count)
{
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		wait_for(pid);
	}
}

static void
pipe_ping_pong(int count)
{
	int there[2], back[2];
	pid_t pid;
	char c = 0;

	if (pipe(there) || pipe(back))
		die("pipe");
	pid = fork();
	if (pid == 0) {
		close(there[1]);
		while (read(there[0], &c, 1) == 1)
			if (write(back[1], &c, 1) != 1)
				_exit(1);
		_exit(0);
	}
	for (int i = 0; i < count; i++)
		if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1)
			die("ping-pong");
	close(there[0]);
	close(there[1]);
	wait_for(pid);
	close(back[0]);
	close(back[1]);
}

static void
fork_exec(int count)
{
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			execl("/init", "init", "exit", (char *)NULL);
			_exit(1);
		}
		wait_for(pid);
	}
}

static const struct bench benches[] = {
	{ "null-call", null_call, 20000 },
	{ "open-close", open_close, 2000 },
	{ "anonymous-page", anonymous_page, 2000 },
	{ "fork-exit", fork_exit, 50 },
	{ "pipe-ping-pong", pipe_ping_pong, 1000 },
	{ "fork-exec", fork_exec, 30 },
};

static int
by_value(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
	unsigned int low, high;
	int fd;

	if (argc == 2 && strcmp(argv[1], "exit") == 0)
		return 0;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	printf("start %lu\n", (unsigned long)high << 32 | low);
	mkdir("/tmp", 0777);
	if (mount("tmpfs", "/tmp", "tmpfs", 0, NULL))
		die("mount");
	fd = open("/tmp/bench", O_CREAT | O_WRONLY, 0644);
	if (fd < 0)
		die("/tmp/bench");
	close(fd);
	for (size_t i = 0; i < sizeof(benches) / sizeof(benches[0]); i++) {
		const struct bench *b = &benches[i];
		long times[ROUNDS];

		b->run(b->count / 10 + 1);
		for (int round = 0; round < ROUNDS; round++) {
			long start = now();

			b->run(b->count);
			times[round] = now() - start;
		}
		qsort(times, ROUNDS, sizeof(times[0]), by_value);
		printf("bench %s %ld\n", b->name, times[ROUNDS / 2] / b->count);
		fflush(stdout);
	}
	printf("bench-end\n");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}
