#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char empty_string[1];

void
text_init(struct text *text)
{
	text->string = empty_string;
	text->len = 0;
	text->room = 0;
	text->failed = false;
}

void
text_free(struct text *text)
{
	if (text->room > 0)
		free(text->string);
	text_init(text);
}

void
text_clear(struct text *text)
{
	if (text->room > 0)
		text->string[0] = '\0';
	text->len = 0;
}

void
text_truncate(struct text *text, size_t len)
{
	if (text->len <= len)
		return;
	text->len = len;
	text->string[len] = '\0';
}

/* Make sure that len more bytes and a terminator fit. */
static bool
text_reserve(struct text *text, size_t len)
{
	size_t room = text->room > 0 ? text->room : 64;
	char *string;

	if (text->failed)
		return false;
	if (text->room > 0 && text->room - text->len > len)
		return true;
	while (room - text->len <= len)
		room *= 2;
	string = realloc(text->room > 0 ? text->string : NULL, room);
	if (string == NULL) {
		text->failed = true;
		return false;
	}
	string[text->len] = '\0';
	text->string = string;
	text->room = room;
	return true;
}

void
text_append(struct text *text, const char *bytes, size_t len)
{
	if (!text_reserve(text, len))
		return;
	memcpy(text->string + text->len, bytes, len);
	text->len += len;
	text->string[text->len] = '\0';
}

void
text_printf(struct text *text, const char *format, ...)
{
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (len < 0 || !text_reserve(text, (size_t)len))
		return;

	va_start(arguments, format);
	(void)vsnprintf(
		text->string + text->len, (size_t)len + 1, format, arguments);
	va_end(arguments);
	text->len += (size_t)len;
}
