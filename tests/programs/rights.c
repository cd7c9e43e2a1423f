/* rights ACT...: does each of these and says with which errno it ended, 0 for success. Most take a capability. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int act(const char *name);

/* The lowest port that anybody may take: engines set it in a container's network. */
static int ports(void)
{
	int first = -1;
	FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "r");
	if (!file || fscanf(file, "%d", &first) != 1)
		return -1;
	printf("from %d\n", first);
	return fclose(file);
}

static int take_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(81) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	return bind(fd, (struct sockaddr *)&address, sizeof address);
}

static int give_away(void)
{
	int fd = open("/tmp/rights", O_CREAT | O_EXCL | O_WRONLY, 0600);
	return fchown(fd, 1234, 1234);
}

static int map(void)
{
	for (int i = 0; i < 5; i++)
		if (mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			return -1;
	return 0;
}

/* A filter without no_new_privs. */
static int confine(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = 1, .filter = &allow };
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

/* A child that is root in a user namespace of its own, and renames a host of its own there. */
static int sandbox(void)
{
	int status = 0;
	pid_t child = fork();
	if (child == 0)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWUTS) || act("rename") ? errno : 0);
	if (waitpid(child, &status, 0) < 0)
		return -1;
	errno = WEXITSTATUS(status);
	return errno ? -1 : 0;
}

static int act(const char *name)
{
	if (!strcmp(name, "ports"))
		return ports();
	if (!strcmp(name, "bind"))
		return take_port();
	if (!strcmp(name, "chown"))
		return give_away();
	if (!strcmp(name, "map"))
		return map();
	if (!strcmp(name, "rename"))
		return sethostname("renamed", 7);
	if (!strcmp(name, "hurry"))
		return setpriority(PRIO_PROCESS, 0, -5);
	if (!strcmp(name, "confine"))
		return confine();
	if (!strcmp(name, "sandbox"))
		return sandbox();
	if (!strcmp(name, "chroot"))
		return chroot("/");
	errno = EINVAL;
	return -1;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		errno = 0;
		int failed = act(argv[i]);
		printf("%s %d\n", argv[i], failed ? errno : 0);
	}
	return 0;
}
