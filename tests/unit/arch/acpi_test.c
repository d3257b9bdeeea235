/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACPI table parser, on tables made here: good ones, and every kind of bad one. Memory is a 64 KiB array at physical
 * address BASE; a map beyond it fails, and each mapping is a copy of its exact size, so that ASan sees a read past it.
 * sources: arch/x86_64/acpi_parse.c
 */
#include "tests/unit/test.h"
#include "arch/x86_64/acpi.h"
#include "sys/abi/errno.h"

#define BASE	0x10000UL
#define SIZE	0x10000UL

static u8 memory[SIZE];
static u32 mapped, reports;
static struct acpi_info info;

static const void *
test_map(paddr_t pa, size_t size)
{
	u8 *copy;

	if (pa < BASE || pa - BASE > SIZE || size > SIZE - (pa - BASE))
		return NULL;
	copy = malloc(size);
	memcpy(copy, memory + (pa - BASE), size);
	mapped++;
	return copy;
}

static void
test_unmap(const void *p, size_t size)
{
	mapped--;
	free((void *)(uintptr_t)p);
}

static void
test_report(const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	reports++;
}

static const struct acpi_memory ops = { test_map, test_unmap, test_report };

static void put16(u8 *p, u16 v) { memcpy(p, &v, 2); }
static void put32(u8 *p, u32 v) { memcpy(p, &v, 4); }
static void put64(u8 *p, u64 v) { memcpy(p, &v, 8); }
static u8 *at(paddr_t pa) { return memory + (pa - BASE); }

static void
fix_sum(u8 *p, size_t len, size_t sum_at)
{
	u8 sum = 0;

	p[sum_at] = 0;
	for (size_t i = 0; i < len; i++)
		sum += p[i];
	p[sum_at] = (u8)-sum;
}

static u8 *
table(paddr_t pa, const char *sig, u32 len)
{
	u8 *p = at(pa);

	memcpy(p, sig, 4);
	put32(p + 4, len);
	p[8] = 3;
	return p;
}

static void
seal(paddr_t pa)
{
	u32 len;

	memcpy(&len, at(pa) + 4, 4);
	fix_sum(at(pa), len, 9);
}

/* RSDP at BASE, XSDT at +0x100 with the tables given. */
static void
roots(const paddr_t *tables, u32 n)
{
	u8 *r = at(BASE), *x;

	memcpy(r, "RSD PTR ", 8);
	r[15] = 2;
	put32(r + 20, 36);
	put64(r + 24, BASE + 0x100);
	fix_sum(r, 20, 8);
	fix_sum(r, 36, 32);
	x = table(BASE + 0x100, "XSDT", 36 + 8 * n);
	for (u32 i = 0; i < n; i++)
		put64(x + 36 + 8 * i, tables[i]);
	seal(BASE + 0x100);
}

void
unit_setup(void)
{
	memset(memory, 0, sizeof(memory));
	mapped = reports = 0;
}

void
unit_teardown(void)
{
	ck_assert_uint_eq(mapped, 0);
}

#define MADT	(BASE + 0x1000)
#define FADT	(BASE + 0x2000)
#define DSDT	(BASE + 0x3000)
#define HPET	(BASE + 0x4000)
#define MCFG	(BASE + 0x5000)

static u32
add_entry(u8 *t, u32 off, const u8 *entry, u8 len)
{
	memcpy(t + off, entry, len);
	t[off + 1] = len;
	return off + len;
}

static void
make_madt(void)
{
	u8 *t = table(MADT, "APIC", 0);
	u32 off = 44;

	put32(t + 36, 0xfee00000);
	put32(t + 40, 1);
	off = add_entry(t, off, (u8[8]){ 0, 0, 0, 0, 1 }, 8);			/* CPU 0 */
	off = add_entry(t, off, (u8[8]){ 0, 0, 1, 1, 1 }, 8);			/* CPU 1 */
	off = add_entry(t, off, (u8[8]){ 0, 0, 2, 2, 0 }, 8);			/* disabled */
	off = add_entry(t, off, (u8[12]){ 1, 0, 7, 0, 0, 0, 0xc0, 0xfe }, 12);	/* I/O APIC 7 */
	off = add_entry(t, off, (u8[10]){ 2, 0, 0, 0, 2 }, 10);			/* ISA 0 -> GSI 2 */
	off = add_entry(t, off, (u8[10]){ 2, 0, 0, 9, 9, 0, 0, 0, 0xf }, 10);	/* ISA 9: low, level */
	off = add_entry(t, off, (u8[6]){ 4, 0, 0xff, 0, 0, 1 }, 6);		/* NMI on LINT1 of all */
	off = add_entry(t, off, (u8[16]){ 9, 0, 0, 0, 0x2c, 1, 0, 0, 1, 0, 0, 0, 3 }, 16);	/* x2APIC 0x12c */
	off = add_entry(t, off, (u8[16]){ 9, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1 }, 16);	/* CPU 1 again */
	put32(t + 4, off);
	seal(MADT);
}

