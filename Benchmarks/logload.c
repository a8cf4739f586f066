/* Load for the log of a server, in both protocols, and for a plain file; prebuilt requests out, answers counted.
 *
 *   logload publish <port> <publishers> <payload bytes> <messages each> <window> [streams] [subjects] [rate] [digits]
 *       JetStream publishes to b<n>.<subject>, at most <window> unanswered; <rate> a second of each publisher, 0 for all it takes;
 *       the subject's number with at least so many digits
 *   logload produce <port> <topic> <partitions> <record bytes> <batch bytes> <batches> <window>
 *       Kafka, acks=all, one batch a request, partitions in turns
 *   logload fetch <port> <topic> <partition> <bytes>
 *       Kafka, from offset 0 until so many bytes of batches have come
 *   logload disk <file> <bytes a write> <writes>
 *       write and fdatasync over a file that was filled with zeros before
 *
 * Prints: seconds, messages (bytes for fetch and disk), and of publish and disk also median and 99th percentile of the time to
 * the answer, in microseconds. Source of the Kafka messages: Kafka protocol guide, Produce v7, Fetch v4, Record Batch. */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int port;
static pthread_barrier_t start_line;

static void fail(const char *what) {
    fprintf(stderr, "logload: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static int open_connection(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void send_all(int fd, const void *bytes, size_t count) {
    const char *at = bytes;
    while (count > 0) {
        ssize_t sent = send(fd, at, count, MSG_NOSIGNAL);
        if (sent <= 0) fail("send");
        at += sent;
        count -= sent;
    }
}

static void receive_all(int fd, void *bytes, size_t count) {
    char *at = bytes;
    while (count > 0) {
        ssize_t got = recv(fd, at, count, 0);
        if (got <= 0) fail("recv");
        at += got;
        count -= got;
    }
}

/* ---- times to the answer ------------------------------------------------------------------- */

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_times(double *times, size_t count) {
    if (count == 0) return;
    qsort(times, count, sizeof *times, compare);
    printf(" %.1f %.1f", times[count / 2] * 1e6, times[count * 99 / 100] * 1e6);
}

/* ---- NATS ---------------------------------------------------------------------------------- */

struct publisher {
    int number, size, window, streams, subjects, rate, digits;
    long count;
    double *times;
};

/* Answers come in order for one stream, so the n-th answer is that to the n-th message of its stream. With several streams
 * the time is that of the n-th answer, which is the same in the mean. */
static void *publish(void *argument) {
    struct publisher *p = argument;
    int fd = open_connection();
    char line[256], input[1 << 16];
    int length = snprintf(line, sizeof line, "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\nSUB a%d 1\r\nPING\r\n", p->number);
    send_all(fd, line, length);
    size_t got = 0;
    do {
        ssize_t more = recv(fd, input + got, sizeof input - got - 1, 0);
        if (more <= 0) fail("no PONG");
        got += more;
        input[got] = 0;
    } while (!strstr(input, "PONG\r\n"));
    size_t batch_limit = 64 << 10, batch = 0;
    char *output = malloc(batch_limit + p->size + 512);
    double *sent_at = malloc(p->window * sizeof *sent_at);
    long sent = 0, acked = 0;
    static const char wanted[] = "\nMSG a";
    size_t matched = 1;
    pthread_barrier_wait(&start_line);
    double began = now();
    while (acked < p->count) {
        long allowed = p->count;
        if (p->rate > 0) {
            allowed = (long)((now() - began) * p->rate) + 1;
            if (allowed > p->count) allowed = p->count;
        }
        batch = 0;
        while (sent < allowed && sent - acked < p->window && batch < batch_limit) {
            int stream = (sent + p->number) % p->streams;
            int head = snprintf(output + batch, 200, "PUB b%d.%0*ld a%d %d\r\n", stream, p->digits,
                sent / p->streams % p->subjects, p->number, p->size);
            memset(output + batch + head, 'x', p->size);
            memcpy(output + batch + head + p->size, "\r\n", 2);
            batch += head + p->size + 2;
            sent_at[sent % p->window] = now();
            sent++;
        }
        if (batch > 0) send_all(fd, output, batch);
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int timeout = sent - acked >= p->window || sent == p->count ? 10000 : p->rate > 0 ? 1 : 0;
        int count = poll(&ready, 1, timeout);
        if (count < 0) fail("poll");
        if (count == 0) {
            if (timeout == 10000) fail("no answer for ten seconds");
            continue;
        }
        ssize_t more = recv(fd, input, sizeof input, 0);
        if (more <= 0) fail("closed");
        double at = now();
        for (ssize_t i = 0; i < more; i++) {
            matched = input[i] == wanted[matched] ? matched + 1 : input[i] == '\n' ? 1 : 0;
            if (wanted[matched] == 0) {
                p->times[acked] = at - sent_at[acked % p->window];
                acked++;
                matched = 0;
            }
        }
        if (more >= 5 && memmem(input, more, "\"error\"", 7)) fail("the server refuses");
    }
    close(fd);
    return NULL;
}

static void run_publishers(int argc, char **argv) {
    port = atoi(argv[2]);
    int publishers = atoi(argv[3]);
    struct publisher all[64];
    pthread_t threads[64];
    pthread_barrier_init(&start_line, NULL, publishers + 1);
    for (int i = 0; i < publishers; i++) {
        all[i] = (struct publisher){.number = i, .size = atoi(argv[4]), .count = atol(argv[5]), .window = atoi(argv[6]),
            .streams = argc > 7 ? atoi(argv[7]) : 1, .subjects = argc > 8 ? atoi(argv[8]) : 1, .rate = argc > 9 ? atoi(argv[9]) : 0,
            .digits = argc > 10 ? atoi(argv[10]) : 1};
        all[i].times = malloc(all[i].count * sizeof(double));
        pthread_create(&threads[i], NULL, publish, &all[i]);
    }
    pthread_barrier_wait(&start_line);
    double began = now();
    for (int i = 0; i < publishers; i++) pthread_join(threads[i], NULL);
    double seconds = now() - began;
    printf("%.6f %ld", seconds, all[0].count * publishers);
    print_times(all[0].times, all[0].count);
    printf("\n");
}

/* ---- Kafka --------------------------------------------------------------------------------- */

static uint32_t table[256];

static uint32_t crc32c(const uint8_t *bytes, size_t count) {
    if (table[1] == 0)
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t value = i;
            for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ 0x82F63B78 : value >> 1;
            table[i] = value;
        }
    uint32_t crc = ~0u;
    for (size_t i = 0; i < count; i++) crc = table[(crc ^ bytes[i]) & 255] ^ crc >> 8;
    return ~crc;
}

