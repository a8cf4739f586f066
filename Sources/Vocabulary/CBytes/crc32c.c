#include "cbytes.h"
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>

/*
 * One crc32 instruction takes three cycles, and the processor can begin one in each. So a long
 * stretch is cut in three that are summed side by side. The sum of what lies in front is then moved
 * over what lies behind it, as if so many zeros came: that is linear over the bits of the sum, and
 * comes from four tables of 256 entries.
 */
enum { LONG_COUNT = 4096, SHORT_COUNT = 256 };
static uint32_t long_zeros[4][256], short_zeros[4][256];

__attribute__((target("sse4.2")))
static uint32_t serial(uint32_t state, const uint8_t *p, size_t n) {
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

static uint32_t move_over(uint32_t table[4][256], uint32_t state) {
    return table[0][state & 0xFF] ^ table[1][state >> 8 & 0xFF] ^ table[2][state >> 16 & 0xFF]
        ^ table[3][state >> 24];
}

static void make_table(uint32_t table[4][256], size_t count) {
    static const uint8_t zeros[LONG_COUNT];
    for (int byte = 0; byte < 4; byte++) {
        for (int bit = 0; bit < 8; bit++)
            table[byte][1 << bit] = serial((uint32_t)1 << (8 * byte + bit), zeros, count);
        for (int value = 1; value < 256; value++)
            table[byte][value] = table[byte][value & -value] ^ table[byte][value & (value - 1)];
    }
}

__attribute__((constructor))
static void make_tables(void) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse4.2")) return;
    make_table(long_zeros, LONG_COUNT);
    make_table(short_zeros, SHORT_COUNT);
}

__attribute__((target("sse4.2")))
static uint32_t three(uint32_t state, const uint8_t *p, size_t count, uint32_t table[4][256]) {
    uint64_t first = state, second = 0, third = 0;
    for (size_t i = 0; i < count; i += 8) {
        uint64_t a, b, c;
        memcpy(&a, p + i, 8);
        memcpy(&b, p + count + i, 8);
        memcpy(&c, p + 2 * count + i, 8);
        first = _mm_crc32_u64(first, a);
        second = _mm_crc32_u64(second, b);
        third = _mm_crc32_u64(third, c);
    }
    state = move_over(table, (uint32_t)first) ^ (uint32_t)second;
    return move_over(table, state) ^ (uint32_t)third;
}

static uint32_t hardware(uint32_t state, const uint8_t *p, size_t n) {
    for (; n >= 3 * LONG_COUNT; p += 3 * LONG_COUNT, n -= 3 * LONG_COUNT)
        state = three(state, p, LONG_COUNT, long_zeros);
    for (; n >= 3 * SHORT_COUNT; p += 3 * SHORT_COUNT, n -= 3 * SHORT_COUNT)
        state = three(state, p, SHORT_COUNT, short_zeros);
    return serial(state, p, n);
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
