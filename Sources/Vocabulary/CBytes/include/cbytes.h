#ifndef CBYTES_H
#define CBYTES_H
#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli), RFC 3720 section 12.1. `crc` is the checksum so far, 0 at the start. */
uint32_t duolog_crc32c(uint32_t crc, const void *bytes, size_t count);

#endif
