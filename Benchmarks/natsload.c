/* Load for a NATS server: prebuilt commands out, bytes counted in, so that the server is what is measured.
 *
 *   natsload <port> pub     <publishers> <payload bytes> <messages each>
 *   natsload <port> fan     <subscribers> <payload bytes> <messages>          one publisher, all get all
 *   natsload <port> pairs   <pairs> <payload bytes> <messages each> [subjects]  each publisher its own subscriber
 *   natsload <port> request <clients> <payload bytes> <requests each>
 *   natsload <port> wild    <subscriptions> <payload bytes> <messages>        never the same subject twice
 *   natsload <port> churn   <clients> <payload bytes> <connections each>      connect, subscribe, go
 *   natsload <port> subs    <clients> <payload bytes> <rounds each>           100 SUBs and their UNSUBs a round
 *   natsload <port> idle    <connections> 0 0                                 stays until standard input ends
 *
 * NATSLOAD_USER and NATSLOAD_PASSWORD in the environment go into CONNECT; with NATSLOAD_TLS=1 everything behind INFO goes
 * over TLS, and the server's certificate is taken as it comes.
 *
 * Prints: seconds, messages published, messages delivered; of requests also the median and the 99th and 99.9th
 * percentile of the time to the answer, in microseconds. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int port;
static pthread_barrier_t start_line;

static void fail(const char *what) {
    fprintf(stderr, "natsload: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

/* The TLS of a descriptor; NULL: none. */
static SSL *secured[1 << 16];
static SSL_CTX *tls;

static ssize_t take(int fd, void *bytes, size_t capacity) {
    return secured[fd] ? SSL_read(secured[fd], bytes, (int)capacity) : recv(fd, bytes, capacity, 0);
}

static void hang_up(int fd) {
    SSL_free(secured[fd]);
    secured[fd] = NULL;
    close(fd);
}

static void begin_tls(int fd) {
    char byte = 0;
    while (byte != '\n')
        if (recv(fd, &byte, 1, 0) != 1) fail("no INFO");
    secured[fd] = SSL_new(tls);
    SSL_set_fd(secured[fd], fd);
    if (SSL_connect(secured[fd]) != 1) fail("TLS handshake");
}

static void send_all(int fd, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t sent =
            secured[fd] ? SSL_write(secured[fd], bytes, (int)count) : send(fd, bytes, count, MSG_NOSIGNAL);
        if (sent <= 0) fail("send");
        bytes += sent;
        count -= sent;
    }
}

/* Reads until PONG is the last thing that came. */
static void until_pong(int fd) {
    char bytes[65536], tail[7] = {0};
    for (;;) {
        ssize_t count = take(fd, bytes, sizeof bytes);
        if (count <= 0) fail("closed before PONG");
        for (ssize_t i = 0; i < count; i++) {
            memmove(tail, tail + 1, 5);
            tail[5] = bytes[i];
            if (memcmp(tail, "PONG\r\n", 6) == 0 && i == count - 1) return;
        }
    }
}

static int dial(const char *more) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (tls) begin_tls(fd);
    char hello[1024], login[512] = "";
    const char *user = getenv("NATSLOAD_USER"), *password = getenv("NATSLOAD_PASSWORD");
    if (user) snprintf(login, sizeof login, ",\"user\":\"%s\",\"pass\":\"%s\"", user, password ? password : "");
    int length = snprintf(
        hello, sizeof hello,
        "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true%s}\r\n%sPING\r\n",
        login, more);
    send_all(fd, hello, length);
    until_pong(fd);
    return fd;
}

struct job {
    int id, payload, subjects;
    long messages, expected_bytes;
    const char *prefix;
    /* Of a requester: how long each answer took, in nanoseconds. */
    unsigned *latencies;
};

