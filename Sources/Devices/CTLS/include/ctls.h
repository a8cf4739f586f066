#ifndef CTLS_H
#define CTLS_H
/* The few calls of OpenSSL 3 that the transport needs, with plain types: much of OpenSSL's interface is macros, which
 * Swift does not see. Nothing here touches a socket: a connection's records come in and go out as memory. */
#include <stddef.h>
#include <stdint.h>

/* Certificates and rules. Shared by connections of any thread once it is set up; freed with the last of them. */
typedef struct duolog_tls_context duolog_tls_context;

/* Calls that can fail return 0 and leave why in here. */
struct duolog_tls_error {
    char text[256];
};

duolog_tls_context *duolog_tls_context_create(struct duolog_tls_error *error);
void duolog_tls_context_free(duolog_tls_context *context);

/* PEM files. The first pair is for peers that name no host, or one that no certificate has. */
int duolog_tls_context_add_certificate(
    duolog_tls_context *context, const char *certificate_file, const char *key_file, struct duolog_tls_error *error);
/* For what comes next, call after all certificates are there. */
/* Peers must show a certificate that one of `ca_file` vouches for; NULL takes the system's. */
int duolog_tls_context_verify_peers(
    duolog_tls_context *context, const char *ca_file, struct duolog_tls_error *error);
/* 0x0301 to 0x0304, as on the wire. */
int duolog_tls_context_minimum_version(duolog_tls_context *context, int version);
/* OpenSSL's names with colons between. */
int duolog_tls_context_ciphers(duolog_tls_context *context, const char *tls12, const char *tls13);
int duolog_tls_context_groups(duolog_tls_context *context, const char *groups);
/* The end of the first certificate's life, in seconds since 1970; 0 if there is none. */
int64_t duolog_tls_context_not_after(const duolog_tls_context *context);

/* One connection of a server. Not to be used by two threads at once. */
typedef struct duolog_tls {
    /* What has come in and was not taken yet: borrowed for the time of a call. */
    const uint8_t *in;
    size_t in_count;
    /* What is to be sent: from malloc. Whoever takes it sets it to NULL. */
    uint8_t *out;
    size_t out_count;
    size_t out_capacity;
    void *ssl;
} duolog_tls;

duolog_tls *duolog_tls_create(const duolog_tls_context *context);
void duolog_tls_free(duolog_tls *tls);

enum {
    DUOLOG_TLS_DONE = 1,
    DUOLOG_TLS_WANTS_MORE = 0,
    /* The peer said that nothing follows. */
    DUOLOG_TLS_END = -1,
    DUOLOG_TLS_FAILED = -2,
};

/* All three take what they can of `in`; what they leave to be sent is behind `out`. */
int duolog_tls_handshake(duolog_tls *tls, struct duolog_tls_error *error);
/* How many bytes of content were put into `memory`; what comes after them is said in `next`. */
size_t duolog_tls_read(
    duolog_tls *tls, void *memory, size_t capacity, int *next, struct duolog_tls_error *error);
int duolog_tls_write(duolog_tls *tls, const void *memory, size_t count, struct duolog_tls_error *error);
/* Says that nothing follows. */
void duolog_tls_end(duolog_tls *tls);

/* At least so many bytes that records for `count` bytes of content take. */
size_t duolog_tls_sealed_bound(size_t count);

/* After the handshake. */
int duolog_tls_version(const duolog_tls *tls);
/* The name that IANA gives it. */
const char *duolog_tls_cipher(const duolog_tls *tls);
/* The host that the peer asked for; NULL if it named none. */
const char *duolog_tls_server_name(const duolog_tls *tls);

enum duolog_tls_fact {
    DUOLOG_TLS_SUBJECT,
    DUOLOG_TLS_EMAIL,
    DUOLOG_TLS_DNS_NAME,
    DUOLOG_TLS_URI,
    /* SHA-256 of the public key's SubjectPublicKeyInfo, 32 bytes. */
    DUOLOG_TLS_KEY_DIGEST,
    /* SHA-256 of the certificate, 32 bytes. */
    DUOLOG_TLS_CERTIFICATE_DIGEST,
    /* A certificate of the peer's chain in DER, its own first. */
    DUOLOG_TLS_CERTIFICATE,
};

/* Tells what the peer's certificate says, fact by fact. Returns 0 if there is none, 2 if it was verified, else 1. */
int duolog_tls_describe_peer(
    const duolog_tls *tls,
    void (*tell)(void *receiver, enum duolog_tls_fact fact, const uint8_t *bytes, size_t count), void *receiver);

void duolog_sha1(const uint8_t *bytes, size_t count, uint8_t digest[20]);
#endif
