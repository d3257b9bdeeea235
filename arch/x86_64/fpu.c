/* SPDX-License-Identifier: BSD-2-Clause */
/* See fpu.h. Intel SDM volume 1, chapter 13. */
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/cpufeature.h"
#include "arch/x86_64/regs.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

#define XF_X87		0x1
#define XF_SSE		0x2
#define XF_AVX		0x4
#define XF_AVX512	0xe0	/* opmask, upper halves, upper registers: all or none */

#define FCW_INIT	0x37f
#define MXCSR_INIT	0x1f80

u32 fpu_area_size = FPU_LEGACY_SIZE;
u64 fpu_features;
u32 fpu_mxcsr_mask = 0xffbf;
static struct kmem_cache *fpu_cache;	/* [I] after boot */
static struct fpu_area init_area;	/* [I] after boot: 576 bytes are enough to load the initial state from */

/* State components are enabled only as the sets software expects. PKRU, MPX and AMX stay off. */
static u64
usable_features(void)
{
	struct cpuid_regs r = cpuid(0xd, 0);
	u64 f = XF_X87 | XF_SSE;

	if (r.eax & XF_AVX) {
		f |= XF_AVX;
		if ((r.eax & XF_AVX512) == XF_AVX512)
			f |= XF_AVX512;
	}
	return f;
}

void
fpu_init_boot(void)
{
	if (cpu_has(CPUF_XSAVE))
		fpu_features = usable_features();
	fpu_area_init(&init_area);
}

void
fpu_init_cpu(void)
{
	static bool sized;

	if (cpu_has(CPUF_XSAVE))
		xsetbv(0, fpu_features);
	if (!sized) {		/* on the boot CPU, alone: the size of what is enabled now */
		static struct fpu_area probe;

		__asm__ volatile("fxsave64 %0" : "=m"(probe));
		if (probe.mxcsr_mask)
			fpu_mxcsr_mask = probe.mxcsr_mask;
		if (cpu_has(CPUF_XSAVE))
			fpu_area_size = cpuid(0xd, 0).ebx;
		sized = true;
	}
	fpu_load_init();
}

void
fpu_area_init(void *area)
{
	struct fpu_area *a = area;

	memset(a, 0, area == &init_area ? sizeof(*a) : fpu_area_size);
	a->fcw = FCW_INIT;
	a->mxcsr = MXCSR_INIT;
}

/* SDM volume 1, 13.6: the state of a component whose bit in XSTATE_BV is clear is its initial one; its bytes are stale. */
void
fpu_area_complete(void *area)
{
	struct fpu_area *a = area;
	u64 absent = fpu_features & ~a->xstate_bv;

	if (absent == 0)
		return;
	if ((absent & XF_X87) != 0) {
		a->fcw = FCW_INIT;
		a->fsw = a->fop = 0;
		a->ftw = 0;
		a->fip = a->fdp = 0;
		memset(a->st, 0, sizeof(a->st));
	}
	if ((absent & XF_SSE) != 0)
		memset(a->xmm, 0, sizeof(a->xmm));
	for (u32 i = 2; i < 63; i++)
		if ((absent & BIT(i)) != 0) {
			struct cpuid_regs r = cpuid(0xd, i);

			memset((u8 *)area + r.ebx, 0, r.eax);
		}
}

void
fpu_init_late(void)
{
	fpu_cache = kmem_cache_create("fpu", fpu_area_size, 64, 0, NULL);
	if (!fpu_cache)
		panic("no memory for the cache of FPU areas");
}

void *
fpu_alloc(void)
{
	void *area = kmem_cache_alloc(fpu_cache, KM_NORMAL);

	if (area)
		fpu_area_init(area);
	return area;
}

void
fpu_free(void *area)
{
	if (area)
		kmem_cache_free(fpu_cache, area);
}

void
fpu_save(void *area)
{
	struct fpu_area *a = area;

	if (cpu_has(CPUF_XSAVEOPT))
		__asm__ volatile("xsaveopt64 %0" : "+m"(*a) : "a"((u32)fpu_features), "d"(0) : "memory");
	else
		fpu_save_copy(area);
}

void
fpu_save_copy(void *area)
{
	struct fpu_area *a = area;

	if (cpu_has(CPUF_XSAVE))
		__asm__ volatile("xsave64 %0" : "+m"(*a) : "a"((u32)fpu_features), "d"(0) : "memory");
	else
		__asm__ volatile("fxsave64 %0" : "+m"(*a) :: "memory");
}

void
fpu_load(const void *area)
{
	const struct fpu_area *a = area;

	if (cpu_has(CPUF_XSAVE))
		__asm__ volatile("xrstor64 %0" :: "m"(*a), "a"((u32)fpu_features), "d"(0) : "memory");
	else
		__asm__ volatile("fxrstor64 %0" :: "m"(*a) : "memory");
}

/* With no bit in XSTATE_BV each component is initialised; only MXCSR is read from the area. */
void
fpu_load_init(void)
{
	fpu_load(&init_area);
}

u32
fpu_x87_errors(void)
{
	u16 fsw, fcw;

	__asm__ volatile("fnstsw %0\n\tfnstcw %1" : "=m"(fsw), "=m"(fcw));
	return fsw & ~(u32)fcw & 0x3f;
}

u32
fpu_simd_errors(void)
{
	u32 mxcsr;

	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	return mxcsr & ~(mxcsr >> 7) & 0x3f;
}
