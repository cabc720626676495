/*
 * server/libpq.h - libpq, loaded when a command wants a server.
 *
 * libpq brings some twenty libraries with it, for TLS, Kerberos and LDAP, which
 * take longer to load than a segment takes to copy. A restore_command is
 * started for each segment and needs none of them.
 */
#ifndef SERVER_LIBPQ_H
#define SERVER_LIBPQ_H

#include "base/error.h"

#include <libpq-fe.h>

/* The major version has not changed since 2003. */
#define LIBPQ_NAME "libpq.so.5"

/* Those of its functions that are used. */
#define LIBPQ_FUNCTIONS(X)           \
	X(PQbackendPID)              \
	X(PQclear)                   \
	X(PQconnectPoll)             \
	X(PQconnectStartParams)      \
	X(PQconnectionNeedsPassword) \
	X(PQconnectionUsedPassword)  \
	X(PQconninfo)                \
	X(PQconninfoFree)            \
	X(PQconninfoParse)           \
	X(PQconsumeInput)            \
	X(PQerrorMessage)            \
	X(PQfinish)                  \
	X(PQflush)                   \
	X(PQfreemem)                 \
	X(PQgetCopyData)             \
	X(PQgetResult)               \
	X(PQgetisnull)               \
	X(PQgetlength)               \
	X(PQgetvalue)                \
	X(PQgssEncInUse)             \
	X(PQhost)                    \
	X(PQhostaddr)                \
	X(PQpass)                    \
	X(PQisBusy)                  \
	X(PQnfields)                 \
	X(PQntuples)                 \
	X(PQparameterStatus)         \
	X(PQpingParams)              \
	X(PQport)                    \
	X(PQputCopyData)             \
	X(PQputCopyEnd)              \
	X(PQresStatus)               \
	X(PQresultErrorField)        \
	X(PQresultErrorMessage)      \
	X(PQresultStatus)            \
	X(PQsendQuery)               \
	X(PQsendQueryParams)         \
	X(PQserverVersion)           \
	X(PQsetErrorVerbosity)       \
	X(PQsetNoticeReceiver)       \
	X(PQsetSingleRowMode)        \
	X(PQsetnonblocking)          \
	X(PQsocket)                  \
	X(PQsslInUse)                \
	X(PQsslStruct)               \
	X(PQstatus)                  \
	X(PQuser)

/* A member cannot stand in parentheses. */
#define LIBPQ_MEMBER(name) \
	__typeof__(name) *name; /* NOLINT(bugprone-macro-parentheses) */

struct libpq {
	LIBPQ_FUNCTIONS(LIBPQ_MEMBER)
};

/*
 * Load the library; once is enough. To be called first by one thread alone.
 * Errors: ERR_SYSTEM.
 */
bool libpq_load(struct error *error);

/* Its functions, once it is loaded. */
const struct libpq *libpq(void);

#endif
