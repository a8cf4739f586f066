/* Shared by the files of this folder. */
#include <openssl/ssl.h>

struct duolog_tls_context {
    /* One for each certificate, the same in all else. */
    SSL_CTX **all;
    size_t count;
};

/* What OpenSSL complained about last, or `otherwise` if it did not. */
void duolog_tls_explain(struct duolog_tls_error *error, const char *otherwise);
