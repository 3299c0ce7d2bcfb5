#!/bin/sh
# Going from one conversation to another, and what a second writer is told.
. "${srcdir:-.}/tests/program/chat-lib.sh"

screen 100x32 -n 8 --name fish <<'KEYS'
wait "/help"
type "about fish"
key Enter
wait "[cut at 8]" 30
type "/new birds"
key Enter
gone "about fish"
type "about birds"
key Enter
wait "[cut at 8]" 30
type "/rename crows"
key Enter
wait "crows"
key C-o
wait "fish"
type "fish"
key Enter
wait "about fish"
expect-no-text "about birds"
type "/sessions crows"
key Enter
wait "about birds"
key C-d
expect-exit 0
KEYS

# the picker finds the one that another process holds, and stays where it was
( cd "$work" && sleep 8 | python3 "$here_term_shot" --terminal none -g 80x24 --timeout 60 -o "$work/out2" -e 'wait "about fish"' \
	-e 'sleep 6' -e 'key C-d' -e 'expect-exit 0' -- "$ivchat" -s fish >"$work/holder.log" 2>&1 ) &
holder=$!
sleep 2
"$ivchat" path fish >/dev/null || { echo "no session fish"; exit 1; }
screen 100x32 -s crows <<'KEYS'
wait "about birds"
type "/sessions fish"
key Enter
sleep 0.5
expect-text "about birds"
expect-text "/sessions fish"
key C-c
key C-d
expect-exit 0
KEYS
screen 100x32 -s fish <<'KEYS'
expect-exit 6
KEYS
wait $holder || { cat "$work/holder.log"; exit 1; }
screen 100x32 -s nowhere <<'KEYS'
expect-exit 3
KEYS
