/*
 * lint/analyzer.h - what clang's analyzer cannot see, included by tidy.sh.
 *
 * It looks at one file at a time, so it does not know that these return false
 * always, and warns of what would happen if they did not.
 */
#ifndef LINT_ANALYZER_H
#define LINT_ANALYZER_H

#include "base/error.h"

#define error_set(...) (error_set(__VA_ARGS__), false)
#define error_set_errno(...) (error_set_errno(__VA_ARGS__), false)
#define error_set_memory(e) (error_set_memory(e), false)
#define error_set_hint(...) (error_set_hint(__VA_ARGS__), false)

#endif
