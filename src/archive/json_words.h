/*
 * archive/json_words.h - words of any origin as a JSON value: names of files,
 * and what a server says, need not be UTF-8.
 */
#ifndef ARCHIVE_JSON_WORDS_H
#define ARCHIVE_JSON_WORDS_H

#include <jansson.h>

/*
 * A string; null for NULL and for the empty one. Where the bytes are no UTF-8,
 * those above 127 become question marks. NULL: no memory.
 */
json_t *json_words(const char *words);

#endif
