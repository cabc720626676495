#include "backup/follower.h"

#include <string.h>

#define VERSION_SIGNAL 120000

/* What a shell takes as it is. */
#define SHELL_SAFE                                             \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	"0123456789_-./,:+@"

bool
follower_is_old(const struct follower *follower)
{
	return follower->version < VERSION_SIGNAL;
}

/* In a configuration file a backslash escapes what follows it. */
static bool
append_setting(struct text *settings, const char *name, const char *value,
	struct error *error)
{
	if (strpbrk(value, "\n\r") != NULL)
		return error_set(error, ERR_USAGE,
			"%s would have to hold a line break", name);
	text_printf(settings, "%s = '", name);
	for (; *value != '\0'; value++) {
		if (*value == '\'' || *value == '\\')
			text_append(settings, value, 1);
		text_append(settings, value, 1);
	}
	text_append(settings, "'\n", 2);
	return true;
}

/* PostgreSQL reads "%%" as "%", the shell reads what is left. */
static void
append_word(struct text *command, const char *word)
{
	bool safe = strspn(word, SHELL_SAFE) == strlen(word);

	if (!safe)
		text_append(command, "'", 1);
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			text_append(command, "'\\'", 3);
		if (*word == '%')
			text_append(command, "%", 1);
		text_append(command, word, 1);
	}
	if (!safe)
		text_append(command, "'", 1);
}

static bool
append_restore_command(
	const char *archive, struct text *settings, struct error *error)
{
	struct text command;
	bool ok;

	text_init(&command);
	text_printf(&command, "walfetch restore -D ");
	append_word(&command, archive);
	text_printf(&command, " --partial %%f %%p");
	ok = command.failed ? error_set_memory(error)
			    : append_setting(settings, "restore_command",
				      command.string, error);
	text_free(&command);
	return ok;
}

bool
follower_settings(const struct follower *follower, struct text *settings,
	struct error *error)
{
	if (follower_is_old(follower))
		text_printf(settings, "standby_mode = 'on'\n");
	if (!append_setting(
		    settings, "primary_conninfo", follower->conninfo, error))
		return false;
	if (follower->slot != NULL &&
		!append_setting(
			settings, "primary_slot_name", follower->slot, error))
		return false;
	if (follower->archive != NULL &&
		!append_restore_command(follower->archive, settings, error))
		return false;
	return !settings->failed || error_set_memory(error);
}
