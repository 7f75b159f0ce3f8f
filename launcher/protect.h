/* The launcher's own executable can't be overwritten by what it starts. */
#ifndef WHERRY_PROTECT_H
#define WHERRY_PROTECT_H

/*
 * 0 when the running executable can't be opened for writing through /proc/PID/exe. Else executes the same program again
 * from a copy where that holds, and returns -1 with errno only if that isn't possible. CVE-2019-5736.
 */
int protect_executable(char *const argv[], char *const envp[]);

#endif
