# chat-lib.sh: what the tests of the whole chat share: the built program in a terminal of fixed size, with a store of its
# own under the build folder, driven by term-shot's key scripts. Sourced; not a test.

: "${srcdir:=.}"
ivchat=${IVCHAT:-$(pwd)/ivchat}
term_shot=${TERM_SHOT:-$srcdir/../shared/tools/term-shot}
tiny=${IVCHAT_FIXTURES:-$srcdir/../shared/fixtures}/tiny-b

skip() {
	echo "skipped: $*"
	exit 77
}

command -v python3 >/dev/null || skip "no python3"
[ -f "$term_shot" ] || skip "no term-shot at $term_shot (TERM_SHOT names it)"
[ -f "$tiny/config.json" ] || skip "no tiny model at $tiny (IVCHAT_FIXTURES names the folder)"

work=$(mktemp -d "${TMPDIR:-/tmp}/ivchat-chat.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
export IVCHAT_HOME="$work/home" IVCHAT_MODEL="$tiny" LC_ALL=C.UTF-8 OPENBLAS_NUM_THREADS=1
unset IVCHAT_IMAGES NO_COLOR SSH_CONNECTION INPUTRC
export INPUTRC=/dev/null

# picture NAME RED GREEN BLUE: a plain 160x120 picture (levels under 128, so that awk prints bytes)
picture() {
	LC_ALL=C awk -v r="$2" -v g="$3" -v b="$4" 'BEGIN {
		printf "P6\n160 120\n127\n"
		for (i = 0; i < 160 * 120; i++) printf "%c%c%c", r, g, b
	}' >"$work/$1"
}

# screen SIZE ARGS... <steps: the chat on a screen of that size; fails the test when a step does. A step of our own,
# say "TEXT", types and sends: Enter comes when the text is seen, since keys that come all at once are a paste.
screen() {
	size=$1
	shift
	sed 's/^say "\(.*\)"$/type "\1"\nwait "> \1"\nkey Enter/' >"$work/steps"
	( cd "$work" && python3 "$here_term_shot" --terminal none --cell 10x20 -g "$size" --timeout 120 --wait 20 -o "$work/out" \
		-s "$work/steps" -- "$ivchat" "$@" ) || exit 1
}

here_term_shot=$(cd "$(dirname "$term_shot")" && pwd)/$(basename "$term_shot")
case $ivchat in /*) ;; *) ivchat=$(pwd)/$ivchat ;; esac
case $tiny in /*) ;; *) IVCHAT_MODEL=$(cd "$tiny" && pwd) ;; esac
