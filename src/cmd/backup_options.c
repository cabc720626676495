#include "cmd/backup_options.h"

#include "base/clock.h"
#include "base/number.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define RECEIVE_TIMEOUT_SECS 60

/* The limits of the server, in kB a second. */
#define RATE_MIN 32
#define RATE_MAX 1048576

enum long_option {
	OPTION_ARCHIVE = OPTION_LONG_ONLY,
	OPTION_MANIFEST_CHECKSUMS,
	OPTION_NO_VERIFY_CHECKSUMS,
	OPTION_RECEIVE_TIMEOUT,
	OPTION_WALDIR,
	OPTION_QUIET,
	OPTION_JSON
};

const struct option_spec backup_option_specs[] = {
	{0, NULL, NULL, "Options:"},
	{'D', "directory", "DIR",
		"put the backup into this directory, which is empty or\n"
		"does not exist yet"},
	{'F', "format", "FORMAT",
		"plain files or tar archives\n"
		"(default: plain)"},
	{'X', "wal-method", "METHOD",
		"the WAL of the backup: stream it beside, fetch it\n"
		"behind the files, or none\n"
		"(default: stream; none with --archive)"},
	{OPTION_WALDIR, "waldir", "DIR",
		"put the WAL into this directory, and a link to it into\n"
		"the backup"},
	{OPTION_ARCHIVE, "archive", "DIR",
		"rely on the archive that a receiver keeps here: wait\n"
		"until it holds the WAL of the backup"},
	{'R', "write-recovery-conf", NULL,
		"write what makes the backup a follower of the server"},
	{'S', "slot", "NAME",
		"replication slot for the WAL, and with -R for the\n"
		"follower; without it, a temporary one for the WAL"},
	{'C', "create-slot", NULL, "create that slot"},
	{'T', "tablespace-mapping", "MAPPING",
		"OLD=NEW: put the tablespace that is at OLD on the\n"
		"server at NEW"},
	{'Z', "compress", "METHOD[:LEVEL]",
		"none, gzip, lz4 or zstd, with a level if wanted; with\n"
		"\"server-\" in front the server compresses\n"
		"(default: none)"},
	{'i', "incremental", "MANIFEST",
		"only what changed since the backup that this manifest\n"
		"is of (17 and later)"},
	{'c', "checkpoint", "MODE", "fast or spread (default: spread)"},
	{'l', "label", "LABEL",
		"the backup's label\n"
		"(default: walfetch backup)"},
	{'r', "max-rate", "RATE",
		"limit in kB a second, or with k or M after it\n"
		"(default: none)"},
	{OPTION_MANIFEST_CHECKSUMS, "manifest-checksums", "ALGORITHM",
		"NONE, CRC32C, SHA224, SHA256, SHA384 or SHA512\n"
		"(default: CRC32C)"},
	{OPTION_NO_VERIFY_CHECKSUMS, "no-verify-checksums", NULL,
		"do not verify the checksums of data pages"},
	{'N', "no-sync", NULL,
		"do not wait for the disk: a power cut loses the backup"},
	{'P', "progress", NULL, "show how far it is"},
	{OPTION_JSON, "json", NULL, "write the result as JSON"},
	{'v', "verbose", NULL, "say more; twice: for finding faults"},
	{OPTION_QUIET, "quiet", NULL, "say nothing but errors"},
	{'V', "version", NULL, "show the version, then exit"},
	{'?', "help", NULL, "show this help, then exit"},
	{0, NULL, NULL, "Connection options:"},
	CONNECTION_OPTION_ROWS,
	{OPTION_RECEIVE_TIMEOUT, "receive-timeout", "SECS",
		"give up when the server is silent for so long\n"
		"(default: 60; 0: never)"},
	{0, NULL, NULL, NULL},
};

/* What is only clear when the whole command line has been read. */
struct parsing {
	struct backup_options *result;
	bool wal_given;
};

