/*
 * script.h - the text that drives the leader.
 *
 * One statement a line: a word that names it, and its arguments, between
 * blanks. A word in double quotes may hold blanks, and \n, \t, \" and \\.
 * What follows a # is a comment. "connection" begins a section: what the leader
 * does with the next connection. The last section is for all later ones, too;
 * what comes before the first is done at the start.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <stddef.h>

#define WORDS_MAX 16

struct statement {
	int line;
	int count; /* words, the name included */
	char *words[WORDS_MAX];
};

struct script {
	char *text; /* what the words point into */
	struct statement *statements;
	size_t count;
};

/* Read a file; exits with a message when that fails. */
void script_read(struct script *script, const char *path);

void script_free(struct script *script);

/*
 * The statements after the "connection" of that number, counted from 1, up to
 * *end; number 0: those before the first one. Past the last: the last.
 */
size_t script_section(const struct script *script, size_t number, size_t *end);

#endif
