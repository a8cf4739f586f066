#include "cbytes.h"
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2")))
static uint32_t hardware(uint32_t state, const uint8_t *p, size_t n) {
    uint64_t wide = state;
    while (n >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        wide = _mm_crc32_u64(wide, word);
        p += 8;
        n -= 8;
    }
    state = (uint32_t)wide;
    while (n--) state = _mm_crc32_u8(state, *p++);
    return state;
}
static int has_hardware(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

static uint32_t hardware(uint32_t state, const uint8_t *p, size_t n) {
    while (n >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        state = __crc32cd(state, word);
        p += 8;
        n -= 8;
    }
    while (n--) state = __crc32cb(state, *p++);
    return state;
}
static int has_hardware(void) { return 1; }
#else
static uint32_t hardware(uint32_t state, const uint8_t *p, size_t n) { return state; }
static int has_hardware(void) { return 0; }
#endif

static uint32_t software(uint32_t state, const uint8_t *p, size_t n) {
    while (n--) {
        state ^= *p++;
        for (int bit = 0; bit < 8; bit++) state = (state >> 1) ^ (0x82F63B78u & -(state & 1));
    }
    return state;
}

uint32_t duolog_crc32c(uint32_t crc, const void *bytes, size_t count) {
    uint32_t state = ~crc;
    state = has_hardware() ? hardware(state, bytes, count) : software(state, bytes, count);
    return ~state;
}
