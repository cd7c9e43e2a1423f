/* denied K: tries mkdirat K times and prints the error number of each, 0 where it was allowed. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	for (long k = 0; k < atol(argv[1]); k++) {
		char path[32];
		snprintf(path, sizeof path, "/tmp/made-%ld", k);
		printf("%d\n", syscall(SYS_mkdirat, AT_FDCWD, path, 0755) == 0 ? 0 : errno);
	}
	return 0;
}