static void *publisher(void *argument) {
    struct job *job = argument;
    int fd = dial("");
    /* As many commands as make about 128 KiB, with the subjects in turn. */
    size_t capacity = (1 << 17) + job->payload + 128;
    if (job->subjects > 1) capacity += (size_t)job->subjects * (job->payload + 64);
    char *batch = malloc(capacity);
    size_t length = 0, one = 0;
    long in_batch = 0;
    while ((length < (1 << 17) || in_batch % job->subjects != 0) && in_batch < job->messages) {
        if (job->subjects > 1)
            length += sprintf(batch + length, "PUB %s.%d.%04ld %d\r\n", job->prefix, job->id,
                in_batch % job->subjects, job->payload);
        else
            length += sprintf(batch + length, "PUB %s.%d %d\r\n", job->prefix, job->id, job->payload);
        memset(batch + length, 'x', job->payload);
        length += job->payload;
        length += sprintf(batch + length, "\r\n");
        if (one == 0) one = length;
        in_batch++;
    }
    pthread_barrier_wait(&start_line);
    long left = job->messages;
    for (; left >= in_batch; left -= in_batch) send_all(fd, batch, length);
    if (left > 0) send_all(fd, batch, left * one);
    send_all(fd, "PING\r\n", 6);
    until_pong(fd);
    hang_up(fd);
    free(batch);
    return NULL;
}

static void *subscriber(void *argument) {
    struct job *job = argument;
    char subscribe[128];
    if (job->subjects > 1)
        snprintf(subscribe, sizeof subscribe, "SUB %s.%d.* 1\r\n", job->prefix, job->id);
    else
        snprintf(subscribe, sizeof subscribe, "SUB %s.%d 1\r\n", job->prefix, job->id);
    int fd = dial(subscribe);
    char *bytes = malloc(1 << 18);
    pthread_barrier_wait(&start_line);
    long left = job->expected_bytes;
    while (left > 0) {
        ssize_t count = take(fd, bytes, 1 << 18);
        if (count <= 0) fail("subscriber was cut off");
        left -= count;
    }
    /* The server's PING, two seconds after CONNECT, is counted too. */
    if (left < -6) {
        fprintf(stderr, "natsload: %ld bytes too many\n", -left);
        exit(1);
    }
    hang_up(fd);
    free(bytes);
    return NULL;
}

static long message_bytes(struct job *job) {
    char line[256];
    int length = job->subjects > 1
        ? sprintf(line, "MSG %s.%d.%04d 1 %d\r\n", job->prefix, job->id, 0, job->payload)
        : sprintf(line, "MSG %s.%d 1 %d\r\n", job->prefix, job->id, job->payload);
    return length + job->payload + 2;
}

/* Takes the server's own PING out, which stands between messages. */
static size_t without_ping(char *bytes, size_t count) {
    if (count < 6 || memcmp(bytes, "PING\r\n", 6) != 0) return count;
    memmove(bytes, bytes + 6, count - 6);
    return count - 6;
}

static void *responder(void *argument) {
    struct job *job = argument;
    char subscribe[64];
    snprintf(subscribe, sizeof subscribe, "SUB %s.%d 1\r\n", job->prefix, job->id);
    int fd = dial(subscribe);
    char bytes[1 << 16], answer[1 << 16];
    size_t held = 0;
    pthread_barrier_wait(&start_line);
    for (long done = 0; done < job->messages;) {
        ssize_t count = take(fd, bytes + held, sizeof bytes - held - 1);
        if (count <= 0) fail("responder was cut off");
        held += count;
        bytes[held] = 0;
        held = without_ping(bytes, held);
        char *line_end = strstr(bytes, "\r\n");
        if (!line_end) continue;
        size_t whole = line_end + 2 - bytes + job->payload + 2;
        if (held < whole) continue;
        char reply[128];
        if (sscanf(bytes, "MSG %*s %*s %127s", reply) != 1) fail("no reply subject");
        int length = sprintf(answer, "PUB %s %d\r\n", reply, job->payload);
        memcpy(answer + length, line_end + 2, job->payload + 2);
        send_all(fd, answer, length + job->payload + 2);
        memmove(bytes, bytes + whole, held - whole);
        held -= whole;
        done++;
    }
    hang_up(fd);
    return NULL;
}

