# chat-lib.sh: what the tests of the whole chat share: the built program with the random model of tinymodel.py, in a
# terminal of fixed size, with a store of its own, driven by term-shot's key scripts. Sourced; not a test.

: "${srcdir:=.}"
ivchat=$(realpath "${IVCHAT:-./ivchat}")
term_shot=${TERM_SHOT:-$srcdir/../shared/tools/term-shot}

skip() {
	echo "skipped: $*"
	exit 77
}

command -v python3 >/dev/null || skip "no python3"
[ -f "$term_shot" ] || skip "no term-shot at $term_shot (TERM_SHOT names it)"

term_shot=$(realpath "$term_shot")

work=$(mktemp -d "${TMPDIR:-/tmp}/ivchat-chat.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
python3 -B - "$srcdir/tests/program" "$work/tiny" <<'PY' || exit 99
import pathlib, sys
sys.path.insert(0, sys.argv[1])
import tinymodel
tinymodel.write(pathlib.Path(sys.argv[2]))
PY
export IVCHAT_HOME="$work/home" IVCHAT_MODEL="$work/tiny" LC_ALL=C.UTF-8 OPENBLAS_NUM_THREADS=1 INPUTRC=/dev/null
unset IVCHAT_IMAGES NO_COLOR SSH_CONNECTION

# picture NAME RED GREEN BLUE: a plain 160x120 picture (levels under 128, so that awk prints bytes)
picture() {
	LC_ALL=C awk -v r="$2" -v g="$3" -v b="$4" 'BEGIN {
		printf "P6\n160 120\n127\n"
		for (i = 0; i < 160 * 120; i++) printf "%c%c%c", r, g, b
	}' >"$work/$1"
}

# screen SIZE ARGS... <steps: the chat on a screen of that size; fails the test when a step does. A step of our own,
# say "TEXT", types and sends: Enter comes when the text is seen.
screen() {
	size=$1
	shift
	sed 's/^say "\(.*\)"$/type "\1"\nwait "> \1"\nkey Enter/' >"$work/steps"
	( cd "$work" && python3 "$term_shot" --terminal none --cell 10x20 -g "$size" --timeout 400 --wait 60 -o "$work/out" \
		-s "$work/steps" -- "$ivchat" "$@" ) || exit 1
}
