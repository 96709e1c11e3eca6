#ifndef CINSTRUCTIONS_H
#define CINSTRUCTIONS_H

#include <stdint.h>

// Opens a counter of the instructions that this thread retires in user space (perf_event_open(2)), which a busy machine
// does not change. -1 with errno where the kernel has none to give.
int instructions_open(void);

// What the counter stands at, or the thread's CPU time in nanoseconds where it is -1.
uint64_t instructions_read(int counter);

#endif