struct buffer {
    uint8_t *bytes;
    size_t count;
};

static void put(struct buffer *b, uint64_t value, int width) {
    for (int i = width - 1; i >= 0; i--) b->bytes[b->count++] = value >> (8 * i);
}

static void put_text(struct buffer *b, const char *text) {
    put(b, strlen(text), 2);
    memcpy(b->bytes + b->count, text, strlen(text));
    b->count += strlen(text);
}

static void put_varint(struct buffer *b, int64_t value) {
    uint64_t bits = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    for (; bits > 127; bits >>= 7) b->bytes[b->count++] = bits | 128;
    b->bytes[b->count++] = bits;
}

static int varint_length(int64_t value) {
    uint64_t bits = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    int length = 1;
    for (; bits > 127; bits >>= 7) length++;
    return length;
}

/* A batch of records of one size, without keys. Returns how many there are. */
static int put_batch(struct buffer *b, int record_bytes, int batch_bytes) {
    int count = batch_bytes / record_bytes < 1 ? 1 : batch_bytes / record_bytes;
    size_t start = b->count;
    put(b, 0, 8);
    size_t length_at = b->count;
    put(b, 0, 4);
    put(b, 0, 4);
    put(b, 2, 1);
    size_t crc_at = b->count;
    put(b, 0, 4);
    put(b, 0, 2);
    put(b, count - 1, 4);
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    uint64_t time = t.tv_sec * 1000ull;
    put(b, time, 8);
    put(b, time, 8);
    put(b, -1, 8);
    put(b, -1, 2);
    put(b, -1, 4);
    put(b, count, 4);
    for (int i = 0; i < count; i++) {
        int body = 1 + 1 + varint_length(i) + 1 + varint_length(record_bytes) + record_bytes + 1;
        put_varint(b, body);
        put(b, 0, 1);
        put_varint(b, 0);
        put_varint(b, i);
        put_varint(b, -1);
        put_varint(b, record_bytes);
        memset(b->bytes + b->count, 'x', record_bytes);
        b->count += record_bytes;
        put_varint(b, 0);
    }
    struct buffer at = {b->bytes, length_at};
    put(&at, b->count - start - 12, 4);
    at.count = crc_at;
    put(&at, crc32c(b->bytes + crc_at + 4, b->count - crc_at - 4), 4);
    return count;
}

static void put_head(struct buffer *b, int api, int version) {
    b->count = 4;
    put(b, api, 2);
    put(b, version, 2);
    put(b, 1, 4);
    put_text(b, "logload");
}

static void put_length(struct buffer *b) {
    struct buffer at = {b->bytes, 0};
    put(&at, b->count - 4, 4);
}

static uint64_t get(const uint8_t *bytes, int width) {
    uint64_t value = 0;
    for (int i = 0; i < width; i++) value = value << 8 | bytes[i];
    return value;
}

