/* What main() hands over to. */
#ifndef WHERRY_MAIN_H
#define WHERRY_MAIN_H

/* dist/wherry: cleans the environment and starts the engine that lies beside it. Does not return when it succeeds; the exit status otherwise. */
int front(char **argv);

/* `launcher signal`, signal.c: the exit status. */
int signal_main(int argc, char **argv);

/*
 * 0 when the running executable can't be opened for writing through /proc/PID/exe. Else executes the same program again
 * from a copy where that holds, and returns -1 with errno only if that isn't possible. CVE-2019-5736.
 */
int protect_executable(char *const argv[], char *const envp[]);

#endif
