#!/bin/sh
# The options of each command are the same in --help, in its man page and in the
# parser: names, arguments, defaults.
. "$(dirname "$0")/cli.sh"

# Both descriptions become lines "LETTER NAME ARGUMENT DEFAULT", "-" for none,
# with the argument in lower case. Blanks in a default become "_".

# "  -s, --status-interval=SECS seconds ... (default: 10; 0: when asked)"
options_of_help() {
	awk '
	function flush() {
		if (name != "")
			print letter, name, argument, preset
		name = ""
	}
	/^  (-.,|   ) --/ {
		flush()
		letter = substr($0, 3, 1) == "-" ? substr($0, 4, 1) : "-"
		name = substr($0, 9)
		sub(/ .*/, "", name)
		argument = "-"
		if (split(name, part, "=") == 2) {
			name = part[1]
			argument = tolower(part[2])
			# "--wait[=SECS]"
			if (sub(/\[$/, "", name))
				argument = "[" argument
		}
		preset = "-"
	}
	/^$/ { flush() }
	match($0, /\(default: [^;)]*/) {
		preset = substr($0, RSTART + 10, RLENGTH - 10)
		gsub(/ /, "_", preset)
	}
	END { flush() }'
}

# ".It Fl s Ar secs , Fl -status-interval Ns = Ns Ar secs", and a line of its
# own that begins with "The default is".
options_of_man() {
	awk '
	function flush() {
		if (name != "")
			print letter, name, argument, preset
		name = ""
	}
	# "Ns Oo : Ns Ar level Oc" becomes "[:level]".
	function plain(text) {
		gsub(/ Ns /, "", text)
		gsub(/ Oc/, "]", text)
		gsub(/Oo /, "[", text)
		gsub(/Ar /, "", text)
		gsub(/\\&/, "", text)
		return tolower(text)
	}
	/^\.It Fl / {
		flush()
		letter = "-"
		from_letter = argument = "-"
		name = $0
		if (match(name, / , Fl -/)) {
			letter = substr(name, 8, RSTART - 8)
			sub(/^\\&/, "", letter)
			if (letter ~ / Ar /) {
				from_letter = plain(substr(letter, 3))
				letter = substr(letter, 1, 1)
			}
			name = substr(name, RSTART + RLENGTH)
		} else
			sub(/^\.It Fl -/, "", name)
		if (match(name, / Ns Oo = Ns Ar /)) {
			argument = "[" plain(substr(name, RSTART + RLENGTH))
			name = substr(name, 1, RSTART - 1)
		} else if (match(name, / Ns = Ns Ar /)) {
			argument = plain(substr(name, RSTART + RLENGTH))
			name = substr(name, 1, RSTART - 1)
		}
		if (letter != "-" && from_letter != argument)
			argument = argument "/" from_letter
		preset = "-"
	}
	/^\.El/ { flush() }
	/^The default is / {
		preset = substr($0, 16)
		sub(/(;.*|\.)$/, "", preset)
		gsub(/ /, "_", preset)
	}
	END { flush() }' "$man/walfetch-$command.1"
}

# A value that the parser takes for an argument of this name.
value_for() {
	case $1 in
	lsn) echo 1/2 ;;
	n | secs) echo 1 ;;
	size) echo 1GB ;;
	'method[:level]') echo gzip:1 ;;
	when) echo auto ;;
	format) echo tar ;;
	method) echo none ;;
	mode) echo fast ;;
	rate) echo 32k ;;
	algorithm) echo SHA256 ;;
	mapping) echo /a=/b ;;
	dir | label | manifest | name | path | connstr | hostname | port) echo x ;;
	*) return 1 ;;
	esac
}

# accepts OPTION...: the parser, which goes on as far as --help.
accepts() {
	run "$walfetch" "$command" "$@" --help
	[ "$status" -eq 0 ] && [ ! -s "$scratch/err" ]
}

# parse_as LETTER NAME ARGUMENT: the parser knows it in each form, and takes a
# value only where there is one.
parse_as() {
	if [ "$3" = - ]; then
		accepts "--$2" || fail "--$2 is not accepted"
		case $2 in
		help | version) ;;
		*) ! accepts "--$2=x" || fail "--$2 takes a value" ;;
		esac
		[ "$1" = - ] || accepts "-$1" || fail "-$1 is not accepted"
		return
	fi
	case $3 in
	\[*)
		value=${3#?}
		value=$(value_for "${value%?}") ||
			fail "no value is known for arguments called \"$3\""
		accepts "--$2=$value" || fail "--$2=$value is not accepted"
		accepts "--$2" || fail "--$2 is not accepted"
		return
		;;
	esac
	value=$(value_for "$3") ||
		fail "no value is known for arguments called \"$3\""
	accepts "--$2=$value" || fail "--$2=$value is not accepted"
	accepts "--$2" "$value" || fail "--$2 $value is not accepted"
	run "$walfetch" "$command" "--$2"
	grep -qF "option \"--$2\" needs a value" "$scratch/err" ||
		fail "--$2 takes no value"
	[ "$1" = - ] || accepts "-$1" "$value" ||
		fail "-$1 $value is not accepted"
}

# check_command COMMAND
check_command() {
	command=$1
	run "$walfetch" "$command" --help
	options_of_help <"$scratch/out" | sort >"$scratch/help"
	options_of_man | sort >"$scratch/man"
	same "$command --help (-) and walfetch-$command(1) (+)" \
		"$scratch/help" "$scratch/man"

	while read -r letter name argument _; do
		parse_as "$letter" "$name" "$argument"
	done <"$scratch/help"

	# No letter is accepted that is not told of.
	for letter in a b c d e f g h i j k l m n o p q r s t u v w x y z \
		A B C D E F G H I J K L M N O P Q R S T U V W X Y Z \
		0 1 2 3 4 5 6 7 8 9; do
		run "$walfetch" "$command" "-$letter"
		grep -qF "unrecognized option \"-$letter\"" "$scratch/err" ||
			printf '%s\n' "$letter"
	done | sort >"$scratch/accepted"
	awk '$1 ~ /^[A-Za-z0-9]$/ { print $1 }' "$scratch/help" | sort >"$scratch/told"
	same "$command: letters in --help (-) and those accepted (+)" \
		"$scratch/told" "$scratch/accepted"
}

for name in backup receive restore verify status check; do
	check_command "$name"
done
nothing_written options
finish
