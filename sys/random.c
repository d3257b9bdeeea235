/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random numbers. A SHA-256 pool takes in what is hard to know; its digest keys a ChaCha20 generator that erases as it goes: each
 * step first replaces the key by the generator's own output, so that a later look at memory tells nothing about numbers
 * given out (Bernstein's fast key erasure). The primitives are BearSSL's.
 *
 * The base generator only makes keys, under the lock. Each CPU has a generator of its own, keyed anew from the base after every
 * reseed, and a stock of its output, from which requests are served without a lock; what was given out is wiped at once.
 *
 * Entropy is credited carefully: hardware random numbers in full, interrupt times one bit per INTERRUPTS_PER_BIT, and, on
 * machines without a hardware generator, the jitter of the processor's own timing one bit per JITTER_PER_BIT samples.
 */
#include <bearssl_block.h>
#include <bearssl_hash.h>

#include "arch/boot.h"
#include "arch/cpu.h"
#include "arch/smp.h"
#include "sys/clock.h"
#include "sys/lib/hash.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/percpu.h"
#include "sys/random.h"
#include "sys/spinlock.h"
#include "sys/wait.h"
#include "sys/work.h"

#define KEY_SIZE		32
#define READY_BITS		256
#define JITTER_PER_BIT		8
#define INTERRUPTS_PER_BIT	64
#define MIX_WORDS		4
#define RESEED_INTERVAL		(60 * NSEC_PER_SEC)

static struct spinlock lock = SPINLOCK_INIT(LOCK_RANDOM);
static u8 key[KEY_SIZE];		/* [lock] */
static u64 nonce;			/* [lock] requests under this key */
static br_sha256_context pool;		/* [lock] */
static u32 pool_bits;			/* [lock] credited since the last reseed */
static u32 seeded_bits;			/* [lock] in the key, at most READY_BITS */
static bool ready;			/* [a] */
static nsec_t next_reseed;		/* [lock] */
static u32 generation = 1;		/* [a] counts reseeds */

#define STOCK	224			/* with the next key, four blocks of the cipher */

struct cpu_generator {			/* its CPU only, interrupts off */
	u8 key[KEY_SIZE];
	u8 stock[STOCK];		/* the last `left` bytes are unused */
	u32 left;
	u32 generation;			/* the base's, when the key was taken; 0: never */
};
static PERCPU_DEFINE(struct cpu_generator, cpu_generator);
static struct waitq ready_wq = WAITQ_INIT(ready_wq);

/* What interrupts of a CPU have mixed; the worker carries it into the pool. */
struct fast_mix { u64 word[MIX_WORDS]; u32 count; };
static PERCPU_DEFINE(struct fast_mix, fast_mix);
static struct work mix_work;

static void
wipe(void *p, size_t n)
{
	memset(p, 0, n);
	__asm__ volatile("" :: "r"(p) : "memory");
}

/* A block of generator output: a new key for the state, and one for the caller. lock held. */
static void
split_key(u8 out[KEY_SIZE])
{
	u8 iv[12] = { 0 }, block[2 * KEY_SIZE] = { 0 };

	nonce++;
	memcpy(iv, &nonce, sizeof(nonce));
	br_chacha20_ct_run(key, iv, 0, block, sizeof(block));
	memcpy(key, block, KEY_SIZE);
	memcpy(out, block + KEY_SIZE, KEY_SIZE);
	wipe(block, sizeof(block));
}

/* Take the pool into the key. lock held. */
static void
reseed_locked(void)
{
	u8 digest[br_sha256_SIZE];

	br_sha256_update(&pool, key, sizeof(key));
	br_sha256_out(&pool, digest);
	memcpy(key, digest, KEY_SIZE);
	br_sha256_init(&pool);
	br_sha256_update(&pool, digest, sizeof(digest));
	wipe(digest, sizeof(digest));
	seeded_bits = MIN(seeded_bits + pool_bits, (u32)READY_BITS);
	pool_bits = 0;
	next_reseed = clock_now() + RESEED_INTERVAL;
	atomic_add(&generation, 1u);
}

/* A key of the base generator. */
static void
base_key(u8 out[KEY_SIZE])
{
	u64 flags = spin_lock_irqsave(&lock);

	split_key(out);
	spin_unlock_irqrestore(&lock, flags);
}

/* New stock and next key from one run of the cipher. Interrupts off. */
static void
restock(struct cpu_generator *g)
{
	static const u8 iv[12];
	u32 now = atomic_load(&generation);
	u8 out[KEY_SIZE + STOCK] = { 0 };

	if (g->generation != now) {
		base_key(g->key);
		g->generation = now;
	}
	br_chacha20_ct_run(g->key, iv, 0, out, sizeof(out));
	memcpy(g->key, out, KEY_SIZE);
	memcpy(g->stock, out + KEY_SIZE, STOCK);
	wipe(out, sizeof(out));
	g->left = STOCK;
}

/* n <= KEY_SIZE bytes of this CPU's stock. */
static void
take(void *buf, size_t n)
{
	u64 flags = arch_irq_save();
	struct cpu_generator *g = this_cpu_ptr(cpu_generator);
	u8 *from;

	if (g->left < n || g->generation != atomic_load_relaxed(&generation))
		restock(g);
	from = g->stock + STOCK - g->left;
	memcpy(buf, from, n);
	wipe(from, n);
	g->left -= (u32)n;
	arch_irq_restore(flags);
}

void
random_bytes(void *buf, size_t n)
{
	static const u8 iv[12];
	u8 once[KEY_SIZE];

	if (n <= KEY_SIZE) {
		take(buf, n);
		return;
	}
	take(once, sizeof(once));
	memset(buf, 0, n);
	br_chacha20_ct_run(once, iv, 0, buf, n);
	wipe(once, sizeof(once));
}

u64
random_u64(void)
{
	u64 v;

	random_bytes(&v, sizeof(v));
	return v;
}

bool
random_ready(void)
{
	return atomic_load_acquire(&ready);
}

struct waitq *
random_waitq(void)
{
	return &ready_wq;
}

u32
random_entropy_bits(void)
{
	return READ_ONCE(seeded_bits);
}

void
random_mix(const void *data, size_t n, u32 entropy_bits)
{
	u64 cycles = arch_cycles();
	u64 flags = spin_lock_irqsave(&lock);
	bool now_ready;

	br_sha256_update(&pool, data, n);
	br_sha256_update(&pool, &cycles, sizeof(cycles));
	pool_bits += MIN(entropy_bits, (u32)READY_BITS);
	if (pool_bits >= READY_BITS - seeded_bits || clock_now() >= next_reseed)
		reseed_locked();
	now_ready = seeded_bits >= READY_BITS && !ready;
	spin_unlock_irqrestore(&lock, flags);
	if (now_ready) {
		atomic_store_release(&ready, true);
		waitq_wake_all(&ready_wq);
	}
}

static void
carry_over(struct work *w)
{
	struct fast_mix copy;

	for_each_cpu(cpu) {
		struct fast_mix *fm = per_cpu_ptr(fast_mix, cpu);

		copy = *fm;		/* may be torn by that CPU: it is noise */
		atomic_store_relaxed(&fm->count, 0u);
		random_mix(&copy, sizeof(copy), MIN(copy.count, (u32)INTERRUPTS_PER_BIT) / INTERRUPTS_PER_BIT);
	}
}

void
random_mix_interrupt(u64 cycles)
{
	struct fast_mix *fm = this_cpu_ptr(fast_mix);
	u64 *w = &fm->word[fm->count % MIX_WORDS];

	*w = (*w << 7 | *w >> 57) ^ cycles;
	if (++fm->count == INTERRUPTS_PER_BIT && mix_work.func != NULL)
		work_queue(&mix_work);
}

static u32
mix_hardware(void)
{
	u64 v[8];
	u32 got = 0;

	for (u32 i = 0; i < ARRAY_SIZE(v); i++)
		got += arch_random_u64(&v[i]);
	if (got == ARRAY_SIZE(v))
		random_mix(v, sizeof(v), READY_BITS);
	return got;
}

/* Times of memory accesses that depend on each other, by the cycle counter. */
static void
mix_jitter(void)
{
	static u8 arena[8192];
	u64 last = arch_cycles(), now, walk = 0, fold[8] = { 0 };

	for (u32 i = 0; i < READY_BITS * JITTER_PER_BIT; i++) {
		for (u32 j = 0; j < 16; j++) {
			walk = walk * 6364136223846793005UL + 1442695040888963407UL + arena[walk >> 51];
			arena[(walk >> 40) % sizeof(arena)] += (u8)walk;
		}
		now = arch_cycles();
		fold[i % 8] = (fold[i % 8] << 5 | fold[i % 8] >> 59) ^ (now - last) ^ walk;
		last = now;
		if (i % 64 == 63)
			random_mix(fold, sizeof(fold), 64 / JITTER_PER_BIT);
	}
}

void
random_init(void)
{
	nsec_t now = clock_realtime();

	br_sha256_init(&pool);
	random_mix(&boot_info, sizeof(boot_info), 0);
	random_mix(&now, sizeof(now), 0);
	if (mix_hardware() == 0)
		mix_jitter();
	work_init(&mix_work, carry_over);
	hash_set_key(random_u64(), random_u64());
	log_info("random: %s", random_ready() ? "seeded" : "not seeded yet");
}
