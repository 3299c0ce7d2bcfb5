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