static void *requester(void *argument) {
    struct job *job = argument;
    char subscribe[64], request[1 << 16], bytes[1 << 16];
    snprintf(subscribe, sizeof subscribe, "SUB _INBOX.c%d.* 1\r\n", job->id);
    int fd = dial(subscribe);
    pthread_barrier_wait(&start_line);
    for (long done = 0; done < job->messages; done++) {
        int length = sprintf(
            request, "PUB %s.%d _INBOX.c%d.%ld %d\r\n", job->prefix, job->id, job->id, done, job->payload);
        memset(request + length, 'x', job->payload);
        length += job->payload;
        length += sprintf(request + length, "\r\n");
        double sent = now();
        send_all(fd, request, length);
        char line[128];
        size_t expected =
            sprintf(line, "MSG _INBOX.c%d.%ld 1 %d\r\n", job->id, done, job->payload) + job->payload + 2;
        for (size_t got = 0; got < expected;) {
            ssize_t count = take(fd, bytes + got, sizeof bytes - got);
            if (count <= 0) fail("requester was cut off");
            got = without_ping(bytes, got + count);
        }
        job->latencies[done] = (unsigned)((now() - sent) * 1e9);
    }
    hang_up(fd);
    return NULL;
}

/* One subscriber with many filters, and one publisher that uses each subject once. */
static void *wild_subscriber(void *argument) {
    struct job *job = argument;
    int fd = dial("");
    char *filters = malloc((size_t)job->subjects * 64);
    size_t length = 0;
    for (int i = 0; i < job->subjects; i++)
        length += sprintf(filters + length, "SUB %s.%06d.*.x 1%06d\r\n", job->prefix, i, i);
    send_all(fd, filters, length);
    send_all(fd, "PING\r\n", 6);
    until_pong(fd);
    free(filters);
    char *bytes = malloc(1 << 18);
    pthread_barrier_wait(&start_line);
    for (long left = job->expected_bytes; left > 0;) {
        ssize_t count = take(fd, bytes, 1 << 18);
        if (count <= 0) fail("subscriber was cut off");
        left -= count;
    }
    hang_up(fd);
    free(bytes);
    return NULL;
}

static void *wild_publisher(void *argument) {
    struct job *job = argument;
    int fd = dial("");
    char *payload = malloc(job->payload + 1), *batch = malloc((1 << 17) + job->payload + 256);
    memset(payload, 'x', job->payload);
    pthread_barrier_wait(&start_line);
    unsigned filter = 1;
    for (long done = 0; done < job->messages;) {
        size_t length = 0;
        for (; length < (1 << 17) && done < job->messages; done++) {
            filter = (filter * 1103515245u + 12345u) & 0x7fffffff;
            length += sprintf(batch + length, "PUB %s.%06u.%08ld.x %d\r\n", job->prefix,
                filter % (unsigned)job->subjects, done, job->payload);
            memcpy(batch + length, payload, job->payload);
            length += job->payload;
            memcpy(batch + length, "\r\n", 2);
            length += 2;
        }
        send_all(fd, batch, length);
    }
    send_all(fd, "PING\r\n", 6);
    until_pong(fd);
    hang_up(fd);
    free(batch);
    free(payload);
    return NULL;
}

static void *comer_and_goer(void *argument) {
    struct job *job = argument;
    pthread_barrier_wait(&start_line);
    for (long done = 0; done < job->messages; done++) {
        char subscribe[64];
        snprintf(subscribe, sizeof subscribe, "SUB %s.%d.%ld 1\r\n", job->prefix, job->id, done);
        close(dial(subscribe));
    }
    return NULL;
}

static void *flooder(void *argument) {
    struct job *job = argument;
    int fd = dial("");
    char *batch = malloc(1 << 16);
    pthread_barrier_wait(&start_line);
    for (long round = 0; round < job->messages; round++) {
        size_t length = 0;
        for (int i = 0; i < 100; i++)
            length += sprintf(batch + length, "SUB %s.%d.%ld.%d %d\r\n", job->prefix, job->id, round, i, i);
        for (int i = 0; i < 100; i++) length += sprintf(batch + length, "UNSUB %d\r\n", i);
        length += sprintf(batch + length, "PING\r\n");
        send_all(fd, batch, length);
        until_pong(fd);
    }
    hang_up(fd);
    free(batch);
    return NULL;
}

static int idle(int count) {
    for (int i = 0; i < count; i++) {
        char subscribe[64];
        snprintf(subscribe, sizeof subscribe, "SUB idle.%d 1\r\n", i);
        dial(subscribe);
    }
    printf("ready\n");
    fflush(stdout);
    /* The server's PINGs stay unread: there are not many in the time of a measurement. */
    while (getchar() != EOF) {
    }
    return 0;
}

