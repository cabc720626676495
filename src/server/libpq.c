#include "server/libpq.h"

#include "base/library.h"

#include <libpq-fe.h>
#include <stddef.h>

/* The major version has not changed since 2003. */
#define LIBRARY "libpq.so.5"

#define FUNCTIONS(X)                 \
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
	X(PQstatus)                  \
	X(PQuser)

/* A member cannot stand in parentheses. */
#define MEMBER(name) \
	__typeof__(name) *name; /* NOLINT(bugprone-macro-parentheses) */
#define SYMBOL(name) {#name, offsetof(struct functions, name)},

struct functions {
	FUNCTIONS(MEMBER)
};

static const struct library_symbol symbols[] = {FUNCTIONS(SYMBOL)};

/* One library a process, like the functions of one that is linked. */
static struct functions *
functions(void)
{
	static struct functions loaded;

	return &loaded;
}

bool
libpq_load(struct error *error)
{
	return functions()->PQclear != NULL ||
		library_load(LIBRARY, symbols,
			sizeof(symbols) / sizeof(symbols[0]), functions(),
			error);
}

int
PQbackendPID(const PGconn *conn)
{
	return functions()->PQbackendPID(conn);
}

void
PQclear(PGresult *res)
{
	functions()->PQclear(res);
}

PostgresPollingStatusType
PQconnectPoll(PGconn *conn)
{
	return functions()->PQconnectPoll(conn);
}

PGconn *
PQconnectStartParams(const char *const *keywords, const char *const *values,
	int expand_dbname)
{
	return functions()->PQconnectStartParams(
		keywords, values, expand_dbname);
}

int
PQconnectionNeedsPassword(const PGconn *conn)
{
	return functions()->PQconnectionNeedsPassword(conn);
}

int
PQconnectionUsedPassword(const PGconn *conn)
{
	return functions()->PQconnectionUsedPassword(conn);
}

PQconninfoOption *
PQconninfo(PGconn *conn)
{
	return functions()->PQconninfo(conn);
}

void
PQconninfoFree(PQconninfoOption *connOptions)
{
	functions()->PQconninfoFree(connOptions);
}

PQconninfoOption *
PQconninfoParse(const char *conninfo, char **errmsg)
{
	return functions()->PQconninfoParse(conninfo, errmsg);
}

int
PQconsumeInput(PGconn *conn)
{
	return functions()->PQconsumeInput(conn);
}

char *
PQerrorMessage(const PGconn *conn)
{
	return functions()->PQerrorMessage(conn);
}

void
PQfinish(PGconn *conn)
{
	functions()->PQfinish(conn);
}

int
PQflush(PGconn *conn)
{
	return functions()->PQflush(conn);
}

void
PQfreemem(void *ptr)
{
	functions()->PQfreemem(ptr);
}

int
PQgetCopyData(PGconn *conn, char **buffer, int async)
{
	return functions()->PQgetCopyData(conn, buffer, async);
}

PGresult *
PQgetResult(PGconn *conn)
{
	return functions()->PQgetResult(conn);
}

int
PQgetisnull(const PGresult *res, int tup_num, int field_num)
{
	return functions()->PQgetisnull(res, tup_num, field_num);
}

int
PQgetlength(const PGresult *res, int tup_num, int field_num)
{
	return functions()->PQgetlength(res, tup_num, field_num);
}

char *
PQgetvalue(const PGresult *res, int tup_num, int field_num)
{
	return functions()->PQgetvalue(res, tup_num, field_num);
}

int
PQgssEncInUse(PGconn *conn)
{
	return functions()->PQgssEncInUse(conn);
}

char *
PQhost(const PGconn *conn)
{
	return functions()->PQhost(conn);
}

char *
PQhostaddr(const PGconn *conn)
{
	return functions()->PQhostaddr(conn);
}

int
PQisBusy(PGconn *conn)
{
	return functions()->PQisBusy(conn);
}

int
PQnfields(const PGresult *res)
{
	return functions()->PQnfields(res);
}

int
PQntuples(const PGresult *res)
{
	return functions()->PQntuples(res);
}

const char *
PQparameterStatus(const PGconn *conn, const char *paramName)
{
	return functions()->PQparameterStatus(conn, paramName);
}

PGPing
PQpingParams(const char *const *keywords, const char *const *values,
	int expand_dbname)
{
	return functions()->PQpingParams(keywords, values, expand_dbname);
}

char *
PQport(const PGconn *conn)
{
	return functions()->PQport(conn);
}

int
PQputCopyData(PGconn *conn, const char *buffer, int nbytes)
{
	return functions()->PQputCopyData(conn, buffer, nbytes);
}

int
PQputCopyEnd(PGconn *conn, const char *errormsg)
{
	return functions()->PQputCopyEnd(conn, errormsg);
}

char *
PQresStatus(ExecStatusType status)
{
	return functions()->PQresStatus(status);
}

char *
PQresultErrorField(const PGresult *res, int fieldcode)
{
	return functions()->PQresultErrorField(res, fieldcode);
}

char *
PQresultErrorMessage(const PGresult *res)
{
	return functions()->PQresultErrorMessage(res);
}

ExecStatusType
PQresultStatus(const PGresult *res)
{
	return functions()->PQresultStatus(res);
}

int
PQsendQuery(PGconn *conn, const char *query)
{
	return functions()->PQsendQuery(conn, query);
}

/* NOLINTBEGIN(readability-function-size): libpq chose the parameters. */
int
PQsendQueryParams(PGconn *conn, const char *command, int nParams,
	const Oid *paramTypes, const char *const *paramValues,
	const int *paramLengths, const int *paramFormats, int resultFormat)
{
	return functions()->PQsendQueryParams(conn, command, nParams,
		paramTypes, paramValues, paramLengths, paramFormats,
		resultFormat);
}
/* NOLINTEND(readability-function-size) */

int
PQserverVersion(const PGconn *conn)
{
	return functions()->PQserverVersion(conn);
}

PGVerbosity
PQsetErrorVerbosity(PGconn *conn, PGVerbosity verbosity)
{
	return functions()->PQsetErrorVerbosity(conn, verbosity);
}

PQnoticeReceiver
PQsetNoticeReceiver(PGconn *conn, PQnoticeReceiver proc, void *arg)
{
	return functions()->PQsetNoticeReceiver(conn, proc, arg);
}

int
PQsetnonblocking(PGconn *conn, int arg)
{
	return functions()->PQsetnonblocking(conn, arg);
}

int
PQsocket(const PGconn *conn)
{
	return functions()->PQsocket(conn);
}

int
PQsslInUse(PGconn *conn)
{
	return functions()->PQsslInUse(conn);
}

ConnStatusType
PQstatus(const PGconn *conn)
{
	return functions()->PQstatus(conn);
}

int
PQsetSingleRowMode(PGconn *conn)
{
	return functions()->PQsetSingleRowMode(conn);
}

char *
PQuser(const PGconn *conn)
{
	return functions()->PQuser(conn);
}
