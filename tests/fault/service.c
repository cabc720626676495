#include "service.h"

#include "base/byteorder.h"
#include "wal/segment_name.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STARTUP 1

#define DATA_HEADER_LEN 25
#define KEEPALIVE_LEN 18
#define STATUS_LEN 34

void
service_init(struct service *service)
{
	memset(service, 0, sizeof(*service));
	service->version = "15.5";
	service->system_identifier = UINT64_C(7100000000000000001);
	service->segment_size = WAL_SEGMENT_SIZE_MIN;
	service->timeline = 1;
	service->oldest = 0x1000000;
	service->flushed = 0x1380000;
	text_init(&service->body);
	timeline_history_init(&service->history);
}

void
service_free(struct service *service)
{
	endless_wal_free(service->wal);
	timeline_history_free(&service->history);
	text_free(&service->body);
}

static const struct served_history *
find_history(const struct service *service, uint32_t timeline)
{
	for (size_t i = 0; i < service->history_count; i++)
		if (service->histories[i].timeline == timeline)
			return &service->histories[i];
	return NULL;
}

/* A text that is no history at all is one to be sent, not to be used. */
void
service_renew(struct service *service)
{
	const struct served_history *file =
		find_history(service, service->timeline);
	const char *text = file == NULL ? NULL : file->text;
	size_t len = text == NULL ? 0 : strlen(text);
	struct error error;

	timeline_history_free(&service->history);
	if (!timeline_history_parse(
		    &service->history, service->timeline, text, len, &error) &&
		!timeline_history_parse(
			&service->history, service->timeline, NULL, 0, &error))
		errx(2, "%s", error.message);
	endless_wal_free(service->wal);
	service->wal = endless_wal_create(
		service->segment_size, service->system_identifier);
	if (service->wal == NULL)
		err(2, "endless_wal_create");
}

__attribute__((format(printf, 2, 3))) static void
tell(const struct service *service, const char *format, ...)
{
	va_list arguments;

	(void)printf("%zu ", service->connection);
	va_start(arguments, format);
	(void)vprintf(format, arguments);
	va_end(arguments);
	(void)putchar('\n');
	(void)fflush(stdout);
}

bool
service_accept(struct service *service)
{
	struct fake_server *server = &service->server;

	server->failure = NULL;
	server->piece = 0;
	server->cutting = false;
	text_clear(&server->out);
	service->glue = false;
	service->in_copy = false;
	service->copy_done = false;
	service->type = STARTUP;
	service->pending = true;
	fake_accept(server);
	if (server->failure == NULL)
		return true;
	service->type = 0;
	return false;
}

const char *
service_query(const struct service *service)
{
	return service->type == 'Q' ? service->body.string : "";
}

static void
tell_status(const struct service *service)
{
	const unsigned char *bytes = (const void *)service->body.string;

	if (service->body.len != STATUS_LEN || bytes[0] != 'r')
		tell(service, "strange message of %zu bytes",
			service->body.len);
	else
		tell(service,
			"status write " LSN_FORMAT " flush " LSN_FORMAT
			" reply %d",
			LSN_ARGS(get_be64(bytes + 1)),
			LSN_ARGS(get_be64(bytes + 9)), bytes[33]);
}

/* As it came, so that a test can look for what should not have come. */
static void
tell_password(struct service *service)
{
	for (size_t i = 0; i < service->body.len; i++)
		if (!isprint((unsigned char)service->body.string[i]))
			service->body.string[i] = '.';
	tell(service, "password %s", service->body.string);
}

void
service_take(struct service *service)
{
	service->type = fake_take_any(&service->server, &service->body);
	service->pending = true;
	switch (service->type) {
	case 'Q':
		tell(service, "query %s", service->body.string);
		break;
	case 'd':
		tell_status(service);
		break;
	case 'c':
		tell(service, "done");
		break;
	case 'p':
		tell_password(service);
		break;
	case 'X':
		service->type = 0;
		break;
	default:
		break;
	}
	if (service->type == 0)
		tell(service, "closed");
}

void
service_flush(struct service *service)
{
	if (!service->glue)
		fake_flush(&service->server);
}