static void
make_fadt(u32 len)
{
	u8 *t = table(FADT, "FACP", len);

	put32(t + 40, (u32)DSDT);
	put16(t + 46, 9);
	put32(t + 48, 0xb2);
	t[52] = 2;
	put32(t + 56, 0x600);
	put32(t + 64, 0x604);
	put32(t + 76, 0x608);
	t[88] = 4;
	t[89] = 2;
	t[91] = 4;
	t[108] = 0x32;
	put16(t + 109, 2);
	put32(t + 112, BIT(8) | BIT(10));
	t[116] = 1;
	t[117] = 8;
	put64(t + 120, 0xcf9);
	t[128] = 0xf;
	seal(FADT);
}

static void
make_dsdt(const u8 *aml, size_t len)
{
	u8 *t = table(DSDT, "DSDT", (u32)(36 + len));

	memcpy(t + 36, aml, len);
	seal(DSDT);
}

static const u8 s5[] = { 0x10, 0x05, 0x08, '_', 'S', '5', '_', 0x12, 0x0a, 0x04, 0x0a, 0x05, 0x0a, 0x06, 0x00, 0x00 };

TEST(a_whole_set_of_tables)
{
	u8 *t;

	make_madt();
	make_fadt(244);
	make_dsdt(s5, sizeof(s5));
	t = table(HPET, "HPET", 56);
	put64(t + 44, 0xfed00000);
	seal(HPET);
	t = table(MCFG, "MCFG", 60);
	put64(t + 44, 0xb0000000);
	t[55] = 255;
	seal(MCFG);
	roots((paddr_t[]){ FADT, MADT, HPET, MCFG }, 4);
	ck_assert_int_eq(acpi_parse(&ops, BASE, &info), 0);
	ck_assert_uint_eq(reports, 0);
	ck_assert(info.present && info.has_madt && info.has_fadt && info.has_8259);
	ck_assert_uint_eq(info.cpu_count, 3);
	ck_assert_uint_eq(info.cpu_disabled, 1);
	ck_assert_uint_eq(info.cpus[2].apic_id, 0x12c);
	ck_assert(info.cpus[2].x2apic);
	ck_assert_uint_eq(info.ioapic_count, 1);
	ck_assert_uint_eq(info.ioapics[0].address, 0xfec00000);
	ck_assert_uint_eq(info.override_count, 2);
	ck_assert(!info.overrides[0].level && info.overrides[0].gsi == 2);
	ck_assert(info.overrides[1].level && info.overrides[1].active_low);
	ck_assert(info.nmi_count == 1 && info.nmis[0].all_cpus && info.nmis[0].lint == 1);
	ck_assert_uint_eq(info.pm1a_control.address, 0x604);
	ck_assert_uint_eq(info.pm1a_control.width, 16);
	ck_assert_uint_eq(info.pm_timer.address, 0x608);
	ck_assert(info.pm_timer_32bit && info.has_i8042 && info.has_cmos_rtc);
	ck_assert_uint_eq(info.reset.address, 0xcf9);
	ck_assert_uint_eq(info.reset_value, 0xf);
	ck_assert_uint_eq(info.century_register, 0x32);
	ck_assert(info.has_s5 && info.s5_type_a == 5 && info.s5_type_b == 6);
	ck_assert_uint_eq(info.hpet_address, 0xfed00000);
	ck_assert(info.mcfg_count == 1 && info.mcfg[0].bus_last == 255);
}

