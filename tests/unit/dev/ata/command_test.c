/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATA commands as data: IDENTIFY data of real kinds of devices and of hostile ones, registers and FISes of each command, trim
 * blocks, the error log, sense data.
 * sources: dev/ata/identify.c dev/ata/command.c
 */
#include "tests/unit/test.h"
#include "dev/ata/command.h"

static u16 id[ATA_ID_WORDS];
static struct ata_identity dev;

static void
put_string(u32 word, const char *s, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		u16 c = *s != '\0' ? (u8)*s++ : ' ';

		id[word + i / 2] = (u16)(i % 2 == 0 ? c << 8 : id[word + i / 2] | c);
	}
}

/* A SATA disk of 200 GiB with what there is. */
static void
make_disk(void)
{
	u64 sectors = 200UL << 21;

	memset(id, 0, sizeof(id));
	id[0] = 0x0040;
	put_string(10, "  QM00001", 20);
	put_string(23, "2.5+", 8);
	put_string(27, "QEMU HARDDISK", 40);
	id[49] = 0x0300;
	id[60] = 0xffff;
	id[61] = 0x0fff;
	id[63] = 0x0007;
	id[75] = 31;
	id[76] = 0x0104;
	id[82] = 0x4021;
	id[83] = 0x7400;
	id[84] = 0x4040;
	id[85] = 0x4021;
	id[88] = 0x203f;
	id[106] = 0x6003;
	id[169] = 1;
	for (u32 i = 0; i < 4; i++)
		id[100 + i] = (u16)(sectors >> 16 * i);
}

TEST(a_disk_says_what_it_can)
{
	make_disk();
	ck_assert_int_eq(ata_identity_parse(id, false, &dev), 0);
	ck_assert_str_eq(dev.model, "QEMU HARDDISK");
	ck_assert_str_eq(dev.serial, "QM00001");
	ck_assert_str_eq(dev.firmware, "2.5+");
	ck_assert(dev.lba48 && dev.dma && dev.ncq && dev.fua && dev.trim && dev.flush && dev.flush_ext && dev.cache && dev.rotational);
	ck_assert_uint_eq(dev.queue_depth, 32);
	ck_assert_uint_eq(dev.sectors, 200UL << 21);
	ck_assert_uint_eq(dev.logical_size, 512);
	ck_assert_uint_eq(dev.physical_size, 4096);
	ck_assert_uint_eq(dev.xfer_mode, 0x45);
	ck_assert_uint_eq(ata_max_sectors(&dev), 65536);
}

TEST(an_old_disk_has_28_bits_and_no_more)
{
	make_disk();
	id[83] = id[84] = 0xffff;	/* not valid */
	id[106] = id[169] = 0xffff;
	id[76] = 0xffff;
	id[88] = 0;
	ck_assert_int_eq(ata_identity_parse(id, false, &dev), 0);
	ck_assert(!dev.lba48 && !dev.ncq && !dev.fua && !dev.trim && !dev.flush && !dev.cache);
	ck_assert_uint_eq(dev.sectors, 0x0fffffff);
	ck_assert_uint_eq(dev.xfer_mode, 0x22);
	ck_assert_uint_eq(ata_max_sectors(&dev), 256);
}

TEST(what_is_no_disk_is_refused)
{
	memset(id, 0, sizeof(id));
	ck_assert_int_eq(ata_identity_parse(id, false, &dev), -EIO);
	memset(id, 0xff, sizeof(id));
	ck_assert_int_eq(ata_identity_parse(id, false, &dev), -EIO);
	ck_assert_int_eq(ata_identity_parse(id, true, &dev), -EIO);
	make_disk();
	id[0] = 0x8580;
	ck_assert_int_eq(ata_identity_parse(id, false, &dev), -EIO);
	make_disk();
	ck_assert_int_eq(ata_identity_parse(id, true, &dev), -EIO);
	id[49] = 0;			/* cylinders and heads only */
	ck_assert_int_eq(ata_identity_parse(id, false, &dev), -EOPNOTSUPP);
	make_disk();
	id[60] = id[61] = 0;
	memset(id + 100, 0, 8);
	ck_assert_int_eq(ata_identity_parse(id, false, &dev), -EOPNOTSUPP);
}

