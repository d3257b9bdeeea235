/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transfers through iobufs; user copies with their bounds.
 * sources: mm/iobuf.c mm/usercopy.c
 */
#include "tests/unit/test.h"
#include "mm/iobuf.h"
#include "mm/page.h"
#include "mm/usercopy.h"
#include "sys/kmem.h"
#include "sys/thread.h"
#include "tests/unit/shim/shim.h"

vaddr_t arch_direct_map_base, arch_vmemmap_base;

static u8 text[1000], room[1000];

void
unit_setup(void)
{
	for (int i = 0; i < 1000; i++)
		text[i] = (u8)(i * 7);
}

TEST(user_range_is_consumed_from_the_front)
{
	struct iobuf b;

	ck_assert_int_eq(iobuf_init_user(&b, room, 600, true), 0);
	ck_assert_uint_eq(iobuf_copy_out(&b, text, 100), 100);
	iobuf_skip(&b, 50);
	ck_assert_uint_eq(iobuf_zero(&b, 50), 50);
	ck_assert_uint_eq(iobuf_copy_out(&b, text + 200, 800), 400);
	ck_assert_uint_eq(iobuf_left(&b), 0);
	ck_assert_mem_eq(room, text, 100);
	ck_assert_mem_eq(room + 200, text + 200, 400);
	ck_assert_uint_eq(room[600], 0);
	iobuf_revert(&b, 450);
	ck_assert_uint_eq(iobuf_left(&b), 450);
	ck_assert_uint_eq(iobuf_copy_out(&b, text, 50), 50);
	ck_assert_mem_eq(room + 150, text, 50);
}

TEST(kernel_addresses_are_refused)
{
	struct iobuf b;
	struct abi_iovec *to_free;
	struct abi_iovec iov[2] = { { (u64)room, 10 }, { 0xffff800000000000, 10 } };

	ck_assert_int_eq(iobuf_init_user(&b, (void *)0xffffffff80000000, 1, true), -EFAULT);
	ck_assert_int_eq(iobuf_init_user(&b, room, SIZE_MAX, true), -EFAULT);
	ck_assert_int_eq(iobuf_init_iovec(&b, iov, 2, true, &to_free), -EFAULT);
	ck_assert_ptr_null(to_free);
	iov[1] = (struct abi_iovec){ (u64)room, 1UL << 63 };
	ck_assert_int_eq(iobuf_init_iovec(&b, iov, 2, true, &to_free), -EINVAL);
	ck_assert_int_eq(iobuf_init_iovec(&b, iov, 1025, true, &to_free), -EINVAL);
	ck_assert_uint_eq(unit_kmem_live(), 0);
}

TEST(long_transfers_are_cut_as_linux_does)
{
	struct abi_iovec iov[3] = { { (u64)room, 0x7fffff00 }, { (u64)room, 0x1000 }, { (u64)room, 5 } }, *to_free;
	struct iobuf b;

	ck_assert_int_eq(iobuf_init_user(&b, room, 1UL << 40, true), 0);
	ck_assert_uint_eq(iobuf_left(&b), IO_COUNT_MAX);
	ck_assert_int_eq(iobuf_init_iovec(&b, iov, 3, true, &to_free), 0);
	ck_assert_uint_eq(iobuf_left(&b), IO_COUNT_MAX);
	kmem_free(to_free);
}

TEST(iovec_against_a_flat_copy)
{
	for (int round = 0; round < 2000; round++) {
		struct abi_iovec iov[8], *to_free;
		u8 flat[1000], piece[100];
		struct iobuf b;
		u64 n = unit_rand_below(9), at = 0, taken = 0;

		for (u64 i = 0; i < n; i++) {
			iov[i] = (struct abi_iovec){ (u64)text + unit_rand_below(900), unit_rand_below(100) };
			memcpy(flat + at, (void *)iov[i].base, iov[i].len);
			at += iov[i].len;
		}
		ck_assert_int_eq(iobuf_init_iovec(&b, iov, n, false, &to_free), 0);
		ck_assert_uint_eq(iobuf_left(&b), at);
		while (iobuf_left(&b) > 0) {
			u64 want = 1 + unit_rand_below(99), got = iobuf_copy_in(&b, piece, want), back = unit_rand_below(got + 1);

			ck_assert_uint_eq(got, MIN(want, at - taken));
			ck_assert_mem_eq(piece, flat + taken, got);
			if (unit_rand_below(4) == 0 && back < got)
				iobuf_revert(&b, back);
			else
				back = 0;
			taken += got - back;
		}
		ck_assert_uint_eq(taken, at);
		ck_assert_uint_eq(iobuf_copy_in(&b, piece, 10), 0);
		kmem_free(to_free);
	}
	ck_assert_uint_eq(unit_kmem_live(), 0);
}

