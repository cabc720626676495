#include "verify/read_fault.h"

#include <errno.h>

bool
read_fault_is_the_files(const struct error *fault)
{
	if (fault->code == ERR_DAMAGED)
		return true;
	return fault->code == ERR_SYSTEM && fault->sys_errno != EMFILE &&
		fault->sys_errno != ENFILE && fault->sys_errno != ENOMEM;
}