TEST(sizes_of_blocks_are_bounded)
{
	make_disk();
	id[106] = 0x5000;
	id[117] = 2048;			/* words: 4096 bytes */
	ck_assert_int_eq(ata_identity_parse(id, false, &dev), 0);
	ck_assert_uint_eq(dev.logical_size, 4096);
	ck_assert_uint_eq(dev.sectors, 200UL << 24);
	id[118] = 1;
	ck_assert_int_eq(ata_identity_parse(id, false, &dev), -EOPNOTSUPP);
	id[118] = 0;
	id[117] = 300;
	ck_assert_int_eq(ata_identity_parse(id, false, &dev), -EOPNOTSUPP);
	id[117] = 0;
	ck_assert_int_eq(ata_identity_parse(id, false, &dev), -EOPNOTSUPP);
	make_disk();
	id[106] = 0x600f;		/* 2^15 logical blocks in a physical one: not believed */
	ck_assert_int_eq(ata_identity_parse(id, false, &dev), 0);
	ck_assert_uint_eq(dev.physical_size, 512);
}

TEST(random_data_stays_in_bounds)
{
	for (u32 n = 0; n < 20000; n++) {
		for (u32 i = 0; i < ATA_ID_WORDS; i++)
			id[i] = (u16)unit_rand();
		if (ata_identity_parse(id, n & 1, &dev) != 0)
			continue;
		ck_assert(strlen(dev.model) <= ATA_MODEL_MAX && strlen(dev.serial) <= ATA_SERIAL_MAX);
		ck_assert(dev.queue_depth >= 1 && dev.queue_depth <= 32);
		ck_assert(dev.logical_size >= 512 && dev.logical_size <= 4096 && dev.physical_size >= dev.logical_size);
		ck_assert(dev.sectors <= (1UL << 48) * 8);
		for (const char *c = dev.model; *c != '\0'; c++)
			ck_assert(*c >= ' ' && *c <= '~');
	}
}

TEST(a_cd_drive)
{
	memset(id, 0, sizeof(id));
	id[0] = 0x85c0;
	id[49] = 0x0300;
	id[63] = 0x0407;
	ck_assert_int_eq(ata_identity_parse(id, true, &dev), 0);
	ck_assert(dev.packet && dev.dma && !dev.dma_direction);
	ck_assert_uint_eq(dev.packet_type, 5);
	ck_assert_uint_eq(dev.cdb_len, 12);
	ck_assert_uint_eq(dev.logical_size, 2048);
	ck_assert_uint_eq(dev.sectors, 0);
	id[0] = 0x85c2;
	ck_assert_int_eq(ata_identity_parse(id, true, &dev), -EOPNOTSUPP);
}

static struct ata_taskfile tf;

static void
build(enum ata_mode mode, bool write, bool fua, u64 sector, u32 nr)
{
	ata_build_rw(&dev, mode, write, fua, sector, nr, &tf);
}

