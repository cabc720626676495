# What makes a fault of memory hard to abuse, as far as compiler, linker and
# processor have it. Not for builds with sanitizers or coverage, which find the
# faults themselves. tests/lint/hardening.sh looks for it in the program.
include(CheckCCompilerFlag)
include(CheckCSourceCompiles)
include(CheckLinkerFlag)

# The level of _FORTIFY_SOURCE: 3 where compiler and libc know it, and do not
# warn.
function(walfetch_fortify_level result)
	set(CMAKE_REQUIRED_FLAGS
		"-O2 -Werror -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3")
	check_c_source_compiles("
		#include <string.h>
		#if __USE_FORTIFY_LEVEL < 3
		#error no level 3
		#endif
		int main(void) { return (int)strlen(\"\"); }"
		WALFETCH_FORTIFY_3)
	set(${result} $<IF:$<BOOL:${WALFETCH_FORTIFY_3}>,3,2> PARENT_SCOPE)
endfunction()

# walfetch_harden(TARGET): for all that links with this interface library.
function(walfetch_harden target)
	target_compile_options(${target} INTERFACE -fPIE)
	target_link_options(${target} INTERFACE -pie)

	# Some compilers take what they have no use for, and only warn.
	set(CMAKE_REQUIRED_FLAGS -Werror)
	foreach(flag -fstack-protector-strong -fstack-clash-protection
			-fcf-protection=full -mbranch-protection=standard)
		string(MAKE_C_IDENTIFIER "WALFETCH_HAS${flag}" known)
		check_c_compiler_flag(${flag} ${known})
		if(${known})
			target_compile_options(${target} INTERFACE ${flag})
		endif()
	endforeach()

	unset(CMAKE_REQUIRED_FLAGS)
	foreach(word relro now noexecstack separate-code)
		string(MAKE_C_IDENTIFIER "WALFETCH_HAS_Z_${word}" known)
		check_linker_flag(C "-Wl,-z,${word}" ${known})
		if(${known})
			target_link_options(${target} INTERFACE "-Wl,-z,${word}")
		endif()
	endforeach()

	# It needs an optimiser, and warns without one.
	walfetch_fortify_level(level)
	target_compile_options(${target} INTERFACE
		"$<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=${level}>")
endfunction()
