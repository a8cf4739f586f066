#ifndef CTLSCLIENT_H
#define CTLSCLIENT_H
/* A blocking TLS client on a connected socket, for tests. */
#include <stddef.h>

typedef struct tls_client tls_client;

/* Files may be NULL: no authority to check the server by, no certificate to show. `version` is 0, or the only one to
 * speak: 0x0303, 0x0304. NULL: the handshake failed. */
tls_client *tls_client_open(
    int fd, const char *host, const char *ca_file, const char *certificate_file, const char *key_file, int version);
/* How many bytes; 0 at the peer's close_notify; -1 when it failed or the stream ended without one. */
int tls_client_read(tls_client *client, void *bytes, int count);
int tls_client_write(tls_client *client, const void *bytes, int count);
/* Says that nothing follows. */
void tls_client_end(tls_client *client);
/* The first common name in the server's certificate, at most `capacity` bytes with the 0. */
void tls_client_peer_name(tls_client *client, char *name, int capacity);
int tls_client_resumed(tls_client *client);
void tls_client_free(tls_client *client);
#endif
