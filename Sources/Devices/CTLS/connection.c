/* One connection: SSL on top of two pieces of memory. */
#include "ctls.h"
#include "internal.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static int take_in(BIO *bio, char *memory, size_t capacity, size_t *taken) {
    duolog_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (tls->in_count == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    size_t count = capacity < tls->in_count ? capacity : tls->in_count;
    memcpy(memory, tls->in, count);
    tls->in += count;
    tls->in_count -= count;
    *taken = count;
    return 1;
}

static int put_out(BIO *bio, const char *bytes, size_t count, size_t *put) {
    duolog_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (tls->out_capacity - tls->out_count < count) {
        size_t capacity = tls->out_capacity * 2 > tls->out_count + count ? tls->out_capacity * 2 : tls->out_count + count;
        if (capacity < 4096) capacity = 4096;
        uint8_t *grown = realloc(tls->out, capacity);
        if (!grown) return 0;
        tls->out = grown;
        tls->out_capacity = capacity;
    }
    memcpy(tls->out + tls->out_count, bytes, count);
    tls->out_count += count;
    *put = count;
    return 1;
}

static long control(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    /* There is nothing to flush; all else is not known here. */
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *method;

static void make_method(void) {
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "memory of the transport");
    BIO_meth_set_read_ex(method, take_in);
    BIO_meth_set_write_ex(method, put_out);
    BIO_meth_set_ctrl(method, control);
}

duolog_tls *duolog_tls_create(const duolog_tls_context *context) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_method);
    duolog_tls *tls = calloc(1, sizeof *tls);
    SSL *ssl = SSL_new(context->all[0]);
    BIO *bio = BIO_new(method);
    if (!tls || !ssl || !bio) {
        free(tls);
        SSL_free(ssl);
        BIO_free(bio);
        ERR_clear_error();
        return NULL;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    tls->ssl = ssl;
    return tls;
}

void duolog_tls_free(duolog_tls *tls) {
    SSL_free(tls->ssl);
    free(tls->out);
    free(tls);
}

/* SSL_get_error takes a complaint that somebody left behind for one of this connection. */
static void start_clean(void) {
    if (ERR_peek_error()) ERR_clear_error();
}

static int outcome(duolog_tls *tls, int result, struct duolog_tls_error *error) {
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return DUOLOG_TLS_WANTS_MORE;
    case SSL_ERROR_ZERO_RETURN:
        return DUOLOG_TLS_END;
    default: {
        long verified = SSL_get_verify_result(tls->ssl);
        unsigned long code = ERR_peek_last_error();
        if (verified != X509_V_OK && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
            strncpy(error->text, X509_verify_cert_error_string(verified), sizeof error->text - 1);
            error->text[sizeof error->text - 1] = 0;
            ERR_clear_error();
        } else {
            duolog_tls_explain(error, "failed");
        }
        return DUOLOG_TLS_FAILED;
    }
    }
}

int duolog_tls_handshake(duolog_tls *tls, struct duolog_tls_error *error) {
    start_clean();
    int result = SSL_do_handshake(tls->ssl);
    return result == 1 ? DUOLOG_TLS_DONE : outcome(tls, result, error);
}

size_t duolog_tls_read(
    duolog_tls *tls, void *memory, size_t capacity, int *next, struct duolog_tls_error *error) {
    size_t total = 0;
    *next = DUOLOG_TLS_WANTS_MORE;
    start_clean();
    while (total < capacity) {
        size_t count = 0;
        int result = SSL_read_ex(tls->ssl, (uint8_t *)memory + total, capacity - total, &count);
        if (result != 1) {
            *next = outcome(tls, result, error);
            break;
        }
        total += count;
        /* Asking again would only say that there is nothing more. */
        if (tls->in_count == 0 && !SSL_has_pending(tls->ssl)) break;
    }
    return total;
}

int duolog_tls_write(duolog_tls *tls, const void *memory, size_t count, struct duolog_tls_error *error) {
    size_t written = 0;
    start_clean();
    int result = SSL_write_ex(tls->ssl, memory, count, &written);
    if (result == 1 && written == count) return DUOLOG_TLS_DONE;
    /* Memory takes all that it is given, and a handshake is over: waiting is not among what can happen. */
    if (outcome(tls, result, error) != DUOLOG_TLS_FAILED) strcpy(error->text, "cannot write");
    return DUOLOG_TLS_FAILED;
}

void duolog_tls_end(duolog_tls *tls) {
    ERR_clear_error();
    SSL_shutdown(tls->ssl);
    ERR_clear_error();
}

size_t duolog_tls_sealed_bound(size_t count) {
    return count + (count / SSL3_RT_MAX_PLAIN_LENGTH + 1) * (SSL3_RT_HEADER_LENGTH + SSL3_RT_SEND_MAX_ENCRYPTED_OVERHEAD);
}