static void produce(char **argv) {
    port = atoi(argv[2]);
    const char *topic = argv[3];
    int partitions = atoi(argv[4]), record_bytes = atoi(argv[5]), batch_bytes = atoi(argv[6]), window = atoi(argv[8]);
    long batches = atol(argv[7]), sent = 0, done = 0;
    struct buffer request = {malloc(batch_bytes * 2 + 4096), 0};
    put_head(&request, 0, 7);
    put(&request, -1, 2);
    put(&request, -1, 2);
    put(&request, 30000, 4);
    put(&request, 1, 4);
    put_text(&request, topic);
    put(&request, 1, 4);
    size_t partition_at = request.count;
    put(&request, 0, 4);
    size_t size_at = request.count;
    put(&request, 0, 4);
    int records = put_batch(&request, record_bytes, batch_bytes);
    struct buffer at = {request.bytes, size_at};
    put(&at, request.count - size_at - 4, 4);
    put_length(&request);
    int fd = open_connection();
    uint8_t answer[4096];
    double began = now();
    while (done < batches) {
        while (sent < batches && sent - done < window) {
            at.count = partition_at;
            put(&at, sent % partitions, 4);
            send_all(fd, request.bytes, request.count);
            sent++;
        }
        receive_all(fd, answer, 4);
        uint32_t length = get(answer, 4);
        if (length > sizeof answer) fail("a long answer");
        receive_all(fd, answer, length);
        size_t error_at = 4 + 4 + 2 + strlen(topic) + 4 + 4;
        if (get(answer + error_at, 2) != 0) {
            fprintf(stderr, "logload: error code %d\n", (int)get(answer + error_at, 2));
            exit(1);
        }
        done++;
    }
    printf("%.6f %ld\n", now() - began, batches * records);
}

static void fetch(char **argv) {
    port = atoi(argv[2]);
    const char *topic = argv[3];
    long wanted = atol(argv[5]), got = 0;
    uint64_t offset = 0;
    struct buffer request = {malloc(4096), 0};
    size_t capacity = 64 << 20;
    uint8_t *answer = malloc(capacity);
    int fd = open_connection();
    double began = now();
    while (got < wanted) {
        put_head(&request, 1, 4);
        put(&request, -1, 4);
        put(&request, 1000, 4);
        put(&request, 1, 4);
        put(&request, 50 << 20, 4);
        put(&request, 0, 1);
        put(&request, 1, 4);
        put_text(&request, topic);
        put(&request, 1, 4);
        put(&request, atoi(argv[4]), 4);
        put(&request, offset, 8);
        put(&request, 8 << 20, 4);
        put_length(&request);
        send_all(fd, request.bytes, request.count);
        receive_all(fd, answer, 4);
        uint32_t length = get(answer, 4);
        if (length > capacity) fail("a long answer");
        receive_all(fd, answer, length);
        const uint8_t *at = answer + 4 + 4 + 4 + 2 + strlen(topic) + 4 + 4;
        if (get(at, 2) != 0) fail("fetch refused");
        at += 2 + 8 + 8;
        int32_t aborted = get(at, 4);
        at += 4 + (aborted > 0 ? aborted * 16 : 0);
        uint32_t count = get(at, 4);
        at += 4;
        if (count == 0) fail("the log ends before");
        got += count;
        /* The offset behind the last whole batch. */
        const uint8_t *end = at + count;
        while (at + 61 <= end && at + 12 + get(at + 8, 4) <= end) {
            offset = get(at, 8) + get(at + 23, 4) + 1;
            at += 12 + get(at + 8, 4);
        }
    }
    printf("%.6f %ld\n", now() - began, got);
}

/* ---- a file -------------------------------------------------------------------------------- */

static void disk(char **argv) {
    size_t size = atol(argv[3]);
    long count = atol(argv[4]);
    size_t total = size * count, region = total < 256u << 20 ? total : 256u << 20;
    int fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) fail(argv[2]);
    char *bytes = calloc(1, size > 1 << 20 ? size : 1 << 20);
    for (size_t at = 0; at < region; at += 1 << 20)
        if (pwrite(fd, bytes, 1 << 20, at) != 1 << 20) fail("write");
    if (fdatasync(fd) != 0) fail("fdatasync");
    memset(bytes, 'x', size);
    double *times = malloc(count * sizeof *times), began = now();
    for (long i = 0; i < count; i++) {
        double at = now();
        if (pwrite(fd, bytes, size, i * size % (region - size + 1)) != (ssize_t)size) fail("write");
        if (fdatasync(fd) != 0) fail("fdatasync");
        times[i] = now() - at;
    }
    printf("%.6f %zu", now() - began, total);
    print_times(times, count);
    printf("\n");
    unlink(argv[2]);
}

int main(int argc, char **argv) {
    if (argc > 6 && strcmp(argv[1], "publish") == 0) run_publishers(argc, argv);
    else if (argc == 9 && strcmp(argv[1], "produce") == 0) produce(argv);
    else if (argc == 6 && strcmp(argv[1], "fetch") == 0) fetch(argv);
    else if (argc == 5 && strcmp(argv[1], "disk") == 0) disk(argv);
    else {
        fprintf(stderr, "logload: see the head of logload.c\n");
        return 2;
    }
    return 0;
}
