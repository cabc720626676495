/*
 * tar_builder.h - ustar archives with any member, also those that no honest
 * program writes.
 */
#ifndef TAR_BUILDER_H
#define TAR_BUILDER_H

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define TAR_BLOCK 512

/* Append a member of this type ('0': file, '2': link, '5': directory). */
static inline void
tar_add(struct text *tar, char type, const char *name, const char *target,
	const char *content)
{
	static const char zeros[TAR_BLOCK];
	char header[TAR_BLOCK] = {0};
	size_t len = strlen(content);
	unsigned sum = 0;

	(void)snprintf(header, 100, "%s", name);
	(void)snprintf(header + 100, 8, "%07o", 0600U);
	(void)snprintf(header + 108, 8, "%07o", 0U);
	(void)snprintf(header + 116, 8, "%07o", 0U);
	(void)snprintf(header + 124, 12, "%011o", (unsigned)len);
	(void)snprintf(header + 136, 12, "%011o", 0U);
	memset(header + 148, ' ', 8);
	header[156] = type;
	(void)snprintf(header + 157, 100, "%s", target);
	memcpy(header + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof(header); i++)
		sum += (unsigned char)header[i];
	(void)snprintf(header + 148, 8, "%06o", sum);
	text_append(tar, header, sizeof(header));
	text_append(tar, content, len);
	if (len % TAR_BLOCK != 0)
		text_append(tar, zeros, TAR_BLOCK - len % TAR_BLOCK);
}

/* Append the two blocks of zeros that end an archive. */
static inline void
tar_end(struct text *tar)
{
	static const char zeros[2 * TAR_BLOCK];

	text_append(tar, zeros, sizeof(zeros));
}

#endif