TEST(the_shortest_command_that_reaches)
{
	make_disk();
	ck_assert_int_eq(ata_identity_parse(id, false, &dev), 0);
	build(ATA_MODE_DMA, false, false, 0xabcdef1, 8);
	ck_assert_uint_eq(tf.command, ATA_READ_DMA);
	ck_assert_uint_eq(tf.device, 0x4a);
	ck_assert(!tf.ext && tf.count == 8 && tf.protocol == ATA_DMA);
	build(ATA_MODE_DMA, true, false, 0, 256);
	ck_assert(tf.command == ATA_WRITE_DMA && tf.count == 0 && tf.write);
	build(ATA_MODE_DMA, true, false, 0, 257);
	ck_assert(tf.command == ATA_WRITE_DMA_EXT && tf.count == 257 && tf.device == 0x40);
	build(ATA_MODE_DMA, false, false, 0x0fffffef, 16);
	ck_assert_uint_eq(tf.command, ATA_READ_DMA);
	build(ATA_MODE_DMA, false, false, 0x0ffffff0, 16);
	ck_assert_uint_eq(tf.command, ATA_READ_DMA_EXT);
	build(ATA_MODE_PIO, true, false, 0x123456789, 65536);
	ck_assert(tf.command == ATA_WRITE_SECTORS_EXT && tf.count == 0 && tf.lba == 0x123456789 && tf.protocol == ATA_PIO);
	build(ATA_MODE_DMA, true, true, 5, 1);
	ck_assert(tf.command == ATA_WRITE_DMA_FUA_EXT && tf.ext && tf.count == 1);
	ata_build_flush(&dev, &tf);
	ck_assert(tf.command == ATA_FLUSH_CACHE_EXT && tf.protocol == ATA_NODATA);
}

TEST(large_blocks_count_in_blocks)
{
	make_disk();
	id[106] = 0x5000;
	id[117] = 2048;
	ck_assert_int_eq(ata_identity_parse(id, false, &dev), 0);
	build(ATA_MODE_DMA, false, false, 800, 16);
	ck_assert(tf.lba == 100 && tf.count == 2);
}

TEST(a_queued_command_as_a_fis)
{
	static const u8 want[20] = { 0x27, 0x80, 0x61, 0x34, 0xbc, 0x9a, 0x78, 0xc0, 0x56, 0x34, 0x12, 0x02, 17 << 3 };
	u8 fis[20];

	make_disk();
	ck_assert_int_eq(ata_identity_parse(id, false, &dev), 0);
	build(ATA_MODE_NCQ, true, true, 0x123456789abc, 0x234);
	ck_assert(tf.protocol == ATA_NCQ && tf.command == ATA_WRITE_FPDMA_QUEUED);
	ata_build_fis(&tf, 17, fis);
	ck_assert_mem_eq(fis, want, sizeof(want));
}

TEST(a_fis_comes_back)
{
	const u8 fis[20] = { 0x34, 0x40, 0x51, 0x40, 0x11, 0x22, 0x33, 0x47, 0x44, 0x55, 0x66, 0, 0x78, 0x56 };
	struct ata_result r;

	ata_parse_fis(fis, &r);
	ck_assert(r.status == 0x51 && r.error == 0x40 && r.device == 0x47 && r.count == 0x5678);
	ck_assert_uint_eq(r.lba, 0x665544332211);
}

TEST(trim_in_ranges)
{
	u8 data[512];
	u64 entry;

	make_disk();
	ck_assert_int_eq(ata_identity_parse(id, false, &dev), 0);
	ata_build_trim(&dev, 0x1000, 65535 + 100, data, &tf);
	ck_assert(tf.command == ATA_DATA_SET_MANAGEMENT && tf.feature == 1 && tf.count == 1 && tf.write && tf.ext);
	memcpy(&entry, data, 8);
	ck_assert_uint_eq(entry, 0xffff000000001000);
	memcpy(&entry, data + 8, 8);
	ck_assert_uint_eq(entry, 0x0064000000010fff);
	memcpy(&entry, data + 16, 8);
	ck_assert_uint_eq(entry, 0);
	ata_build_trim(&dev, 0, ATA_TRIM_RANGES * ATA_TRIM_RANGE_MAX + 1000, data, &tf);	/* never beyond the block */
	memcpy(&entry, data + 504, 8);
	ck_assert_uint_eq(entry >> 48, 0xffff);
}

