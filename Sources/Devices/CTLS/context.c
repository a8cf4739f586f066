/* Certificates and rules: SSL_CTX. */
#include "ctls.h"
#include "internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void duolog_tls_explain(struct duolog_tls_error *error, const char *otherwise) {
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    strncpy(error->text, reason ? reason : otherwise, sizeof error->text - 1);
    error->text[sizeof error->text - 1] = 0;
    ERR_clear_error();
}

/* Chooses the certificate for the host that the peer names: the first that has it. */
static int choose_certificate(SSL *ssl, int *alert, void *argument) {
    (void)alert;
    duolog_tls_context *context = argument;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (!name) return SSL_TLSEXT_ERR_NOACK;
    for (size_t i = 0; i < context->count; i++) {
        X509 *certificate = SSL_CTX_get0_certificate(context->all[i]);
        if (certificate && X509_check_host(certificate, name, 0, 0, NULL) == 1) {
            if (i > 0) SSL_set_SSL_CTX(ssl, context->all[i]);
            break;
        }
    }
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *make(struct duolog_tls_error *error) {
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx) {
        duolog_tls_explain(error, "no memory");
        return NULL;
    }
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(
        ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE
            | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    /* An idle connection keeps no buffers; a partial record is never written. */
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Sessions are resumed by tickets alone, so that no table grows here. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 1);
    static const unsigned char scope[] = "duolog";
    SSL_CTX_set_session_id_context(ctx, scope, sizeof scope - 1);
    return ctx;
}

duolog_tls_context *duolog_tls_context_create(struct duolog_tls_error *error) {
    duolog_tls_context *context = calloc(1, sizeof *context);
    if (!context) {
        duolog_tls_explain(error, "no memory");
        return NULL;
    }
    return context;
}

void duolog_tls_context_free(duolog_tls_context *context) {
    for (size_t i = 0; i < context->count; i++) SSL_CTX_free(context->all[i]);
    free(context->all);
    free(context);
}

int duolog_tls_context_add_certificate(
    duolog_tls_context *context, const char *certificate_file, const char *key_file, struct duolog_tls_error *error) {
    SSL_CTX *ctx = make(error);
    if (!ctx) return 0;
    if (SSL_CTX_use_certificate_chain_file(ctx, certificate_file) != 1
        || SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(ctx) != 1) {
        duolog_tls_explain(error, "not usable");
        SSL_CTX_free(ctx);
        return 0;
    }
    SSL_CTX **all = realloc(context->all, (context->count + 1) * sizeof *all);
    if (!all) {
        SSL_CTX_free(ctx);
        duolog_tls_explain(error, "no memory");
        return 0;
    }
    context->all = all;
    all[context->count++] = ctx;
    if (context->count == 2) {
        SSL_CTX_set_tlsext_servername_callback(all[0], choose_certificate);
        SSL_CTX_set_tlsext_servername_arg(all[0], context);
    }
    return 1;
}

int duolog_tls_context_verify_peers(
    duolog_tls_context *context, const char *ca_file, struct duolog_tls_error *error) {
    for (size_t i = 0; i < context->count; i++) {
        SSL_CTX *ctx = context->all[i];
        ERR_clear_error();
        int loaded = ca_file ? SSL_CTX_load_verify_file(ctx, ca_file) : SSL_CTX_set_default_verify_paths(ctx);
        if (loaded != 1) {
            duolog_tls_explain(error, "not usable");
            return 0;
        }
        if (ca_file) {
            STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca_file);
            if (names) SSL_CTX_set_client_CA_list(ctx, names);
        }
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        /* Who is named in the file is trusted, also where somebody else signed it. */
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
    }
    return 1;
}

int duolog_tls_context_minimum_version(duolog_tls_context *context, int version) {
    int done = 1;
    for (size_t i = 0; i < context->count; i++)
        done = done && SSL_CTX_set_min_proto_version(context->all[i], version) == 1;
    return done;
}

int duolog_tls_context_ciphers(duolog_tls_context *context, const char *tls12, const char *tls13) {
    int done = 1;
    for (size_t i = 0; i < context->count; i++) {
        done = done && SSL_CTX_set_ciphersuites(context->all[i], tls13) == 1;
        /* Without a cipher for it, TLS 1.2 is not offered. */
        if (*tls12)
            done = done && SSL_CTX_set_cipher_list(context->all[i], tls12) == 1;
        else
            done = done && SSL_CTX_set_min_proto_version(context->all[i], TLS1_3_VERSION) == 1;
    }
    ERR_clear_error();
    return done;
}

int duolog_tls_context_groups(duolog_tls_context *context, const char *groups) {
    int done = 1;
    for (size_t i = 0; i < context->count; i++)
        done = done && SSL_CTX_set1_groups_list(context->all[i], groups) == 1;
    ERR_clear_error();
    return done;
}

int64_t duolog_tls_context_not_after(const duolog_tls_context *context) {
    X509 *certificate = context->count ? SSL_CTX_get0_certificate(context->all[0]) : NULL;
    struct tm parts;
    if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) return 0;
    return timegm(&parts);
}
