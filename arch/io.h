/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port contract: device registers. All inline, from arch/x86_64/io.h; each call is one access of the stated width, in order.
 *
 *   u8   mmio_read8(p) ... u64 mmio_read64(p)     device memory mapped by kmap_device()
 *   void mmio_write8(p, v) ... mmio_write64(p, v)
 *   u8   inb(port), inw, inl                      I/O ports (only drivers of PC hardware, and PCI I/O bars)
 *   void outb(port, v), outw, outl
 *   void insw(port, buf, words), outsw            strings of 16-bit words
 *   void io_wait(void)                            about a microsecond
 */
#ifndef ARCH_IO_H
#define ARCH_IO_H

#ifdef LINTEL_HOST_TEST
#include "tests/unit/shim/arch_io.h"
#else
#include "arch/x86_64/io.h"
#endif

#endif