static void
set_defaults(struct backup_options *options)
{
	*options = (struct backup_options){
		.mode = BACKUP_TAKE,
		.log_level = LOG_NORMAL,
		.backup =
			{
				.plain = true,
				.wal_method = BACKUP_WAL_STREAM,
				.label = "walfetch backup",
				.digest = DIGEST_CRC32C,
				.verify_checksums = true,
				.sync = true,
			},
	};
	connection_options_init(&options->connection);
	options->connection.server.command_timeout_us =
		RECEIVE_TIMEOUT_SECS * USECS_PER_SEC;
}

static bool
set_invalid(const char *value, const char *option, struct error *error)
{
	return error_set(error, ERR_USAGE, "invalid value \"%s\" for option %s",
		value, option);
}

/* One of the words up to NULL, or its first letter; *index: which. */
static bool
parse_word(const char *value, const char *const *words, const char *option,
	int *index, struct error *error)
{
	for (int i = 0; words[i] != NULL; i++) {
		bool letter = value[0] == words[i][0] && value[1] == '\0';

		if (!letter && strcmp(value, words[i]) != 0)
			continue;
		*index = i;
		return true;
	}
	return set_invalid(value, option, error);
}

/* The same of two words; *first: it was the first. */
static bool
parse_choice(const char *value, const char *const *words, const char *option,
	bool *first, struct error *error)
{
	int index = 0;

	if (!parse_word(value, words, option, &index, error))
		return false;
	*first = index == 0;
	return true;
}

static bool
parse_wal_method(
	const char *value, enum backup_wal_method *method, struct error *error)
{
	static const char *const words[] = {[BACKUP_WAL_NONE] = "none",
		[BACKUP_WAL_STREAM] = "stream",
		[BACKUP_WAL_FETCH] = "fetch",
		NULL};
	int index = 0;

	if (!parse_word(value, words, "-X/--wal-method", &index, error))
		return false;
	*method = (enum backup_wal_method)index;
	return true;
}

static bool
parse_receive_timeout(
	const char *value, int64_t *interval_us, struct error *error)
{
	int64_t seconds;

	if (!number_parse(value, "--receive-timeout", 0, INT_MAX / 1000,
		    &seconds, error))
		return false;
	*interval_us = seconds == 0 ? CLOCK_NEVER : seconds * USECS_PER_SEC;
	return true;
}

static bool
parse_rate(const char *value, unsigned *rate_kb, struct error *error)
{
	char *end;
	unsigned long long rate = strtoull(value, &end, 10);

	if (end == value || strspn(value, "0123456789") == 0 ||
		(*end != '\0' &&
			(strchr("kM", *end) == NULL || end[1] != '\0')))
		return set_invalid(value, "-r/--max-rate", error);
	if (*end == 'M' && rate <= RATE_MAX)
		rate *= 1024;
	if (rate < RATE_MIN || rate > RATE_MAX)
		return error_set(error, ERR_USAGE,
			"-r/--max-rate must be in range %dk..%dk", RATE_MIN,
			RATE_MAX);
	*rate_kb = (unsigned)rate;
	return true;
}

/* Copy up to an "=" that no backslash stands before; *next is after it. */
static char *
copy_path(const char *string, const char **next)
{
	char *copy = malloc(strlen(string) + 1);
	char *to = copy;

	if (copy == NULL)
		return NULL;
	for (; *string != '\0' && *string != '='; string++) {
		if (string[0] == '\\' && string[1] == '=')
			string++;
		*to++ = *string;
	}
	*to = '\0';
	*next = *string == '=' ? string + 1 : NULL;
	return copy;
}

/* As the server writes a path: one slash each, and none at the end. */
static void
tidy_path(char *path)
{
	char *to = path;

	for (const char *from = path; *from != '\0'; from++)
		if (*from != '/' || to == path || to[-1] != '/')
			*to++ = *from;
	if (to > path + 1 && to[-1] == '/')
		to--;
	*to = '\0';
}

static bool
parse_mapping(
	struct backup_config *backup, const char *value, struct error *error)
{
	size_t count = backup->mapping_count;
	struct backup_mapping *grown = realloc(
		backup->mappings, (count + 1) * sizeof(*backup->mappings));
	const char *next = NULL;
	const char *rest = NULL;
	char *from;
	char *to;

