#ifndef WHERRY_SIGNAL_H
#define WHERRY_SIGNAL_H

/* The mode `launcher signal`; argv[0] is its name. */
int signal_main(int argc, char **argv);

#endif
