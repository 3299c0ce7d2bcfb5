#!/bin/sh
# Leaving by signals stores what was said; without a model the chat can still be read; a private one leaves nothing.
. "${srcdir:-.}/tests/program/chat-lib.sh"

ends() {
	screen 100x32 -n 16000 --set hangup.grace=0 <<KEYS
wait "/help"
say "question for $1"
waitre "Assistant\\n. ?\\S" 60
signal $1
expect-exit $2
KEYS
	grep -q '"stop":"hangup"' "$work"/home/data/sessions/*/*.jsonl || { echo "$1: answer not stored"; exit 1; }
	rm "$work"/home/data/sessions/*/*.jsonl
}
ends TERM 143
ends HUP 129

screen 100x32 -n 8 <<'KEYS'
wait "/help"
say "to be read"
wait "[cut at 8]" 60
say "/quit"
expect-exit 0
KEYS
screen 100x32 -c -m "$work" <<'KEYS'
wait "to be read"
wait "config.json"
say "hello"
wait "there is no model"
expect-text "hello"
key C-c
key C-d
expect-exit 0
KEYS

rm -r "$work/home"
screen 100x32 -n 8 --no-save <<'KEYS'
wait "PRIVATE"
say "secret"
wait "[cut at 8]" 60
key C-d
expect-exit 0
KEYS
test ! -e "$work/home" || { find "$work/home"; echo "a private session left something behind"; exit 1; }