	if (grown == NULL)
		return error_set_memory(error);
	backup->mappings = grown;
	from = copy_path(value, &next);
	to = from == NULL || next == NULL ? NULL : copy_path(next, &rest);
	if (from == NULL || (next != NULL && to == NULL)) {
		free(from);
		return error_set_memory(error);
	}
	if (to == NULL || rest != NULL || from[0] != '/' || to[0] != '/') {
		free(from);
		free(to);
		error_set(error, ERR_USAGE, "invalid tablespace mapping \"%s\"",
			value);
		return error_set_hint(error,
			"It is OLD=NEW, both absolute; an \"=\" in a path is "
			"written \"\\=\".");
	}
	tidy_path(from);
	tidy_path(to);
	grown[count] = (struct backup_mapping){.from = from, .to = to};
	backup->mapping_count++;
	return true;
}

static bool
parse_compression(
	struct backup_config *backup, const char *value, struct error *error)
{
	static const char client[] = "client-";
	static const char server[] = "server-";
	enum codec codec;
	int level;

	backup->codec = CODEC_NONE;
	backup->server_codec = CODEC_NONE;
	if (strncmp(value, server, strlen(server)) == 0) {
		value += strlen(server);
		if (!codec_parse(value, &codec, &level, error))
			return false;
		backup->server_codec = codec;
		backup->server_level = strchr(value, ':') != NULL ? level : 0;
		return true;
	}
	if (strncmp(value, client, strlen(client)) == 0)
		value += strlen(client);
	return codec_parse(value, &backup->codec, &backup->level, error);
}

/* Options that choose one of several ways; *known: it was one. */
static bool
take_choice(struct parsing *parsing, int key, const char *value, bool *known,
	struct error *error)
{
	static const char *const formats[] = {"plain", "tar", NULL};
	static const char *const checkpoints[] = {"fast", "spread", NULL};
	struct backup_config *backup = &parsing->result->backup;

	*known = true;
	switch (key) {
	case 'F':
		return parse_choice(
			value, formats, "-F/--format", &backup->plain, error);
	case 'X':
		parsing->wal_given = true;
		return parse_wal_method(value, &backup->wal_method, error);
	case 'c':
		return parse_choice(value, checkpoints, "-c/--checkpoint",
			&backup->fast, error);
	case 'T':
		return parse_mapping(backup, value, error);
	case 'Z':
		return parse_compression(backup, value, error);
	case OPTION_RECEIVE_TIMEOUT:
		return parse_receive_timeout(value,
			&parsing->result->connection.server.command_timeout_us,
			error);
	case 'r':
		return parse_rate(value, &backup->max_rate_kb, error);
	case OPTION_MANIFEST_CHECKSUMS:
		return digest_parse(value, &backup->digest) ||
			set_invalid(value, "--manifest-checksums", error);
	default:
		*known = false;
		return true;
	}
}

static bool
take_backup_option(struct backup_config *backup, int key, const char *value)
{
	switch (key) {
	case 'D':
		backup->directory = value;
		return true;
	case OPTION_ARCHIVE:
		backup->archive = value;
		return true;
	case OPTION_WALDIR:
		backup->wal_directory = value;
		return true;
	case 'R':
		backup->follower = true;
		return true;
	case 'S':
		backup->slot = value;
		return true;
	case 'C':
		backup->create_slot = true;
		return true;
	case 'i':
		backup->incremental = value;
		return true;
	case 'l':
		backup->label = value;
		return true;
	case OPTION_NO_VERIFY_CHECKSUMS:
		backup->verify_checksums = false;
		return true;
	case 'N':
		backup->sync = false;
		return true;
	case 'P':
		backup->progress = true;
		return true;
	default:
		return false;
	}
}

