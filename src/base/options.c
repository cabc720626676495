#include "base/options.h"

#include <getopt.h>
#include <string.h>

/*
 * getopt returns '?' for errors, so --help goes by this value and -? as a
 * letter that getopt does not know.
 */
#define HELP_VALUE 1

/* Where the explanation begins on a line of --help. */
#define HELP_COLUMN 29

/* "[X]": may be left out. */
static bool
is_optional(const struct option_spec *spec)
{
	return spec->argument != NULL && spec->argument[0] == '[';
}

/* What getopt wants: ":" first for quiet errors, ":" after those with values.
 */
static void
build_letters(const struct option_spec *specs, char *letters)
{
	*letters++ = ':';
	for (const struct option_spec *s = specs; s->help != NULL; s++) {
		if (s->key == 0 || s->key == '?' || s->key >= OPTION_LONG_ONLY)
			continue;
		*letters++ = (char)s->key;
		if (s->argument != NULL)
			*letters++ = ':';
		if (is_optional(s))
			*letters++ = ':';
	}
	*letters = '\0';
}

static void
build_names(const struct option_spec *specs, struct option *names)
{
	for (const struct option_spec *s = specs; s->help != NULL; s++) {
		if (s->key == 0 || s->name == NULL)
			continue;
		names->name = s->name;
		names->has_arg =
			s->argument != NULL ? required_argument : no_argument;
		if (is_optional(s))
			names->has_arg = optional_argument;
		names->flag = NULL;
		names->val = s->key == '?' ? HELP_VALUE : s->key;
		names++;
	}
	memset(names, 0, sizeof(*names));
}

static bool
has_key(const struct option_spec *specs, int key)
{
	for (const struct option_spec *s = specs; s->help != NULL; s++)
		if (s->key == key)
			return true;
	return false;
}

/*
 * Name the option that getopt stumbled over as the person wrote it. Within a
 * word of several letters, optind still points to that word.
 */
static int
option_error(const struct options *options, int kind, struct error *error)
{
	const char *word = options->argv[optind - 1];
	char letter[3] = {'-', (char)optopt, '\0'};

	if (kind == ':')
		error_set(error, ERR_USAGE, "option \"%s\" needs a value",
			strncmp(word, "--", 2) == 0 ? word : letter);
	else if (optopt == 0)
		error_set(error, ERR_USAGE, "unrecognized option \"%s\"", word);
	else if (optopt == HELP_VALUE || has_key(options->specs, optopt))
		error_set(
			error, ERR_USAGE, "option \"%s\" takes no value", word);
	else
		error_set(
			error, ERR_USAGE, "unrecognized option \"%s\"", letter);
	return OPTION_ERROR;
}

int
options_next(struct options *options, struct error *error)
{
	char letters[3 * OPTIONS_MAX + 2];
	struct option names[OPTIONS_MAX + 1];
	int key;

	build_letters(options->specs, letters);
	build_names(options->specs, names);
	opterr = 0;
	optopt = 0;
	key = getopt_long(options->argc, options->argv, letters, names, NULL);
	if (key == HELP_VALUE ||
		(key == '?' && optopt == '?' && has_key(options->specs, '?')))
		return '?';
	if (key == ':' || key == '?')
		return option_error(options, key, error);
	if (key == -1) {
		options->operand = optind;
		return OPTION_END;
	}
	options->value = optarg;
	return key;
}

static int
print_switches(FILE *stream, const struct option_spec *spec)
{
	int column = 0;

	if (spec->key >= OPTION_LONG_ONLY)
		column += fprintf(stream, "      ");
	else
		column += fprintf(stream, "  -%c%s", spec->key,
			spec->name != NULL ? ", " : " ");
	if (spec->name != NULL)
		column += fprintf(stream, "--%s", spec->name);
	if (spec->name != NULL && spec->argument != NULL)
		column += fprintf(stream, is_optional(spec) ? "[=" : "=");
	if (spec->argument != NULL)
		column += fprintf(stream, "%s",
			spec->argument + (is_optional(spec) ? 1 : 0));
	return column;
}

bool
options_check_operands(
	const struct options *options, int most, struct error *error)
{
	int surplus = options->operand + most;

	if (surplus >= options->argc)
		return true;
	return error_set(error, ERR_USAGE,
		"too many command-line arguments (first is \"%s\")",
		options->argv[surplus]);
}

void
options_print(FILE *stream, const struct option_spec *specs)
{
	for (const struct option_spec *s = specs; s->help != NULL; s++) {
		const char *line = s->help;
		int column;

		if (s->key == 0) {
			(void)fprintf(stream, "\n%s\n", s->help);
			continue;
		}
		column = print_switches(stream, s);
		if (column >= HELP_COLUMN) {
			(void)fputc('\n', stream);
			column = 0;
		}
		for (;;) {
			int len = (int)strcspn(line, "\n");

			(void)fprintf(stream, "%*s%.*s\n", HELP_COLUMN - column,
				"", len, line);
			line += len;
			if (*line == '\0')
				break;
			line++;
			column = 0;
		}
	}
}
