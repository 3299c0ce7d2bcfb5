#!/bin/sh
# Going from one conversation to another, and what a second writer is told.
. "${srcdir:-.}/tests/program/chat-lib.sh"

screen 100x32 -n 8 --name fish <<'KEYS'
wait "/help"
say "about fish"
wait "[cut at 8]" 60
say "/new birds"
gone "about fish"
say "about birds"
wait "[cut at 8]" 60
say "/rename crows"
wait "crows"
key C-o
wait "fish"
type "fish"
wait "Sessions: fish"
key Enter
wait "about fish"
expect-no-text "about birds"
say "/sessions crows"
wait "about birds"
key C-d
expect-exit 0
KEYS

# the picker finds the one that another process holds, and stays where it was
( cd "$work" && python3 "$term_shot" --terminal none -g 80x24 --timeout 120 -o "$work/out2" \
	-e 'wait "about fish"' -e 'run touch held' -e 'run while test -e held; do sleep 0.1; done' -e 'key C-d' \
	-e 'expect-exit 0' -- "$ivchat" -s fish >"$work/holder.log" 2>&1 ) &
holder=$!
while [ ! -e "$work/held" ] && kill -0 $holder; do sleep 0.1; done
"$ivchat" path fish >/dev/null || { echo "no session fish"; exit 1; }
screen 100x32 -s crows <<'KEYS'
wait "about birds"
say "/sessions fish"
wait "open in another terminal"
expect-text "about birds"
expect-text "/sessions fish"
key C-c
key C-d
expect-exit 0
KEYS
screen 100x32 -s fish <<'KEYS'
expect-exit 6
KEYS
rm "$work/held"
wait $holder || { cat "$work/holder.log"; exit 1; }
screen 100x32 -s nowhere <<'KEYS'
expect-exit 3
KEYS
