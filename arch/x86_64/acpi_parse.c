/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACPI table parser: from an RSDP to a struct acpi_info. It trusts nothing. A table is mapped by its header first, then
 * whole; a wrong length or checksum drops that table, an entry that leaves its table ends that table's walk. Reads are by byte
 * offset (the tables' fields are unaligned), as the ACPI 6.4 specification, chapter 5.2, numbers them.
 */
#include "arch/x86_64/acpi.h"

#include "sys/abi/errno.h"
#include "sys/lib/string.h"

#define HEADER_SIZE	36	/* signature, length at 4, revision at 8, checksum at 9 */
#define GAS_SIZE	12

/* One mapped table; data NULL: none. */
struct table { const u8 *data; u32 len; };

static u16
get16(const u8 *p)
{
	u16 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static u32
get32(const u8 *p)
{
	u32 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static u64
get64(const u8 *p)
{
	u64 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static u8
byte_sum(const u8 *p, size_t n)
{
	u8 sum = 0;

	while (n-- > 0)
		sum += *p++;
	return sum;
}

/* Four characters that are safe to print. */
static void
signature_text(const u8 *sig, char out[5])
{
	for (int i = 0; i < 4; i++)
		out[i] = is_print((char)sig[i]) ? (char)sig[i] : '?';
	out[4] = 0;
}

static bool
range_ok(paddr_t pa, u64 size)
{
	return pa != 0 && pa < BIT(52) && size <= BIT(52) - pa;
}

/* Map the table at pa, whole and checked; wants: signature, or NULL for any. */
static bool
table_map(const struct acpi_memory *mem, paddr_t pa, const char *wants, struct table *t)
{
	const u8 *h;
	char name[5];
	u32 len;

	t->data = NULL;
	t->len = 0;
	if (!range_ok(pa, HEADER_SIZE) || (h = mem->map(pa, HEADER_SIZE)) == NULL) {
		mem->report("table at %#lx cannot be read", (unsigned long)pa);
		return false;
	}
	signature_text(h, name);
	len = get32(h + 4);
	if (wants != NULL && memcmp(h, wants, 4) != 0) {
		mem->report("%s expected at %#lx, found %s", wants, (unsigned long)pa, name);
		mem->unmap(h, HEADER_SIZE);
		return false;
	}
	mem->unmap(h, HEADER_SIZE);
	if (len < HEADER_SIZE || len > ACPI_TABLE_SIZE_MAX || !range_ok(pa, len)) {
		mem->report("%s at %#lx has an impossible length %u", name, (unsigned long)pa, len);
		return false;
	}
	t->data = mem->map(pa, len);
	if (t->data == NULL) {
		mem->report("%s at %#lx cannot be read", name, (unsigned long)pa);
		return false;
	}
	if (byte_sum(t->data, len) != 0) {
		mem->report("%s at %#lx has a wrong checksum: ignored", name, (unsigned long)pa);
		mem->unmap(t->data, len);
		t->data = NULL;
		return false;
	}
	t->len = len;
	return true;
}

static void
table_unmap(const struct acpi_memory *mem, struct table *t)
{
	if (t->data != NULL)
		mem->unmap(t->data, t->len);
	t->data = NULL;
}

/* --- MADT --- */

static void
madt_cpu(const struct acpi_memory *mem, struct acpi_info *info, u32 apic_id, u32 uid, u32 flags, bool x2apic)
{
	if ((flags & 1) == 0) {			/* bit 1, online capable: hot-plug, which we don't do */
		info->cpu_disabled++;
		return;
	}
	for (u32 i = 0; i < info->cpu_count; i++) {
		if (info->cpus[i].apic_id == apic_id)
			return;			/* firmware may list a CPU as LAPIC and as x2APIC */
	}
	if (info->cpu_count == ACPI_CPU_MAX) {
		mem->report("more than %d processors: APIC %u left out", ACPI_CPU_MAX, apic_id);
		return;
	}
	info->cpus[info->cpu_count++] = (struct acpi_cpu){ .apic_id = apic_id, .acpi_uid = uid, .x2apic = x2apic };
}

static void
madt_ioapic(const struct acpi_memory *mem, struct acpi_info *info, const u8 *e)
{
	if (info->ioapic_count == ACPI_IOAPIC_MAX || get32(e + 4) == 0) {
		mem->report("I/O APIC %u left out", e[2]);
		return;
	}
	info->ioapics[info->ioapic_count++] = (struct acpi_ioapic){
		.id = e[2], .address = get32(e + 4), .gsi_base = get32(e + 8),
	};
}

/* MPS INTI flags: polarity in bits 0-1, trigger in bits 2-3; 0 is the bus's own way, for ISA high and edge. */
static bool flags_low(u16 f) { return (f & 3) == 3; }
static bool flags_level(u16 f) { return (f >> 2 & 3) == 3; }

static void
madt_override(const struct acpi_memory *mem, struct acpi_info *info, const u8 *e)
{
	if (info->override_count == ACPI_OVERRIDE_MAX || e[2] != 0 || e[3] > 15) {
		mem->report("interrupt override of bus %u line %u left out", e[2], e[3]);
		return;
	}
	info->overrides[info->override_count++] = (struct acpi_override){
		.isa_irq = e[3], .gsi = get32(e + 4),
		.level = flags_level(get16(e + 8)), .active_low = flags_low(get16(e + 8)),
	};
}

static void
madt_nmi(struct acpi_info *info, u32 uid, bool all, u16 flags, u8 lint)
{
	if (info->nmi_count < ACPI_NMI_MAX && lint <= 1) {
		info->nmis[info->nmi_count++] = (struct acpi_nmi){
			.all_cpus = all, .acpi_uid = uid, .lint = lint,
			.level = flags_level(flags), .active_low = flags_low(flags),
		};
	}
}

static void
madt_entry(const struct acpi_memory *mem, struct acpi_info *info, const u8 *e, u8 len)
{
	switch (e[0]) {
	case 0:
		if (len >= 8 && e[3] != 0xff)
			madt_cpu(mem, info, e[3], e[2], get32(e + 4), false);
		break;
	case 1:
		if (len >= 12)
			madt_ioapic(mem, info, e);
		break;
	case 2:
		if (len >= 10)
			madt_override(mem, info, e);
		break;
	case 4:
		if (len >= 6)
			madt_nmi(info, e[2], e[2] == 0xff, get16(e + 3), e[5]);
		break;
	case 5:
		if (len >= 12)
			info->lapic_address = get64(e + 4);
		break;
	case 9:
		if (len >= 16 && get32(e + 4) != 0xffffffff)
			madt_cpu(mem, info, get32(e + 4), get32(e + 12), get32(e + 8), true);
		break;
	case 10:
		if (len >= 12)
			madt_nmi(info, get32(e + 4), get32(e + 4) == 0xffffffff, get16(e + 2), e[8]);
		break;
	default:
		break;
	}
}

static void
parse_madt(const struct acpi_memory *mem, const struct table *t, struct acpi_info *info)
{
	u32 off = 44;

	if (t->len < off) {
		mem->report("APIC table too short");
		return;
	}
	info->has_madt = true;
	info->lapic_address = get32(t->data + 36);
	info->has_8259 = get32(t->data + 40) & 1;
	while (t->len - off >= 2) {
		const u8 *e = t->data + off;

		if (e[1] < 2 || e[1] > t->len - off) {
			mem->report("APIC table: bad entry at offset %u", off);
			return;
		}
		madt_entry(mem, info, e, e[1]);
		off += e[1];
	}
}

/* --- FADT --- */

static struct acpi_register
gas_get(const u8 *p)
{
	return (struct acpi_register){
		.space = p[0], .width = p[1], .offset = p[2], .access = p[3], .address = get64(p + 4),
	};
}

/* A register block: the 64-bit X_ field where the table has one that is set, else the old port number with its length. */
static struct acpi_register
fadt_register(const struct table *t, u32 x_off, u32 old_off, u32 len_off)
{
	struct acpi_register r = { 0 };
	u32 port = get32(t->data + old_off);

	if (t->len >= x_off + GAS_SIZE) {
		r = gas_get(t->data + x_off);
		if (r.address != 0 && r.space <= ACPI_SPACE_IO && (r.space == ACPI_SPACE_MEMORY || r.address <= 0xffff))
			return r;
	}
	if (port == 0 || port > 0xffff)
		return (struct acpi_register){ 0 };
	return (struct acpi_register){
		.space = ACPI_SPACE_IO, .width = (u8)(t->data[len_off] * 8), .address = port,
	};
}

static void
parse_fadt_revision2(const struct table *t, u32 flags, struct acpi_info *info)
{
	info->boot_flags = get16(t->data + 109);
	info->has_i8042 = info->boot_flags & BIT(1);
	info->has_vga = !(info->boot_flags & BIT(2));
	info->has_cmos_rtc = !(info->boot_flags & BIT(5));
	if (t->len >= 129 && (flags & BIT(10))) {
		info->reset = gas_get(t->data + 116);
		info->reset_value = t->data[128];
		if (info->reset.space > ACPI_SPACE_PCI || (info->reset.space == ACPI_SPACE_IO && info->reset.address > 0xffff))
			info->reset.address = 0;
	}
	if (t->len >= 268) {
		info->reduced_hardware = flags & BIT(20);
		info->sleep_control = gas_get(t->data + 244);
		info->sleep_status = gas_get(t->data + 256);
	}
}

/* Returns the DSDT's address, 0 for none. */
static paddr_t
parse_fadt(const struct acpi_memory *mem, const struct table *t, struct acpi_info *info)
{
	const u8 *d = t->data;
	u32 flags;

	if (t->len < 116) {
		mem->report("FACP table too short");
		return 0;
	}
	flags = get32(d + 112);
	info->has_fadt = true;
	info->sci_irq = get16(d + 46);
	info->smi_command = get32(d + 48);
	info->acpi_enable = d[52];
	info->century_register = d[108];
	info->pm_timer_32bit = flags & BIT(8);
	info->has_i8042 = info->has_vga = info->has_cmos_rtc = true;	/* ACPI 1.0 can't say */
	info->pm1a_event = fadt_register(t, 148, 56, 88);
	info->pm1b_event = fadt_register(t, 160, 60, 88);
	info->pm1a_control = fadt_register(t, 172, 64, 89);
	info->pm1b_control = fadt_register(t, 184, 68, 89);
	info->pm_timer = fadt_register(t, 208, 76, 91);
	if (d[8] >= 2)
		parse_fadt_revision2(t, flags, info);
	if (info->reduced_hardware) {
		memset(&info->pm_timer, 0, sizeof(info->pm_timer));
		memset(&info->pm1a_control, 0, sizeof(info->pm1a_control));
		memset(&info->pm1b_control, 0, sizeof(info->pm1b_control));
	}
	if (t->len >= 148 && get64(d + 140) != 0)
		return get64(d + 140);
	return get32(d + 40);
}

/* --- HPET, MCFG --- */

static void
parse_hpet(const struct acpi_memory *mem, const struct table *t, struct acpi_info *info)
{
	struct acpi_register r;

	if (t->len < 56) {
		mem->report("HPET table too short");
		return;
	}
	r = gas_get(t->data + 40);
	if (info->hpet_address == 0 && r.space == ACPI_SPACE_MEMORY && range_ok(r.address, 1024)) {
		info->hpet_address = r.address;
		info->hpet_min_tick = get16(t->data + 53);
	}
}

static void
parse_mcfg(const struct acpi_memory *mem, const struct table *t, struct acpi_info *info)
{
	for (u32 off = 44; off <= t->len && t->len - off >= 16; off += 16) {
		const u8 *e = t->data + off;
		struct acpi_mcfg m = { .base = get64(e), .segment = get16(e + 8), .bus_first = e[10], .bus_last = e[11] };

		if (info->mcfg_count == ACPI_MCFG_MAX || m.bus_last < m.bus_first || !range_ok(m.base, 256 * MIB)) {
			mem->report("MCFG entry for segment %u left out", m.segment);
			continue;
		}
		info->mcfg[info->mcfg_count++] = m;
	}
}

/* --- _S5_ --- */

/* An AML integer constant at *off; false where there is something else. */
static bool
aml_integer(const u8 *aml, size_t len, size_t *off, u32 *out)
{
	static const u8 widths[] = { [0x0a] = 1, [0x0b] = 2, [0x0c] = 4 };
	u8 op, n;

	if (*off >= len)
		return false;
	op = aml[(*off)++];
	if (op == 0x00 || op == 0x01 || op == 0xff) {	/* ZeroOp, OneOp, OnesOp */
		*out = op;
		return true;
	}
	n = op < sizeof(widths) ? widths[op] : 0;
	if (n == 0 || len - *off < n)
		return false;
	*out = 0;
	for (u8 i = 0; i < n; i++)
		*out |= (u32)aml[*off + i] << (8 * i);
	*off += n;
	return true;
}

/* Name(_S5_, Package() { a, b, ... }) at `off`, which is behind the name. */
static bool
s5_package(const u8 *aml, size_t len, size_t off, u8 *type_a, u8 *type_b)
{
	u32 a, b = 0;

	if (len - off < 4 || aml[off] != 0x12)			/* PackageOp */
		return false;
	off += 1;
	off += 1 + (aml[off] >> 6);				/* PkgLength: bits 6-7 tell the bytes that follow */
	if (off >= len || aml[off] == 0)			/* NumElements */
		return false;
	bool two = aml[off++] > 1;
	if (!aml_integer(aml, len, &off, &a) || (two && !aml_integer(aml, len, &off, &b)))
		return false;
	*type_a = a & 7;
	*type_b = b & 7;
	return true;
}

bool
acpi_scan_s5(const u8 *aml, size_t len, u8 *type_a, u8 *type_b)
{
	for (size_t i = 1; len >= 5 && i <= len - 4; i++) {
		if (aml[i] != '_' || memcmp(aml + i, "_S5_", 4) != 0)
			continue;
		/* NameOp before it, perhaps with a root prefix between. */
		if (aml[i - 1] != 0x08 && !(i >= 2 && aml[i - 1] == '\\' && aml[i - 2] == 0x08))
			continue;
		if (s5_package(aml, len, i + 4, type_a, type_b))
			return true;
	}
	return false;
}

static void
parse_aml(const struct table *t, struct acpi_info *info)
{
	if (!info->has_s5)
		info->has_s5 = acpi_scan_s5(t->data + HEADER_SIZE, t->len - HEADER_SIZE, &info->s5_type_a, &info->s5_type_b);
}

/* --- the roots --- */

static void
parse_table(const struct acpi_memory *mem, paddr_t pa, struct acpi_info *info)
{
	struct table t, dsdt;
	paddr_t dsdt_pa;

	if (!table_map(mem, pa, NULL, &t))
		return;
	info->table_count++;
	if (memcmp(t.data, "APIC", 4) == 0 && !info->has_madt) {
		parse_madt(mem, &t, info);
	} else if (memcmp(t.data, "FACP", 4) == 0 && !info->has_fadt) {
		dsdt_pa = parse_fadt(mem, &t, info);
		if (dsdt_pa != 0 && table_map(mem, dsdt_pa, "DSDT", &dsdt)) {
			parse_aml(&dsdt, info);
			table_unmap(mem, &dsdt);
		}
	} else if (memcmp(t.data, "HPET", 4) == 0) {
		parse_hpet(mem, &t, info);
	} else if (memcmp(t.data, "MCFG", 4) == 0) {
		parse_mcfg(mem, &t, info);
	} else if (memcmp(t.data, "SSDT", 4) == 0) {
		parse_aml(&t, info);
	}
	table_unmap(mem, &t);
}

static bool
parse_root(const struct acpi_memory *mem, paddr_t pa, const char *sig, u32 width, struct acpi_info *info)
{
	struct table root;
	u32 n;

	if (!table_map(mem, pa, sig, &root))
		return false;
	n = (root.len - HEADER_SIZE) / width;
	if (n > ACPI_TABLE_MAX) {
		mem->report("%s names %u tables: only %d are read", sig, n, ACPI_TABLE_MAX);
		n = ACPI_TABLE_MAX;
	}
	for (u32 i = 0; i < n; i++) {
		const u8 *p = root.data + HEADER_SIZE + i * width;
		paddr_t table = width == 8 ? get64(p) : get32(p);

		if (table != 0)
			parse_table(mem, table, info);
	}
	table_unmap(mem, &root);
	info->present = true;
	return true;
}

static bool
rsdp_ok(const u8 *p)
{
	return memcmp(p, "RSD PTR ", 8) == 0 && byte_sum(p, 20) == 0;
}

int
acpi_parse(const struct acpi_memory *mem, paddr_t rsdp, struct acpi_info *info)
{
	paddr_t rsdt = 0, xsdt = 0;
	const u8 *p;

	memset(info, 0, sizeof(*info));
	if (!range_ok(rsdp, 36) || (p = mem->map(rsdp, 36)) == NULL)
		return -ENOENT;
	if (rsdp_ok(p)) {
		rsdt = get32(p + 16);
		if (p[15] >= 2 && get32(p + 20) >= 36 && byte_sum(p, 36) == 0)
			xsdt = get64(p + 24);
	}
	mem->unmap(p, 36);
	if (xsdt != 0 && parse_root(mem, xsdt, "XSDT", 8, info))
		return 0;
	if (rsdt != 0 && parse_root(mem, rsdt, "RSDT", 4, info))
		return 0;
	return -ENOENT;
}

paddr_t
acpi_find_rsdp(const struct acpi_memory *mem, paddr_t start, size_t size)
{
	const u8 *p;
	paddr_t found = 0;

	if (!range_ok(start, size) || (p = mem->map(start, size)) == NULL)
		return 0;
	for (size_t off = 0; found == 0 && off + 36 <= size; off += 16) {
		if (rsdp_ok(p + off))
			found = start + off;
	}
	mem->unmap(p, size);
	return found;
}
