/* Load for a NATS server: prebuilt commands out, bytes counted in, so that the server is what is measured.
 *
 *   natsload <port> pub     <publishers> <payload bytes> <messages each>
 *   natsload <port> fan     <subscribers> <payload bytes> <messages>          one publisher, all get all
 *   natsload <port> pairs   <pairs> <payload bytes> <messages each> [subjects]  each publisher its own subscriber
 *   natsload <port> request <clients> <payload bytes> <requests each>
 *
 * Prints: seconds, messages published, messages delivered. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
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

static void send_all(int fd, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
        if (sent <= 0) fail("send");
        bytes += sent;
        count -= sent;
    }
}

/* Reads until PONG is the last thing that came. */
static void until_pong(int fd) {
    char bytes[65536], tail[7] = {0};
    for (;;) {
        ssize_t count = recv(fd, bytes, sizeof bytes, 0);
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
    char hello[512];
    int length = snprintf(
        hello, sizeof hello,
        "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\n%sPING\r\n", more);
    send_all(fd, hello, length);
    until_pong(fd);
    return fd;
}

struct job {
    int id, payload, subjects;
    long messages, expected_bytes;
    const char *prefix;
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
    close(fd);
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
        ssize_t count = recv(fd, bytes, 1 << 18, 0);
        if (count <= 0) fail("subscriber was cut off");
        left -= count;
    }
    /* The server's PING, two seconds after CONNECT, is counted too. */
    if (left < -6) {
        fprintf(stderr, "natsload: %ld bytes too many\n", -left);
        exit(1);
    }
    close(fd);
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
        ssize_t count = recv(fd, bytes + held, sizeof bytes - held - 1, 0);
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
    close(fd);
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
        send_all(fd, request, length);
        char line[128];
        size_t expected =
            sprintf(line, "MSG _INBOX.c%d.%ld 1 %d\r\n", job->id, done, job->payload) + job->payload + 2;
        for (size_t got = 0; got < expected;) {
            ssize_t count = recv(fd, bytes + got, sizeof bytes - got, 0);
            if (count <= 0) fail("requester was cut off");
            got = without_ping(bytes, got + count);
        }
    }
    close(fd);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 6) {
        fprintf(stderr, "usage: natsload <port> pub|fan|pairs|request <count> <payload bytes> <messages> [subjects]\n");
        return 2;
    }
    port = atoi(argv[1]);
    const char *mode = argv[2];
    int count = atoi(argv[3]), payload = atoi(argv[4]), threads = 0;
    long messages = atol(argv[5]);
    int subjects = argc > 6 ? atoi(argv[6]) : 1;
    int is_pub = !strcmp(mode, "pub"), is_fan = !strcmp(mode, "fan"), is_request = !strcmp(mode, "request");
    char prefix[32];
    snprintf(prefix, sizeof prefix, "bench%d", (int)getpid() % 10000);
    struct job *jobs = calloc(count, sizeof *jobs);
    pthread_t *ids = calloc(2 * count + 1, sizeof *ids);
    int total = is_pub ? count : is_fan ? count + 1 : 2 * count;
    pthread_barrier_init(&start_line, NULL, total + 1);
    for (int i = 0; i < count; i++) {
        jobs[i] = (struct job){.id = is_fan ? 0 : i, .payload = payload, .subjects = subjects, .messages = messages, .prefix = prefix};
        jobs[i].expected_bytes = messages * message_bytes(&jobs[i]);
        if (is_request) {
            pthread_create(&ids[threads++], NULL, responder, &jobs[i]);
            pthread_create(&ids[threads++], NULL, requester, &jobs[i]);
        } else {
            if (!is_pub) pthread_create(&ids[threads++], NULL, subscriber, &jobs[i]);
            if (!is_fan || i == 0) pthread_create(&ids[threads++], NULL, publisher, &jobs[i]);
        }
    }
    pthread_barrier_wait(&start_line);
    double began = now();
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    double seconds = now() - began;
    long published = is_fan ? messages : is_request ? 2 * messages * count : messages * count;
    long delivered = is_pub ? 0 : is_request ? published : messages * count;
    printf("%.6f %ld %ld\n", seconds, published, delivered);
    return 0;
}
