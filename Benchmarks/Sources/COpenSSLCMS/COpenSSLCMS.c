#include "COpenSSLCMS.h"

#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>

struct COpenSSLCMS_key {
    EVP_PKEY *key;
    X509 *certificate;
    unsigned char *secret;
    size_t length;
};

COpenSSLCMS_key *COpenSSLCMS_identity(const uint8_t *key, size_t key_length, const uint8_t *certificate,
                                      size_t certificate_length)
{
    COpenSSLCMS_key *new = calloc(1, sizeof *new);
    BIO *input = BIO_new_mem_buf(key, (int)key_length);
    new->key = PEM_read_bio_PrivateKey(input, NULL, NULL, NULL);
    BIO_free(input);
    input = BIO_new_mem_buf(certificate, (int)certificate_length);
    new->certificate = PEM_read_bio_X509(input, NULL, NULL, NULL);
    BIO_free(input);
    if (new->key && new->certificate)
        return new;
    COpenSSLCMS_free(new);
    return NULL;
}

COpenSSLCMS_key *COpenSSLCMS_secret(const uint8_t *octets, size_t length)
{
    COpenSSLCMS_key *new = calloc(1, sizeof *new);
    new->secret = OPENSSL_memdup(octets, length);
    new->length = length;
    return new;
}

int COpenSSLCMS_open(const COpenSSLCMS_key *key, const uint8_t *message, size_t length)
{
    CMS_ContentInfo *content = d2i_CMS_ContentInfo(NULL, &message, (long)length);
    BIO *output = BIO_new(BIO_s_mem());
    int result = -1;
    if (content && output) {
        int ready = key->key ? CMS_decrypt_set1_pkey(content, key->key, key->certificate)
                             : CMS_decrypt_set1_key(content, key->secret, key->length, NULL, 0);
        if (ready == 1 && CMS_decrypt(content, NULL, NULL, NULL, output, CMS_BINARY) == 1) {
            char *octets;
            result = (int)BIO_get_mem_data(output, &octets);
        }
    }
    BIO_free(output);
    CMS_ContentInfo_free(content);
    return result;
}

void COpenSSLCMS_free(COpenSSLCMS_key *key)
{
    EVP_PKEY_free(key->key);
    X509_free(key->certificate);
    OPENSSL_clear_free(key->secret, key->length);
    free(key);
}
