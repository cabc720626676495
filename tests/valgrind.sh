#!/bin/sh
# Run a program under valgrind: status 99 if valgrind finds fault with it.
exec valgrind -q --error-exitcode=99 --leak-check=full \
	--errors-for-leak-kinds=definite,indirect,possible \
	${WALFETCH_VALGRIND_LOG:+--log-file="$WALFETCH_VALGRIND_LOG"} "$@"
