/*
 * sound_page.h - data pages that the server could have written.
 */
#ifndef SOUND_PAGE_H
#define SOUND_PAGE_H

#include "backup/page_checksum.h"

#include <string.h>

#define PAGE 8192

/* A page of some content, last changed by a record at this LSN. */
static inline void
make_page(unsigned char page[PAGE], uint32_t block, lsn at)
{
	uint16_t checksum;

	memset(page, 0, PAGE);
	for (size_t i = 24; i < PAGE; i++)
		page[i] = (unsigned char)(i * 31 + block);
	for (size_t i = 0; i < 4; i++) {
		page[i] = (unsigned char)(at >> (32 + 8 * i));
		page[4 + i] = (unsigned char)(at >> 8 * i);
	}
	page[15] = 0x10; /* pd_upper is not 0 */
	checksum = page_checksum(page, PAGE, block);
	page[8] = (unsigned char)checksum;
	page[9] = (unsigned char)(checksum >> 8);
}

#endif
