/* SPDX-License-Identifier: BSD-2-Clause */
/* ATA and ATAPI disks on PCI IDE and AHCI controllers. */
#ifndef DEV_ATA_INIT_H
#define DEV_ATA_INIT_H

/* Find controllers and their devices, publish the disks: sda ..., sr0 ... Sleeps until all have answered. Once, at boot, after pci_init()
 * and block_init(). */
void ata_init(void);

#endif
