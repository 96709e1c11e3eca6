/* The peer of `envelope.open.*`: libcrypto's CMS interface, on the same octets and with the same keys. */
#ifndef SEKISHO_COPENSSLCMS_H
#define SEKISHO_COPENSSLCMS_H

#include <stddef.h>
#include <stdint.h>

typedef struct COpenSSLCMS_key COpenSSLCMS_key;

/* A private key and its certificate, both PEM. NULL when one cannot be read. */
COpenSSLCMS_key *COpenSSLCMS_identity(const uint8_t *key, size_t key_length, const uint8_t *certificate,
                                      size_t certificate_length);

/* A key encryption key. NULL when there is no memory. */
COpenSSLCMS_key *COpenSSLCMS_secret(const uint8_t *octets, size_t length);

/* Reads a DER message and decrypts it. Returns the length of the content, or -1. */
int COpenSSLCMS_open(const COpenSSLCMS_key *key, const uint8_t *message, size_t length);

void COpenSSLCMS_free(COpenSSLCMS_key *key);

#endif
