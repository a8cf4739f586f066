#include "ctlsclient.h"

#include <openssl/ssl.h>
#include <stdlib.h>

struct tls_client {
    SSL_CTX *context;
    SSL *ssl;
};

tls_client *tls_client_open(
    int fd, const char *host, const char *ca_file, const char *certificate_file, const char *key_file, int version) {
    tls_client *client = calloc(1, sizeof *client);
    client->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(client->context, SSL_MODE_AUTO_RETRY);
    if (version) {
        SSL_CTX_set_min_proto_version(client->context, version);
        SSL_CTX_set_max_proto_version(client->context, version);
    }
    if (ca_file) {
        SSL_CTX_load_verify_file(client->context, ca_file);
        SSL_CTX_set_verify(client->context, SSL_VERIFY_PEER, NULL);
    }
    if (certificate_file) {
        SSL_CTX_use_certificate_chain_file(client->context, certificate_file);
        SSL_CTX_use_PrivateKey_file(client->context, key_file, SSL_FILETYPE_PEM);
    }
    client->ssl = SSL_new(client->context);
    SSL_set_fd(client->ssl, fd);
    if (host) SSL_set_tlsext_host_name(client->ssl, host);
    if (SSL_connect(client->ssl) == 1) return client;
    tls_client_free(client);
    return NULL;
}

int tls_client_read(tls_client *client, void *bytes, int count) {
    int result = SSL_read(client->ssl, bytes, count);
    if (result > 0) return result;
    return SSL_get_error(client->ssl, result) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

int tls_client_write(tls_client *client, const void *bytes, int count) {
    return SSL_write(client->ssl, bytes, count);
}

void tls_client_end(tls_client *client) { SSL_shutdown(client->ssl); }

void tls_client_peer_name(tls_client *client, char *name, int capacity) {
    X509 *certificate = SSL_get1_peer_certificate(client->ssl);
    name[0] = 0;
    if (!certificate) return;
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, capacity);
    X509_free(certificate);
}

int tls_client_resumed(tls_client *client) { return SSL_session_reused(client->ssl); }

void tls_client_free(tls_client *client) {
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    free(client);
}
