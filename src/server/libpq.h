/*
 * server/libpq.h - libpq, loaded when a command wants a server.
 *
 * libpq brings some twenty libraries with it, for TLS, Kerberos and LDAP, which
 * take longer to load than a segment takes to copy. A restore_command is
 * started for each segment and needs none of them.
 *
 * libpq.c has a function for each of libpq's that is used here, under its own
 * name, which passes the call on. One that is missing there does not link.
 */
#ifndef SERVER_LIBPQ_H
#define SERVER_LIBPQ_H

#include "base/error.h"

/*
 * Load the library; once is enough. To be called before any of its functions
 * and before other threads. Errors: ERR_NOT_FOUND.
 */
bool libpq_load(struct error *error);

#endif
