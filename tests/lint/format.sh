#!/bin/sh
# Every C file is as .clang-format says. Other versions of clang-format judge
# differently, so it is version 14 or none.
. "$(dirname "$0")/lint.sh"

clang_format=$(need clang-format-14) || exit
find src tests -name '*.[ch]' -exec "$clang_format" --dry-run -Werror {} +
