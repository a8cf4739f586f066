#ifndef CPLATFORM_BACKGROUND_H
#define CPLATFORM_BACKGROUND_H
#include <stdint.h>

/* Makes the calling thread give way to others, for processor and disk alike. */
void duolog_thread_yield_to_others(void);

/* Begins to write a stretch of a file to the device and does not wait: 0, or an errno. */
int duolog_start_writing(int fd, int64_t offset, int64_t count);

/* Gives freed memory back to the system (malloc_trim). */
void duolog_return_memory(void);

/* Allocations of so many bytes get pages of their own; arenas keep less than so many free bytes at their end. Source: mallopt(3). */
void duolog_bound_kept_memory(int own_pages_from, int kept_at_end);

#endif
