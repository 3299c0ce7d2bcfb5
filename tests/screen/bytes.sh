#!/bin/sh
# What a calm screen costs on a line: bytes per streamed token, per scroll step and per picture on 80x24, printed for a
# near line and for 30 and 250 ms of added delay. Fails on bytes only, never on time; typing is checked too, since late
# answers of the terminal must never land in the input.
set -u

srcdir=${srcdir:-.}
shot=${TERM_SHOT:-$srcdir/../shared/tools/term-shot}
DEMO=${DEMO:-$PWD/ui-demo}
tokens=150
text=700                # bytes of the demo's 150 words: ten times its fifteen words, 70 bytes

skip()
{
	echo "skipped: $1"
	exit 77
}

# The counter "since mark" of the Nth stats line.
count()
{
	sed -n 's/.*since mark \([0-9]*\)).*/\1/p' "$out/log" | sed -n "$1p"
}

# Fails unless the figure is there and at most the limit.
at_most()
{
	printf '%4s ms: %-44s %7s  (limit %s)\n' "$lag" "$1" "$2" "$3"
	[ -n "$2" ] && [ "$2" -le "$3" ] || failed=1
}

# Every figure is taken between "mark" and "stats"; the quiet before each lasts longer than an answer takes to come.
steps()
{
	quiet=$(awk -v ms="$lag" 'BEGIN { print 0.5 + 3 * ms / 1000 }')
	cat <<EOF
wait "> " 10
type "stream $tokens"
wait "> stream $tokens" 10
mark
key Enter
wait "[done]" 30
sleep $quiet
settle 0.3
stats
type "fill 3"
wait "> fill 3" 10
key Enter
sleep $quiet
settle 0.3
type "pic"
wait "> pic" 10
mark
key Enter
wait-image 1 20
sleep $quiet
settle 0.3
stats
type "fill 4"
wait "> fill 4" 10
key Enter
sleep $quiet
settle 0.3
key M-p
key M-p
sleep $quiet
settle 0.3
mark
key M-n
sleep $quiet
settle 0.3
stats
mark
sleep 2
stats
type "abc"
wait "> abc" 10
sleep $quiet
settle 0.3
waitre "^> abc *\$" 5
EOF
}

measure()
{
	lag=$1
	out=screen-out/bytes-$lag
	mkdir -p "$out"
	steps >"$out/script"
	"$shot" --terminal none -g 80x24 --strict --cell 9x18 --lag "$lag" -o "$out" -s "$out/script" --timeout 180 -- "$DEMO" \
		>"$out/log" 2>&1 || { cat "$out/log"; exit 1; }
	at_most "a streamed token, besides its text" "$((($(count 1) - text) / tokens))" 199
	at_most "a picture with its question (256 KiB)" "$(count 2)" 266240
	at_most "a scroll step with the picture in view" "$(count 3)" 2047
	at_most "two idle seconds" "$(count 4)" 0
}

[ -x "$shot" ] || skip "no term-shot at $shot (set TERM_SHOT)"
command -v python3 >/dev/null || skip "python3 is missing"
LC_ALL=C.UTF-8 INPUTRC=/dev/null
export LC_ALL INPUTRC
unset TMUX NO_COLOR
failed=0
for delay in 0 30 250; do
	measure "$delay"
done
exit "$failed"