static void
end_query(struct service *service, const char *tag)
{
	fake_complete(&service->server, tag);
	fake_ready(&service->server);
	service_flush(service);
}

static void
refuse(struct service *service, const char *sqlstate, const char *message)
{
	fake_error(&service->server, "ERROR", sqlstate, message);
	fake_ready(&service->server);
	service_flush(service);
}

static void
answer_identify(struct service *service)
{
	char system[32];
	char timeline[16];
	char position[32];
	const char *const row[] = {system, timeline, position, NULL};

	(void)snprintf(
		system, sizeof(system), "%" PRIu64, service->system_identifier);
	(void)snprintf(
		timeline, sizeof(timeline), "%" PRIu32, service->timeline);
	(void)snprintf(position, sizeof(position), LSN_FORMAT,
		LSN_ARGS(service->flushed));
	fake_row(&service->server, 4, row);
	end_query(service, "IDENTIFY_SYSTEM");
}

static void
answer_show(struct service *service)
{
	char value[16] = "0700";
	const char *const row[] = {value};

	if (strstr(service_query(service), "wal_segment_size") != NULL)
		(void)snprintf(value, sizeof(value), "%" PRIu32 "MB",
			service->segment_size >> 20);
	fake_row(&service->server, 1, row);
	end_query(service, "SHOW");
}

static void
answer_read_slot(struct service *service)
{
	char position[32];
	const char *row[] = {"physical", position, "1"};

	(void)snprintf(position, sizeof(position), LSN_FORMAT,
		LSN_ARGS(service->slot_lsn));
	if (strstr(service_query(service), service->slot) == NULL ||
		service->slot[0] == '\0')
		row[0] = row[1] = row[2] = NULL;
	fake_row(&service->server, 3, row);
	end_query(service, "READ_REPLICATION_SLOT");
}

static void
answer_create_slot(struct service *service)
{
	const char *const row[] = {service->slot, "0/0", NULL, NULL};
	const char *query = service_query(service);

	if (service->slot[0] != '\0' && strstr(query, service->slot) != NULL) {
		refuse(service, "42710", "replication slot already exists");
		return;
	}
	if (sscanf(query, "CREATE_REPLICATION_SLOT \"%63[^\"]\"",
		    service->slot) != 1) {
		refuse(service, "42601", "syntax error");
		return;
	}
	service->slot_lsn = service->oldest;
	fake_row(&service->server, 4, row);
	end_query(service, "CREATE_REPLICATION_SLOT");
}

static void
answer_drop_slot(struct service *service)
{
	if (service->slot[0] == '\0' ||
		strstr(service_query(service), service->slot) == NULL) {
		refuse(service, "42704", "replication slot does not exist");
		return;
	}
	service->slot[0] = '\0';
	end_query(service, "DROP_REPLICATION_SLOT");
}

static void
answer_history(struct service *service)
{
	const char *query = service_query(service);
	uint32_t timeline = (uint32_t)strtoul(strchr(query, ' '), NULL, 10);
	const struct served_history *file = find_history(service, timeline);
	char name[HISTORY_NAME_LEN + 1];
	const char *row[2] = {name};

	if (file == NULL) {
		refuse(service, "58P01", "could not open history file");
		return;
	}
	history_name_format(name, timeline);
	if (file->name != NULL)
		row[0] = file->name;
	row[1] = file->text;
	fake_row(&service->server, 2, row);
	end_query(service, "TIMELINE_HISTORY");
}

static const struct timeline_entry *
find_timeline(const struct service *service, uint32_t timeline)
{
	for (size_t i = 0; i < service->history.count; i++)
		if (service->history.entries[i].timeline == timeline)
			return &service->history.entries[i];
	return NULL;
}

/* The end of what can be streamed of the timeline in work. */
static lsn
stream_end(const struct service *service)
{
	const struct timeline_entry *entry =
		find_timeline(service, service->on_timeline);

	return entry == NULL || entry->end > service->flushed ? service->flushed
							      : entry->end;
}

static bool
timeline_ends(const struct service *service)
{
	return service->on_timeline != service->timeline;
}

