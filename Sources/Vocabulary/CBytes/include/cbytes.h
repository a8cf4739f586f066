#ifndef CBYTES_H
#define CBYTES_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

/* CRC-32C (Castagnoli), RFC 3720 section 12.1. `crc` is the checksum so far, 0 at the start. */
uint32_t duolog_crc32c(uint32_t crc, const void *bytes, size_t count);

/* 1 where both places hold the same `count` bytes. */
static inline int duolog_same_bytes(const void *left, const void *right, size_t count) {
    return memcmp(left, right, count) == 0;
}

/* The index of the first `byte`, or -1. */
static inline ssize_t duolog_find_byte(const void *bytes, uint8_t byte, size_t count) {
    const void *found = memchr(bytes, byte, count);
    return found ? (ssize_t)((const uint8_t *)found - (const uint8_t *)bytes) : -1;
}

#endif
