#ifndef CPLATFORM_POLL_H
#define CPLATFORM_POLL_H
/* epoll, eventfd, accept4 and thread names, which Glibc's Swift module lacks. Failures come back as -errno. */
#include <stdint.h>

struct duolog_poll_event {
    uint64_t data;
    uint32_t events;
};

enum {
    DUOLOG_POLL_READ = 1,
    DUOLOG_POLL_WRITE = 2,
    DUOLOG_POLL_HANGUP = 4,
};

int duolog_poll_create(void);
/* Edge triggered, for reading and writing. */
int duolog_poll_add_stream(int poll, int fd, uint64_t data);
/* Level triggered, for reading: listeners and the wake-up descriptor. */
int duolog_poll_add_source(int poll, int fd, uint64_t data);
int duolog_poll_remove(int poll, int fd);
int duolog_poll_wait(int poll, struct duolog_poll_event *out, int capacity, int timeout_ms);

int duolog_wakeup_create(void);
void duolog_wakeup_signal(int fd);
void duolog_wakeup_clear(int fd);

/* `address` has room for a sockaddr_storage. */
int duolog_accept(int listener, void *address, uint32_t *length);

/* Names the calling thread; at most 15 bytes. */
void duolog_thread_name(const char *name);
#endif