static void
name_next_timeline(struct service *service)
{
	char timeline[16];
	char position[32];
	const char *const row[] = {timeline, position};
	const struct timeline_entry *next =
		timeline_history_next(&service->history,
			find_timeline(service, service->on_timeline));

	(void)snprintf(timeline, sizeof(timeline), "%" PRIu32, next->timeline);
	(void)snprintf(
		position, sizeof(position), LSN_FORMAT, LSN_ARGS(next->begin));
	fake_row(&service->server, 2, row);
}

static bool
parse_start(struct service *service)
{
	const char *physical = strstr(service_query(service), "PHYSICAL ");
	unsigned high;
	unsigned low;
	unsigned timeline;

	if (physical == NULL ||
		sscanf(physical, "PHYSICAL %X/%X TIMELINE %u", &high, &low,
			&timeline) != 3)
		return false;
	service->at = (lsn)high << 32 | low;
	service->on_timeline = timeline;
	return true;
}

static void
answer_start(struct service *service)
{
	const struct timeline_entry *entry;

	if (!parse_start(service)) {
		refuse(service, "42601", "syntax error");
		return;
	}
	entry = find_timeline(service, service->on_timeline);
	if (entry == NULL || service->at > entry->end) {
		refuse(service, "XX000",
			"requested starting point 0/0 on timeline is not in "
			"this server's history");
		return;
	}
	if (timeline_ends(service) && service->at == entry->end) {
		name_next_timeline(service);
		end_query(service, "START_STREAMING");
		return;
	}
	if (service->at > service->flushed) {
		refuse(service, "XX000",
			"requested starting point 0/0 is ahead of the WAL "
			"flush position of this server 0/0");
		return;
	}
	fake_copy_both(&service->server);
	service->in_copy = true;
	service->copy_done = false;
	service_flush(service);
}

static void
answer_query(struct service *service)
{
	static const struct {
		const char *begin;
		void (*answer)(struct service *service);
	} answers[] = {
		{"IDENTIFY_SYSTEM", answer_identify},
		{"SHOW ", answer_show},
		{"READ_REPLICATION_SLOT ", answer_read_slot},
		{"CREATE_REPLICATION_SLOT ", answer_create_slot},
		{"DROP_REPLICATION_SLOT ", answer_drop_slot},
		{"TIMELINE_HISTORY ", answer_history},
		{"START_REPLICATION ", answer_start},
	};
	const char *query = service_query(service);

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		const char *begin = answers[i].begin;

		if (strncmp(query, begin, strlen(begin)) == 0) {
			answers[i].answer(service);
			return;
		}
	}
	refuse(service, "42601", "syntax error");
}

static void
answer_done(struct service *service)
{
	if (!service->copy_done)
		fake_message(&service->server, 'c', "", 0);
	else if (timeline_ends(service))
		name_next_timeline(service);
	service->in_copy = false;
	end_query(service, "START_STREAMING");
}

void
service_answer(struct service *service)
{
	if (!service->pending)
		return;
	service->pending = false;
	switch (service->type) {
	case STARTUP:
	case 'p':
		fake_welcome(&service->server, service->version);
		break;
	case 'Q':
		answer_query(service);
		break;
	case 'c':
		answer_done(service);
		break;
	case 'd':
		if (service->body.len == STATUS_LEN &&
			service->body.string[STATUS_LEN - 1] != 0)
			service_keepalive(service, false);
		break;
	default:
		break;
	}
}

static void
put_end_and_clock(const struct service *service, unsigned char *bytes)
{
	put_be64(bytes,
		service->told != LSN_NONE ? service->told : service->flushed);
	put_be64(bytes + 8, (uint64_t)service->clock);
}

void
service_keepalive(struct service *service, bool reply_wanted)
{
	unsigned char bytes[KEEPALIVE_LEN] = {'k'};

	put_end_and_clock(service, bytes + 1);
	bytes[17] = reply_wanted ? 1 : 0;
	fake_copy_data(&service->server, bytes, sizeof(bytes));
	service_flush(service);
}

