#include "restore/checker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool
checker_open(struct checker *checker, struct error *error)
{
	memset(checker, 0, sizeof(*checker));
	checker->pieces = malloc(CHECKER_PIECES * CHECKER_PIECE);
	if (checker->pieces == NULL)
		return error_set_memory(error);
	(void)pthread_mutex_init(&checker->mutex, NULL);
	(void)pthread_cond_init(&checker->changed, NULL);
	return true;
}

static unsigned char *
piece(const struct checker *checker, uint64_t number)
{
	return checker->pieces + (number % CHECKER_PIECES) * CHECKER_PIECE;
}

static void *
verify(void *argument)
{
	struct checker *checker = argument;
	struct error fault;
	bool sound = true;

	(void)pthread_mutex_lock(&checker->mutex);
	for (;;) {
		uint64_t next = checker->verified;
		size_t len;

		if (next == checker->put && checker->ended)
			break;
		if (next == checker->put) {
			(void)pthread_cond_wait(
				&checker->changed, &checker->mutex);
			continue;
		}
		len = checker->lens[next % CHECKER_PIECES];
		(void)pthread_mutex_unlock(&checker->mutex);
		sound = sound &&
			record_verifier_feed(&checker->verifier,
				piece(checker, next), len, &fault);
		(void)pthread_mutex_lock(&checker->mutex);
		if (!sound && checker->fault.code == ERR_NONE)
			checker->fault = fault;
		checker->verified++;
		(void)pthread_cond_signal(&checker->changed);
	}
	(void)pthread_mutex_unlock(&checker->mutex);
	return NULL;
}

bool
checker_start(struct checker *checker, const struct record_verifier *verifier,
	struct error *error)
{
	checker->verifier = *verifier;
	errno = pthread_create(&checker->thread, NULL, verify, checker);
	if (errno != 0)
		return error_set_errno(
			error, "could not start the verifying thread");
	checker->started = true;
	return true;
}

unsigned char *
checker_room(struct checker *checker)
{
	(void)pthread_mutex_lock(&checker->mutex);
	while (checker->put - checker->verified == CHECKER_PIECES)
		(void)pthread_cond_wait(&checker->changed, &checker->mutex);
	(void)pthread_mutex_unlock(&checker->mutex);
	return piece(checker, checker->put);
}

bool
checker_put(struct checker *checker, size_t len)
{
	bool sound;

	(void)pthread_mutex_lock(&checker->mutex);
	checker->lens[checker->put % CHECKER_PIECES] = len;
	checker->put++;
	if (!checker->started)
		checker->verified = checker->put;
	sound = checker->fault.code == ERR_NONE;
	(void)pthread_cond_signal(&checker->changed);
	(void)pthread_mutex_unlock(&checker->mutex);
	return sound;
}

static void
end_thread(struct checker *checker)
{
	if (!checker->started)
		return;
	(void)pthread_mutex_lock(&checker->mutex);
	checker->ended = true;
	(void)pthread_cond_signal(&checker->changed);
	(void)pthread_mutex_unlock(&checker->mutex);
	(void)pthread_join(checker->thread, NULL);
	checker->started = false;
}

bool
checker_finish(struct checker *checker, struct error *fault)
{
	end_thread(checker);
	if (checker->fault.code == ERR_NONE)
		return true;
	*fault = checker->fault;
	return false;
}

void
checker_close(struct checker *checker)
{
	if (checker->pieces == NULL)
		return;
	end_thread(checker);
	(void)pthread_cond_destroy(&checker->changed);
	(void)pthread_mutex_destroy(&checker->mutex);
	free(checker->pieces);
	checker->pieces = NULL;
}