TEST(the_log_names_the_culprit)
{
	u8 log[512] = { 3, 0, 0x41, 0x40, 1 };
	struct ata_result r;
	u32 tag = 99;
	u8 sum = 0;

	for (u32 i = 0; i < 511; i++)
		sum += log[i];
	log[511] = (u8)-sum;
	ck_assert_int_eq(ata_ncq_log_parse(log, 0x0f, &tag, &r), 0);
	ck_assert(tag == 3 && r.status == 0x41 && r.error == 0x40 && r.lba == 1);
	ck_assert_int_eq(ata_ncq_log_parse(log, 0x07, &tag, &r), -ENOENT);
	log[511]++;
	ck_assert_int_eq(ata_ncq_log_parse(log, 0x0f, &tag, &r), -ENOENT);
	log[511]--;
	log[0] = 0x83;			/* it was not a queued command */
	log[511] -= 0x80;
	ck_assert_int_eq(ata_ncq_log_parse(log, 0x0f, &tag, &r), -ENOENT);
}

TEST(failures_are_judged)
{
	struct ata_result r = { .status = 0x51, .error = ATA_ERROR_UNC };
	int err;

	ck_assert(ata_judge(&r, false, &err) == ATA_FAIL && err == -EILSEQ);
	ck_assert(ata_judge(&r, true, &err) == ATA_FAIL && err == -EIO);
	r.error = ATA_ERROR_ICRC | ATA_ERROR_ABRT;
	ck_assert(ata_judge(&r, false, &err) == ATA_RETRY && err == -EIO);
	r.status |= ATA_STATUS_DF;
	ck_assert(ata_judge(&r, false, &err) == ATA_FAIL && err == -EIO);
}

TEST(sense_data)
{
	const u8 no_medium[18] = { 0x70, 0, 2, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x3a, 2 };
	const u8 changed[18] = { 0xf0, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x28, 0 };
	const u8 medium[18] = { 0x70, 0, 3, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x11, 0 };
	struct ata_sense s = ata_sense_parse(no_medium, 18);
	int err;

	ck_assert(s.key == 2 && s.asc == 0x3a && s.ascq == 2);
	ck_assert(ata_sense_judge(&s, &err) == ATA_FAIL && err == -ENOMEDIUM);
	s = ata_sense_parse(changed, 18);
	ck_assert(ata_sense_judge(&s, &err) == ATA_RETRY);
	s = ata_sense_parse(medium, 18);
	ck_assert(ata_sense_judge(&s, &err) == ATA_FAIL && err == -EILSEQ);
	s = ata_sense_parse(medium, 2);		/* cut */
	ck_assert(s.key == 0 && s.asc == 0);
	s = ata_sense_parse(medium, 8);
	ck_assert(s.key == 3 && s.asc == 0);
}

TEST(packets)
{
	static const u8 ten[12] = { 0x28, 0, 0, 1, 0x86, 0xa0, 0, 0, 16 };
	static const u8 twelve[12] = { 0xa8, 0, 0, 1, 0x86, 0xa0, 0, 1, 0, 0 };
	u8 cdb[16];

	ata_build_cd_read(100000, 16, cdb);
	ck_assert_mem_eq(cdb, ten, 12);
	ata_build_cd_read(100000, 65536, cdb);
	ck_assert_mem_eq(cdb, twelve, 12);
	memset(&dev, 0, sizeof(dev));
	ata_build_packet(&dev, true, false, 4096, &tf);
	ck_assert(tf.command == ATA_PACKET && tf.feature == 1 && tf.protocol == ATA_PACKET_DMA);
	dev.dma_direction = true;
	ata_build_packet(&dev, true, false, 4096, &tf);
	ck_assert_uint_eq(tf.feature, 5);
	ata_build_packet(&dev, false, false, 18, &tf);
	ck_assert(tf.feature == 0 && tf.lba == 18 << 8 && tf.protocol == ATA_PACKET_PIO);
	ata_build_packet(&dev, false, false, 65536, &tf);
	ck_assert_uint_eq(tf.lba, 2048 << 8);
}
