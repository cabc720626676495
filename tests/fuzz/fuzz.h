/*
 * fuzz.h - what the fuzz targets share.
 *
 * A target is one file with LLVMFuzzerTestOneInput, which libFuzzer calls with
 * one input after another. In builds without libFuzzer, replay.c calls it with
 * the files that are kept in seeds/ and crashes/.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input; a crash like any other if it does not. */
#define fuzz_expect(condition)                                                 \
	do {                                                                   \
		if (!(condition)) {                                            \
			(void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, \
				__LINE__, #condition);                         \
			abort();                                               \
		}                                                              \
	} while (0)

/* After a failure: there is a code, and texts that end. */
static inline void
fuzz_expect_error(const struct error *error)
{
	fuzz_expect(error->code > ERR_NONE && error->code < ERR_CODES);
	fuzz_expect(error->message[0] != '\0');
	fuzz_expect(
		memchr(error->message, '\0', sizeof(error->message)) != NULL);
	fuzz_expect(memchr(error->hint, '\0', sizeof(error->hint)) != NULL);
}

/* Bytes that are left of an input. */
struct fuzz_input {
	const uint8_t *next;
	size_t left;
};

/* The next byte; 0 when there is none. */
static inline unsigned
fuzz_byte(struct fuzz_input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->next++;
}

/* What is left, as a string of its own that the caller frees. */
static inline char *
fuzz_string(const struct fuzz_input *input)
{
	char *string = malloc(input->left + 1);

	fuzz_expect(string != NULL);
	if (input->left > 0)
		memcpy(string, input->next, input->left);
	string[input->left] = '\0';
	return string;
}

/* The next piece of the input, 1 to 4096 bytes long; *state: from 1 on. */
static inline size_t
fuzz_piece(struct fuzz_input *input, uint32_t *state, const uint8_t **piece)
{
	size_t len;

	*state = *state * UINT32_C(1664525) + UINT32_C(1013904223);
	len = 1 + (*state >> 8) % ((*state & 0x80000000) != 0 ? 16 : 4096);
	if (len > input->left)
		len = input->left;
	*piece = input->next;
	input->next += len;
	input->left -= len;
	return len;
}

/* An input that is read as a file is (archive/codec.h, codec_source). */
struct fuzz_source {
	struct fuzz_input input;
	uint32_t state; /* 0: all at once; 1: in pieces */
};

static inline bool
fuzz_read(void *context, void *data, size_t *len, struct error *error)
{
	struct fuzz_source *source = context;
	struct fuzz_input *input = &source->input;
	struct fuzz_input part = {input->next, input->left};
	const uint8_t *piece;

	(void)error;
	if (part.left > *len)
		part.left = *len;
	*len = part.left;
	if (source->state != 0 && part.left > 0)
		*len = fuzz_piece(&part, &source->state, &piece);
	if (*len > 0)
		memcpy(data, input->next, *len);
	input->next += *len;
	input->left -= *len;
	return true;
}

#endif
