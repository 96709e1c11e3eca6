/* The peer of `sip.parse`: libre's SIP decoder on octets that were put into its buffer once. */
#ifndef SEKISHO_CLIBRE_H
#define SEKISHO_CLIBRE_H

#include <stddef.h>
#include <stdint.h>

typedef struct CLibre_message CLibre_message;

/* Takes a copy of a message, so that decoding it later costs no copy. NULL when there is no memory. */
CLibre_message *CLibre_message_new(const uint8_t *octets, size_t length);

/* Decodes the message `count` times and releases every result. Returns the number of header fields of one, or a
   negative errno. */
int CLibre_decode(CLibre_message *message, int count);

void CLibre_message_free(CLibre_message *message);

#endif
