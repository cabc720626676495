/*
 * base/text.h - growable text.
 *
 * Life cycle: text_init -> text_append* -> text_free. The string is always
 * terminated and belongs to the struct.
 * Guarantee: when memory runs out the text is marked as failed and further
 * appends do nothing, so that only the end of a build-up needs a check.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *string; /* never NULL after text_init */
	size_t len;   /* bytes before the terminator */
	size_t room;  /* bytes allocated; 0: string is a constant */
	bool failed;
};

/* Begin with an empty text; cannot fail. */
void text_init(struct text *text);

/* Free the memory and begin anew. */
void text_free(struct text *text);

/* Shorten to nothing, keep the memory. */
void text_clear(struct text *text);

/* Shorten to len bytes at most. */
void text_truncate(struct text *text, size_t len);

/* Append len bytes. */
void text_append(struct text *text, const char *bytes, size_t len);

/* Append formatted text. */
void text_printf(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
