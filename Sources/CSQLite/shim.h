/* SQLite as Swift sees it. */
#ifndef SEKISHO_CSQLITE_SHIM_H
#define SEKISHO_CSQLITE_SHIM_H

#include <sqlite3.h>

/* SQLITE_TRANSIENT is a cast of -1 to a function pointer, which Swift does not import. */
static inline int CSQLite_bind_blob_copy(sqlite3_stmt *statement, int index, const void *octets, int count) {
    return sqlite3_bind_blob(statement, index, octets, count, SQLITE_TRANSIENT);
}

#endif