TEST(the_old_root_is_used_where_the_new_one_is_bad)
{
	u8 *r;

	make_madt();
	roots((paddr_t[]){ MADT }, 1);
	r = table(BASE + 0x200, "RSDT", 40);
	put32(r + 36, (u32)MADT);
	seal(BASE + 0x200);
	put32(at(BASE) + 16, (u32)(BASE + 0x200));
	fix_sum(at(BASE), 20, 8);
	fix_sum(at(BASE), 36, 32);
	at(BASE + 0x100)[20] ^= 1;		/* the XSDT's checksum */
	ck_assert_int_eq(acpi_parse(&ops, BASE, &info), 0);
	ck_assert_uint_eq(info.cpu_count, 3);
}

TEST(a_root_pointer_with_a_bad_checksum_is_none)
{
	roots(NULL, 0);
	at(BASE)[8] ^= 1;
	ck_assert_int_eq(acpi_parse(&ops, BASE, &info), -ENOENT);
	ck_assert_int_eq(acpi_parse(&ops, 0, &info), -ENOENT);
	ck_assert_int_eq(acpi_parse(&ops, BASE + SIZE - 8, &info), -ENOENT);
	ck_assert_int_eq(acpi_parse(&ops, ~0UL - 10, &info), -ENOENT);
}

TEST(impossible_lengths_are_reported_and_left_out)
{
	static const u32 lengths[] = { 0, 1, 35, 0x7fffffff, 0xffffffff, (u32)(SIZE + 1) };

	for (u32 i = 0; i < ARRAY_SIZE(lengths); i++) {
		reports = 0;
		make_madt();
		put32(at(MADT) + 4, lengths[i]);
		roots((paddr_t[]){ MADT }, 1);
		ck_assert_int_eq(acpi_parse(&ops, BASE, &info), 0);
		ck_assert(!info.has_madt);
		ck_assert_uint_ge(reports, 1);
	}
}

TEST(entries_that_leave_the_table_end_the_walk)
{
	for (u32 bad = 0; bad < 256; bad++) {
		make_madt();
		at(MADT)[44 + 8 + 1] = (u8)bad;		/* length of the second entry */
		seal(MADT);
		roots((paddr_t[]){ MADT }, 1);
		ck_assert_int_eq(acpi_parse(&ops, BASE, &info), 0);
		ck_assert_uint_ge(info.cpu_count, 1);
	}
}

TEST(tables_cut_at_every_length_do_no_harm)
{
	for (u32 len = 36; len < 300; len++) {
		u8 *t;

		make_fadt(len);
		make_dsdt(s5, sizeof(s5));
		make_madt();
		put32(at(MADT) + 4, len < 150 ? len : 150);
		seal(MADT);
		t = table(HPET, "HPET", len);
		put64(t + 44, 0xfed00000);
		seal(HPET);
		t = table(MCFG, "MCFG", len);
		put64(t + 44, 0xb0000000);
		seal(MCFG);
		roots((paddr_t[]){ MADT, FADT, HPET, MCFG }, 4);
		ck_assert_int_eq(acpi_parse(&ops, BASE, &info), 0);
		ck_assert_uint_eq(mapped, 0);
	}
}

TEST(too_many_of_everything)
{
	u8 *t = table(MADT, "APIC", 0);
	u32 off = 44;

	for (u32 i = 0; i < 400; i++)
		off = add_entry(t, off, (u8[16]){ 9, 0, 0, 0, (u8)i, (u8)(i >> 8), 0, 0, 1 }, 16);
	for (u32 i = 0; i < 100; i++) {
		off = add_entry(t, off, (u8[12]){ 1, 0, (u8)i, 0, 0, 0, 0xc0, 0xfe }, 12);
		off = add_entry(t, off, (u8[10]){ 2, 0, 0, (u8)(i % 16), 9 }, 10);
		off = add_entry(t, off, (u8[6]){ 4, 0, 0xff, 0, 0, 1 }, 6);
	}
	put32(t + 4, off);
	seal(MADT);
	roots((paddr_t[]){ MADT }, 1);
	ck_assert_int_eq(acpi_parse(&ops, BASE, &info), 0);
	ck_assert_uint_eq(info.cpu_count, ACPI_CPU_MAX);
	ck_assert_uint_eq(info.ioapic_count, ACPI_IOAPIC_MAX);
	ck_assert_uint_eq(info.override_count, ACPI_OVERRIDE_MAX);
	ck_assert_uint_eq(info.nmi_count, ACPI_NMI_MAX);
}

