/* calls N M [CODE]: makes exactly N getppid calls, and M openat calls that fail with ENOENT; exits with
   CODE. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 3 && argc != 4)
		return 2;
	for (long left = atol(argv[1]); left > 0; left--)
		syscall(SYS_getppid);
	for (long left = atol(argv[2]); left > 0; left--)
		if (syscall(SYS_openat, AT_FDCWD, "/does/not/exist", O_RDONLY) != -1 || errno != ENOENT)
			return 1;
	return argc == 4 ? atoi(argv[3]) : 0;
}
