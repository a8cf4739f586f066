/* What is known of the peer after the handshake. */
#include "ctls.h"
#include "internal.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

typedef void (*teller)(void *receiver, enum duolog_tls_fact fact, const uint8_t *bytes, size_t count);

int duolog_tls_version(const duolog_tls *tls) { return SSL_version(tls->ssl); }

const char *duolog_tls_cipher(const duolog_tls *tls) {
    const SSL_CIPHER *cipher = SSL_get_current_cipher(tls->ssl);
    return cipher ? SSL_CIPHER_standard_name(cipher) : NULL;
}

const char *duolog_tls_server_name(const duolog_tls *tls) {
    return SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name);
}

static void tell_names(X509 *certificate, teller tell, void *receiver) {
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
        GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        enum duolog_tls_fact fact;
        switch (name->type) {
        case GEN_EMAIL: fact = DUOLOG_TLS_EMAIL; break;
        case GEN_DNS: fact = DUOLOG_TLS_DNS_NAME; break;
        case GEN_URI: fact = DUOLOG_TLS_URI; break;
        default: continue;
        }
        const ASN1_IA5STRING *text = name->d.ia5;
        tell(receiver, fact, ASN1_STRING_get0_data(text), ASN1_STRING_length(text));
    }
    GENERAL_NAMES_free(names);
}

static void tell_subject(X509 *certificate, teller tell, void *receiver) {
    BIO *text = BIO_new(BIO_s_mem());
    if (!text) return;
    /* RFC 2253, with letters of any script as they are. */
    unsigned long style = XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB;
    if (X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, style) >= 0) {
        char *bytes;
        long count = BIO_get_mem_data(text, &bytes);
        if (count >= 0) tell(receiver, DUOLOG_TLS_SUBJECT, (const uint8_t *)bytes, count);
    }
    BIO_free(text);
}

static void tell_digests(X509 *certificate, teller tell, void *receiver) {
    uint8_t digest[SHA256_DIGEST_LENGTH];
    unsigned char *key = NULL;
    int count = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key);
    if (count > 0) {
        SHA256(key, count, digest);
        tell(receiver, DUOLOG_TLS_KEY_DIGEST, digest, sizeof digest);
    }
    OPENSSL_free(key);
    unsigned int size = sizeof digest;
    if (X509_digest(certificate, EVP_sha256(), digest, &size) == 1)
        tell(receiver, DUOLOG_TLS_CERTIFICATE_DIGEST, digest, size);
}

static void tell_certificate(X509 *certificate, teller tell, void *receiver) {
    unsigned char *bytes = NULL;
    int count = i2d_X509(certificate, &bytes);
    if (count > 0) tell(receiver, DUOLOG_TLS_CERTIFICATE, bytes, count);
    OPENSSL_free(bytes);
}

int duolog_tls_describe_peer(const duolog_tls *tls, teller tell, void *receiver) {
    X509 *certificate = SSL_get0_peer_certificate(tls->ssl);
    if (!certificate) return 0;
    tell_subject(certificate, tell, receiver);
    tell_names(certificate, tell, receiver);
    tell_digests(certificate, tell, receiver);
    tell_certificate(certificate, tell, receiver);
    /* On a server the chain leaves out the peer's own. */
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(tls->ssl);
    for (int i = 0; chain && i < sk_X509_num(chain); i++) tell_certificate(sk_X509_value(chain, i), tell, receiver);
    ERR_clear_error();
    return SSL_get_verify_result(tls->ssl) == X509_V_OK ? 2 : 1;
}

void duolog_sha1(const uint8_t *bytes, size_t count, uint8_t digest[20]) { SHA1(bytes, count, digest); }
