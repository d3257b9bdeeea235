/* SPDX-License-Identifier: BSD-2-Clause */
/* reboot(2). */
#include "proc/proc.h"
#include "sys/reboot.h"
#include "syscall_protos.h"

#define REBOOT_MAGIC1	0xfee1deadU

enum {
	REBOOT_CAD_OFF = 0, REBOOT_RESTART = 0x01234567, REBOOT_HALT = 0xcdef0123, REBOOT_CAD_ON = 0x89abcdef,
	REBOOT_POWER_OFF = 0x4321fedc, REBOOT_RESTART2 = 0xa1b2c3d4,
};

static const u32 magic2_values[] = { 672274793, 85072278, 369367448, 537993216 };

static bool
magic_ok(u32 magic1, u32 magic2)
{
	for (u32 i = 0; i < ARRAY_SIZE(magic2_values); i++)
		if (magic1 == REBOOT_MAGIC1 && magic2 == magic2_values[i])
			return true;
	return false;
}

long
sys_reboot(int magic1, int magic2, unsigned int cmd, const void __user *arg)
{
	char command[256];

	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	if (!magic_ok((u32)magic1, (u32)magic2))
		return -EINVAL;
	switch (cmd) {
	case REBOOT_CAD_OFF:
	case REBOOT_CAD_ON:
		atomic_store(&ctrl_alt_del_reboots, cmd == REBOOT_CAD_ON);
		return 0;
	case REBOOT_RESTART2:
		if (copy_string_from_user(command, arg, sizeof(command)) == -EFAULT)
			return -EFAULT;
		machine_end(MACHINE_RESTART);
	case REBOOT_RESTART:
		machine_end(MACHINE_RESTART);
	case REBOOT_HALT:
		machine_end(MACHINE_HALT);
	case REBOOT_POWER_OFF:
		machine_end(MACHINE_POWEROFF);
	default:
		return -EINVAL;
	}
}