static void
apply_damages(
	const struct service *service, unsigned char *data, lsn at, size_t len)
{
	for (size_t i = 0; i < service->damage_count; i++) {
		const struct damage *damage = &service->damages[i];

		for (size_t j = 0; j < damage->len; j++)
			if (damage->at + j - at < len)
				data[damage->at + j - at] = damage->bytes[j];
	}
}

void
service_send_wal(struct service *service, lsn at, size_t len)
{
	struct fake_server *server = &service->server;
	unsigned char head[5 + DATA_HEADER_LEN] = {'d'};
	unsigned char *copy = malloc(len);
	size_t body = DATA_HEADER_LEN + len + 4;

	if (copy == NULL)
		err(2, "malloc");
	for (int i = 0; i < 4; i++)
		head[1 + i] = (unsigned char)(body >> (24 - 8 * i));
	head[5] = 'w';
	put_be64(head + 6, at);
	put_end_and_clock(service, head + 14);
	memcpy(copy,
		endless_wal_segment(service->wal, at / service->segment_size,
			&service->history) +
			at % service->segment_size,
		len);
	apply_damages(service, copy, at, len);
	text_append(&server->out, (const char *)head, sizeof(head));
	if (service->glue || server->cutting || server->piece > 0) {
		text_append(&server->out, (const char *)copy, len);
		service_flush(service);
	} else {
		fake_send(server, copy, len);
	}
	free(copy);
}

void
service_send_upto(struct service *service, lsn upto)
{
	while (service->at < upto && service->server.failure == NULL) {
		size_t len = service->segment_size -
			lsn_segment_offset(service->at, service->segment_size);

		if (len > CHUNK_MAX)
			len = CHUNK_MAX;
		if (len > upto - service->at)
			len = (size_t)(upto - service->at);
		service_send_wal(service, service->at, len);
		service->at += len;
	}
}

/* One step of streaming; false if there is nothing to do but to wait. */
static bool
stream(struct service *service)
{
	lsn end = stream_end(service);

	if (!service->in_copy || service->copy_done)
		return false;
	if (service->at < service->oldest) {
		fake_error(&service->server, "ERROR", "58P01",
			"requested WAL segment has already been removed");
		fake_ready(&service->server);
		service->in_copy = false;
		service_flush(service);
		return false;
	}
	if (service->at < end) {
		lsn upto = end - service->at > CHUNK_MAX
			? service->at + CHUNK_MAX
			: end;

		service_send_upto(service, upto);
		if (service->at == service->flushed)
			service_keepalive(service, false);
		return true;
	}
	if (timeline_ends(service)) {
		fake_message(&service->server, 'c', "", 0);
		service->copy_done = true;
		service_flush(service);
	}
	return false;
}

void
service_run(struct service *service)
{
	service_answer(service);
	while (service->type != 0 && service->server.failure == NULL) {
		if (!fake_has_input(&service->server) && stream(service))
			continue;
		service_take(service);
		service_answer(service);
	}
}

static void
write_file(const char *folder, const char *name, const void *data, size_t len)
{
	char path[4096];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (file == NULL || fwrite(data, 1, len, file) != len ||
		fclose(file) != 0)
		err(2, "could not write \"%s\"", path);
}

void
service_write_wal(
	struct service *service, const char *folder, lsn from, lsn upto)
{
	uint64_t last = (upto - 1) / service->segment_size;

	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		err(2, "could not make \"%s\"", folder);
	for (size_t i = 0; i < service->history_count; i++) {
		const struct served_history *file = &service->histories[i];
		char name[HISTORY_NAME_LEN + 1];

		history_name_format(name, file->timeline);
		write_file(folder, name, file->text, strlen(file->text));
	}
	for (uint64_t n = from / service->segment_size; n <= last; n++) {
		char name[SEGMENT_NAME_LEN + 1];

		for (size_t i = 0; i < service->history.count; i++) {
			segment_name_format(name,
				service->history.entries[i].timeline, n,
				service->segment_size);
			write_file(folder, name,
				endless_wal_segment(
					service->wal, n, &service->history),
				service->segment_size);
		}
	}
}