TEST(faults_end_a_transfer_short)
{
	struct iobuf b;

	unit_user_fault(room + 300, room + 400);
	ck_assert_int_eq(iobuf_init_user(&b, room, 600, true), 0);
	ck_assert_int_eq(iobuf_prefault(&b, 600), 0);
	ck_assert_uint_eq(iobuf_copy_out(&b, text, 600), 300);
	ck_assert_uint_eq(iobuf_left(&b), 300);
	ck_assert_int_eq(iobuf_prefault(&b, 10), -EFAULT);
	ck_assert_uint_eq(iobuf_copy_out_atomic(&b, text, 10), 0);
	ck_assert_uint_eq(unit_thread.no_fault_depth, 0);
}

TEST(pages_are_a_kind_of_memory)
{
	struct page frames[3];
	struct io_pagevec pv[3];
	struct iobuf b;
	void *arena;

	ck_assert_int_eq(posix_memalign(&arena, PAGE_SIZE, 3 * PAGE_SIZE), 0);
	arch_direct_map_base = (vaddr_t)arena;
	arch_vmemmap_base = (vaddr_t)frames;
	for (u32 i = 0; i < 3; i++)
		pv[i] = (struct io_pagevec){ &frames[2 - i], 10 * i, 100 };
	iobuf_init_pages(&b, pv, 3, true);
	ck_assert_uint_eq(iobuf_left(&b), 300);
	ck_assert_uint_eq(iobuf_copy_out(&b, text, 250), 250);
	ck_assert_mem_eq((u8 *)arena + 2 * PAGE_SIZE, text, 100);
	ck_assert_mem_eq((u8 *)arena + PAGE_SIZE + 10, text + 100, 100);
	ck_assert_mem_eq((u8 *)arena + 20, text + 200, 50);
	iobuf_revert(&b, 200);
	ck_assert_uint_eq(iobuf_left(&b), 250);
	free(arena);
}

TEST(user_strings)
{
	char s[8];

	ck_assert_int_eq(copy_string_from_user(s, "hello", sizeof(s)), 5);
	ck_assert_int_eq(copy_string_from_user(s, "helloworld", sizeof(s)), -ENAMETOOLONG);
	ck_assert_int_eq(copy_string_from_user(s, (char *)16, sizeof(s)), -EFAULT);
	ck_assert_int_eq(copy_string_from_user(s, (char *)0xffff800000000000, sizeof(s)), -EFAULT);
}

TEST(extensible_structs)
{
	u8 in[200] = { 1, 2, 3 }, out[100];

	ck_assert_int_eq(copy_struct_from_user(out, 100, in, 50), 0);
	ck_assert_uint_eq(out[2], 3);
	ck_assert_uint_eq(out[99], 0);
	ck_assert_int_eq(copy_struct_from_user(out, 100, in, 200), 0);
	in[150] = 1;
	ck_assert_int_eq(copy_struct_from_user(out, 100, in, 200), -E2BIG);
}

TEST(failed_copy_leaves_no_old_bytes)
{
	memset(room, 0xee, sizeof(room));
	unit_user_fault(text + 100, text + 1000);
	ck_assert_int_eq(copy_from_user(room, text, 200), -EFAULT);
	ck_assert_mem_eq(room, text, 100);
	ck_assert_uint_eq(room[100], 0);
	ck_assert_uint_eq(room[199], 0);
}