static int ascending(const void *left, const void *right) {
    unsigned one = *(const unsigned *)left, two = *(const unsigned *)right;
    return (one > two) - (one < two);
}

static void print_percentiles(struct job *jobs, int count, long messages) {
    size_t total = (size_t)count * messages;
    unsigned *all = malloc(total * sizeof *all);
    for (int i = 0; i < count; i++) memcpy(all + (size_t)i * messages, jobs[i].latencies, messages * sizeof *all);
    qsort(all, total, sizeof *all, ascending);
    printf(" %.1f %.1f %.1f", all[total / 2] / 1e3, all[total * 99 / 100] / 1e3, all[total * 999 / 1000] / 1e3);
    free(all);
}

int main(int argc, char **argv) {
    if (argc < 6) {
        fprintf(stderr, "usage: natsload <port> pub|fan|pairs|request|wild|churn|subs|idle <count> <payload bytes> <messages> [subjects]\n");
        return 2;
    }
    port = atoi(argv[1]);
    if (getenv("NATSLOAD_TLS")) tls = SSL_CTX_new(TLS_client_method());
    const char *mode = argv[2];
    int count = atoi(argv[3]), payload = atoi(argv[4]), threads = 0;
    long messages = atol(argv[5]);
    if (!strcmp(mode, "idle")) return idle(count);
    int subjects = argc > 6 ? atoi(argv[6]) : 1;
    int is_pub = !strcmp(mode, "pub"), is_fan = !strcmp(mode, "fan"), is_request = !strcmp(mode, "request");
    int is_wild = !strcmp(mode, "wild"), is_churn = !strcmp(mode, "churn"), is_subs = !strcmp(mode, "subs");
    if (is_wild) {
        subjects = count;
        count = 1;
    }
    char prefix[32];
    snprintf(prefix, sizeof prefix, "bench%d", (int)getpid() % 10000);
    struct job *jobs = calloc(count, sizeof *jobs);
    pthread_t *ids = calloc(2 * count + 1, sizeof *ids);
    int total = is_pub || is_churn || is_subs ? count : is_fan ? count + 1 : 2 * count;
    pthread_barrier_init(&start_line, NULL, total + 1);
    for (int i = 0; i < count; i++) {
        jobs[i] = (struct job){.id = is_fan ? 0 : i, .payload = payload, .subjects = subjects, .messages = messages, .prefix = prefix};
        jobs[i].expected_bytes = messages * message_bytes(&jobs[i]);
        if (is_request) {
            jobs[i].latencies = calloc(messages, sizeof *jobs[i].latencies);
            pthread_create(&ids[threads++], NULL, responder, &jobs[i]);
            pthread_create(&ids[threads++], NULL, requester, &jobs[i]);
        } else if (is_wild) {
            char line[256];
            int length = sprintf(line, "MSG %s.%06d.%08d.x 1%06d %d\r\n", prefix, 0, 0, 0, payload);
            jobs[i].expected_bytes = messages * (length + payload + 2);
            pthread_create(&ids[threads++], NULL, wild_subscriber, &jobs[i]);
            pthread_create(&ids[threads++], NULL, wild_publisher, &jobs[i]);
        } else if (is_churn || is_subs) {
            pthread_create(&ids[threads++], NULL, is_churn ? comer_and_goer : flooder, &jobs[i]);
        } else {
            if (!is_pub) pthread_create(&ids[threads++], NULL, subscriber, &jobs[i]);
            if (!is_fan || i == 0) pthread_create(&ids[threads++], NULL, publisher, &jobs[i]);
        }
    }
    pthread_barrier_wait(&start_line);
    double began = now();
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    double seconds = now() - began;
    long published = is_fan ? messages : is_request ? 2 * messages * count : is_subs ? 200 * messages * count : messages * count;
    long delivered = is_pub || is_churn || is_subs ? 0 : is_request ? published : messages * count;
    printf("%.6f %ld %ld", seconds, published, delivered);
    if (is_request) print_percentiles(jobs, count, messages);
    printf("\n");
    return 0;
}
