/*
 * peak.c - how much memory a program took.
 *
 * usage: peak FILE PROGRAM [ARGUMENT]...
 * Runs the program and writes its peak resident memory, in bytes, into FILE.
 * Exits as the program did.
 */
#include <err.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void
write_peak(const char *path)
{
	struct rusage usage;
	FILE *file = fopen(path, "w");

	if (file == NULL || getrusage(RUSAGE_CHILDREN, &usage) != 0 ||
		fprintf(file, "%lld\n", usage.ru_maxrss * 1024LL) < 0 ||
		fclose(file) != 0)
		err(125, "could not write \"%s\"", path);
}

int
main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc < 3)
		errx(125, "usage: peak FILE PROGRAM [ARGUMENT]...");
	pid = fork();
	if (pid < 0)
		err(125, "could not fork");
	if (pid == 0) {
		(void)execv(argv[2], argv + 2);
		err(127, "could not run \"%s\"", argv[2]);
	}
	if (waitpid(pid, &status, 0) != pid)
		err(125, "could not wait");
	write_peak(argv[1]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