TEST(sleep_package_in_all_its_forms)
{
	static const struct { u8 aml[16]; u8 len; bool found; u8 a, b; } cases[] = {
		{ { 0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x00, 0x01, 0x00, 0x00 }, 12, true, 0, 1 },
		{ { 0x08, '\\', '_', 'S', '5', '_', 0x12, 0x07, 0x02, 0x0a, 0x07, 0x01 }, 12, true, 7, 1 },
		{ { 0x08, '_', 'S', '5', '_', 0x12, 0x47, 0x00, 0x02, 0x0b, 0x03, 0x00, 0x0a, 0x02 }, 14, true, 3, 2 },
		{ { 0x08, '_', 'S', '5', '_', 0x12, 0x04, 0x01, 0x0a, 0x05 }, 10, true, 5, 0 },
		{ { 0x08, '_', 'S', '5', '_', 0x12, 0x04, 0x00, 0x0a, 0x05 }, 10, false, 0, 0 },	/* no elements */
		{ { 0x08, '_', 'S', '5', '_', 0x0a, 0x05 }, 7, false, 0, 0 },			/* no package */
		{ { 0x5b, '_', 'S', '5', '_', 0x12, 0x06, 0x02, 0x00, 0x01 }, 10, false, 0, 0 },	/* not a name */
		{ { 0x08, '_', 'S', '5', '_', 0x12, 0xc6, 0xff, 0xff }, 9, false, 0, 0 },	/* cut */
		{ { 0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x02, 0x0a }, 9, false, 0, 0 },
		{ { 0x08, '_', 'S', '5', '_' }, 5, false, 0, 0 },
		{ { 0x08, '_', 'S' }, 3, false, 0, 0 },
		{ { 0 }, 0, false, 0, 0 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		u8 *exact = malloc(cases[i].len + 1), a = 99, b = 99;

		memcpy(exact + 1, cases[i].aml, cases[i].len);
		ck_assert_msg(acpi_scan_s5(exact + 1, cases[i].len, &a, &b) == cases[i].found, "case %u", i);
		if (cases[i].found)
			ck_assert_msg(a == cases[i].a && b == cases[i].b, "case %u: %u %u", i, a, b);
		free(exact);
	}
}

TEST(random_damage_does_no_harm)
{
	for (u32 round = 0; round < 3000; round++) {
		u8 *t;

		make_madt();
		make_fadt(268);
		make_dsdt(s5, sizeof(s5));
		t = table(MCFG, "MCFG", 60);
		put64(t + 44, 0xb0000000);
		roots((paddr_t[]){ MADT, FADT, MCFG, BASE, BASE + 0x100 }, 5);
		for (u32 i = 0; i < 1 + unit_rand_below(8); i++) {
			static const paddr_t where[] = { BASE, BASE + 0x100, MADT, FADT, DSDT, MCFG };

			at(where[unit_rand_below(6)])[unit_rand_below(200)] = (u8)unit_rand();
		}
		/* Good checksums, so that the damage is reached. */
		fix_sum(at(BASE), 20, 8);
		fix_sum(at(BASE), 36, 32);
		for (u32 i = 0; i < 5; i++) {
			paddr_t pa = (paddr_t[]){ BASE + 0x100, MADT, FADT, DSDT, MCFG }[i];
			u32 len;

			memcpy(&len, at(pa) + 4, 4);
			if (len >= 36 && len < SIZE - (pa - BASE))
				seal(pa);
		}
		(void)acpi_parse(&ops, BASE, &info);
		ck_assert_uint_eq(mapped, 0);
	}
}

TEST(the_root_pointer_is_found_on_a_16_byte_boundary)
{
	roots(NULL, 0);
	memcpy(at(BASE + 0x4560), at(BASE), 36);
	memset(at(BASE), 0, 36);
	ck_assert_uint_eq(acpi_find_rsdp(&ops, BASE, SIZE), BASE + 0x4560);
	memmove(at(BASE + 0x4568), at(BASE + 0x4560), 36);
	memset(at(BASE + 0x4560), 0, 8);
	ck_assert_uint_eq(acpi_find_rsdp(&ops, BASE, SIZE), 0);
}
