/* dist/wherry: cleans the environment and starts the engine that lies beside it. */
#ifndef WHERRY_FRONT_H
#define WHERRY_FRONT_H

/* Does not return when it succeeds; the exit status otherwise. */
int front(char **argv);

#endif
