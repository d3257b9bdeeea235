/* SPDX-License-Identifier: BSD-2-Clause */
/* What the boot test `tracing` puts under gdb: functions to step through, a variable to watch, two threads, and a crash. Built against glibc. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile int counter;

static __attribute__((noinline)) int
twice(int n)
{
	int result = n * 2;

	counter = result;
	return result;
}

static __attribute__((noinline)) int
outer(int n)
{
	return twice(n) + 1;
}

static void *
worker(void *arg)
{
	pthread_barrier_wait(arg);
	pthread_barrier_wait(arg);
	return NULL;
}

static __attribute__((noinline)) void
together(void)
{
	counter = 100;
}

int
main(int argc, char **argv)
{
	pthread_barrier_t barrier;
	pthread_t t;

	printf("result %d\n", outer(20));
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&t, NULL, worker, &barrier);
	pthread_barrier_wait(&barrier);
	together();
	if (argc > 1 && strcmp(argv[1], "crash") == 0)
		*(volatile int *)0x10 = counter;
	pthread_barrier_wait(&barrier);
	pthread_join(t, NULL);
	return 0;
}