static bool
take_other_option(struct backup_options *options, int key, struct error *error)
{
	switch (key) {
	case OPTION_JSON:
		options->json = true;
		return true;
	case OPTION_QUIET:
		options->log_level = LOG_QUIET;
		return true;
	case 'v':
		options->log_level = log_level_raise(options->log_level);
		return true;
	case 'V':
		options->mode = BACKUP_VERSION;
		return true;
	case '?':
		options->mode = BACKUP_HELP;
		return true;
	default:
		return error_set(error, ERR_USAGE, "unrecognized option");
	}
}

static bool
take_option(struct parsing *parsing, int key, const char *value,
	struct error *error)
{
	struct backup_options *options = parsing->result;
	bool known;

	if (!connection_option_take(
		    &options->connection, key, value, &known, error))
		return false;
	if (!known && !take_choice(parsing, key, value, &known, error))
		return false;
	return known || take_backup_option(&options->backup, key, value) ||
		take_other_option(options, key, error);
}

static bool
check_wal(const struct backup_config *backup, struct error *error)
{
	if (backup->archive != NULL && backup->wal_method != BACKUP_WAL_NONE)
		return error_set(error, ERR_USAGE,
			"cannot use --archive together with -X %s",
			backup->wal_method == BACKUP_WAL_STREAM ? "stream"
								: "fetch");
	if (backup->create_slot && backup->slot == NULL)
		return error_set(error, ERR_USAGE,
			"--create-slot needs a slot to be specified using "
			"--slot");
	if (backup->slot != NULL && backup->wal_method != BACKUP_WAL_STREAM &&
		!backup->follower)
		return error_set(
			error, ERR_USAGE, "--slot needs -X stream or -R");
	return true;
}

static bool
check_format(const struct backup_config *backup, struct error *error)
{
	if (backup->plain && backup->codec != CODEC_NONE) {
		error_set(error, ERR_USAGE,
			"cannot compress a backup in plain format");
		return error_set_hint(error,
			"Use -F tar, or let the server "
			"compress what it sends.");
	}
	if (!backup->plain && backup->wal_directory != NULL)
		return error_set(
			error, ERR_USAGE, "--waldir needs plain format");
	if (backup->wal_directory != NULL && backup->wal_directory[0] != '/')
		return error_set(
			error, ERR_USAGE, "--waldir needs an absolute path");
	if (!backup->plain && backup->mapping_count > 0)
		return error_set(error, ERR_USAGE,
			"--tablespace-mapping needs plain format");
	if (!backup->plain && backup->follower &&
		backup->server_codec != CODEC_NONE)
		return error_set(error, ERR_USAGE,
			"cannot use -R together with archives that the server "
			"compresses");
	return true;
}

static bool
check_options(const struct backup_options *options, struct error *error)
{
	const struct backup_config *backup = &options->backup;

	if (backup->directory == NULL)
		return error_set(
			error, ERR_USAGE, "no target directory specified");
	if (strpbrk(backup->label, "\r\n") != NULL)
		return error_set(
			error, ERR_USAGE, "a label cannot hold a line break");
	return check_wal(backup, error) && check_format(backup, error);
}

bool
backup_options_parse(struct backup_options *result, int argc, char **argv,
	struct error *error)
{
	struct options options = {
		.specs = backup_option_specs,
		.argc = argc,
		.argv = argv,
	};
	struct parsing parsing = {.result = result};
	int key;

	set_defaults(result);
	while ((key = options_next(&options, error)) >= 0) {
		if (!take_option(&parsing, key, options.value, error))
			return false;
		if (result->mode != BACKUP_TAKE)
			return true;
	}
	if (key == OPTION_ERROR)
		return false;
	if (!options_check_operands(&options, 0, error))
		return false;
	if (result->backup.archive != NULL && !parsing.wal_given)
		result->backup.wal_method = BACKUP_WAL_NONE;
	return check_options(result, error);
}

void
backup_options_free(struct backup_options *options)
{
	struct backup_config *backup = &options->backup;

	for (size_t i = 0; i < backup->mapping_count; i++) {
		free(backup->mappings[i].from);
		free(backup->mappings[i].to);
	}
	free(backup->mappings);
	backup->mappings = NULL;
	backup->mapping_count = 0;
}
