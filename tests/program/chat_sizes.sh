#!/bin/sh
# A screen that is too small says so and works again when it grows; a resize in mid-answer loses nothing.
. "${srcdir:-.}/tests/program/chat-lib.sh"

screen 30x6 -n 16000 <<'KEYS'
wait "40x8"
resize 100x30
wait "/help"
say "hello"
wait "answering" 60
resize 60x20
sleep 0.2
resize 110x34
sleep 0.2
key C-c
wait "[stopped]"
resize 50x10
wait "[stopped]"
key C-d
expect-exit 0
KEYS

# a message above the input is read to its end, also on the smallest screen
screen 40x8 -n 3 <<'KEYS'
wait "> "
say "hello"
wait "[cut at 3]"
key M-Up
wait "  Enter makes a new branch of it,"
expect-text "  Ctrl-C on an empty line leaves it as"
expect-text "  it was"
expect-text "> hello"
key C-c
gone "it was"
key C-c
key C-d
expect-exit 0
KEYS
