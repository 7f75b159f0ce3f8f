/* The parts of the test payload. Each verb gets its own arguments (argv[0] is the verb) and returns an exit code. */
#ifndef WHERRY_TEST_PAYLOAD_H
#define WHERRY_TEST_PAYLOAD_H

int verb_identity(int argc, char **argv);
int verb_eat(int argc, char **argv);
int verb_spin(int argc, char **argv);
int verb_forks(int argc, char **argv);
int verb_orphans(int argc, char **argv);
int verb_copy(int argc, char **argv);
int verb_pattern(int argc, char **argv);
int verb_sum(int argc, char **argv);
int verb_interleave(int argc, char **argv);
int verb_signals(int argc, char **argv);
int verb_terminal(int argc, char **argv);
int verb_try(int argc, char **argv);
int verb_syscalls(int argc, char **argv);
int verb_leaks(int argc, char **argv);
int verb_keys(int argc, char **argv);
int verb_watch(int argc, char **argv);
int verb_overwrite(int argc, char **argv);
int verb_release_agent(int argc, char **argv);

/* A decimal argument, or otherwise when it is absent. */
long number_argument(int argc, char **argv, int index, long otherwise);

/* EPERM and the like; `errno N` for one that no test needs. */
const char *error_name(int error);

#endif
