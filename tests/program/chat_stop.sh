#!/bin/sh
# What was said stays: after Ctrl-C, and after kill -9 in the middle of an answer.
. "${srcdir:-.}/tests/program/chat-lib.sh"

screen 100x32 -n 16000 <<'KEYS'
wait "/help"
say "Tell me everything"
waitre "Assistant\n. ?\S" 60
key C-c
wait "[stopped]"
say "Once more"
waitre "Once more[\s\S]*Assistant\n. ?\S" 60
run while ! grep -q '"t":"part","id":4' home/data/sessions/*/*.jsonl; do sleep 0.1; done
signal KILL
wait-exit
KEYS
records="$work"/home/data/sessions/*/*.jsonl
grep -q '"stop":"user"' $records || { echo "the stopped answer is not stored"; exit 1; }
grep -q '"t":"part"' $records || { echo "no part of the killed answer is stored"; exit 1; }

screen 100x32 -c -n 16 <<'KEYS'
wait "[interrupted]"
say "go on"
wait "[cut at 16]" 60
key C-d
expect-exit 0
KEYS
