#include "CLibre.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/types.h>

#include <re/re.h>

struct CLibre_message {
    struct mbuf *buffer;
};

CLibre_message *CLibre_message_new(const uint8_t *octets, size_t length)
{
    CLibre_message *message = malloc(sizeof *message);
    if (!message)
        return NULL;
    message->buffer = mbuf_alloc(length);
    if (!message->buffer || mbuf_write_mem(message->buffer, octets, length)) {
        CLibre_message_free(message);
        return NULL;
    }
    return message;
}

int CLibre_decode(CLibre_message *message, int count)
{
    int fields = 0;
    for (int i = 0; i < count; i++) {
        struct sip_msg *decoded = NULL;
        mbuf_set_pos(message->buffer, 0);
        int error = sip_msg_decode(&decoded, message->buffer);
        if (error)
            return -error;
        fields = (int)list_count(&decoded->hdrl);
        mem_deref(decoded);
    }
    return fields;
}

void CLibre_message_free(CLibre_message *message)
{
    mem_deref(message->buffer);
    free(message);
}
