#!/bin/sh
# What goes wrong is said and loses nothing: a disk that cannot be written, a full context, a lost picture, a spoiled file.
. "${srcdir:-.}/tests/program/chat-lib.sh"
picture red.ppm 120 10 10
picture green.ppm 10 120 10

# the store's folder is a file at first: the answer comes anyway, and the next message writes everything
mkdir "$work/home" && : >"$work/home/data"
screen 110x40 -n 8 red.ppm <<KEYS
wait "[#1"
say "kept in memory"
wait "the text is kept in memory"
wait "[cut at 8]" 60
run rm "$work/home/data"
say "written now"
waitre "written now[\s\S]*cut at 8" 60
key C-d
expect-exit 0
KEYS
records="$work"/home/data/sessions/*/*.jsonl
grep -q '"kept in memory"' $records && grep -q '"written now"' $records || { echo "not written later"; exit 1; }
test "$(grep -c '"t":"answer"' $records)" = 2 || { echo "not both answers are there"; exit 1; }
test "$(find "$work/home/data/pictures" -name '*.p*m' | wc -l)" = 1 || { echo "the picture is not there"; exit 1; }

# leaving while the disk is full asks for another place; there everything is, the pictures too
: >"$work/none"
HOME="$work/homes" TMPDIR="$work/homes" screen 110x40 -n 8 --set store.dir="$work/none/there" red.ppm <<'KEYS'
wait "[#1"
say "to be kept"
wait "the text is kept in memory"
wait "[cut at 8]" 60
key C-d
wait "Try to write it once more"
expect-text "Leave, and lose"
key Escape
gone "Leave, and lose"
key C-d
wait "Try to write it once more"
type "another"
wait "Another folder"
key Enter
wait "> /save"
type "saved"
wait "/save saved"
key Enter
wait "Everything said is saved in"
key C-d
expect-exit 0
expect-text "store.dir="
KEYS
"$ivchat" show --set store.dir="$work/saved" "$(basename "$work"/saved/sessions/*/*.jsonl .jsonl)" | grep -q "to be kept" ||
	{ echo "not kept elsewhere"; exit 1; }
test "$(find "$work/saved/pictures" -name '*.p*m' | wc -l)" = 1 || { echo "its picture is not there"; exit 1; }
screen 110x40 -n 8 --set store.dir="$work/none/there" <<'KEYS'
wait "/help"
say "to be lost"
wait "[cut at 8]" 60
key C-d
wait "Leave, and lose"
type "lose"
key Enter
expect-exit 6
KEYS

# without its picture the conversation is still shown; a line that cannot be read is counted
rm -r "$work/home/data/pictures"
echo 'no JSON' >>$(echo $records)
screen 110x40 -c <<'KEYS'
wait "kept in memory"
wait "(missing)"
wait "1 line of the session file"
key C-d
expect-exit 0
KEYS

# too long for the context: nothing is sent, text and pictures stay
screen 110x40 --ctx 130 -n 8 red.ppm green.ppm <<'KEYS'
wait "[#2"
say "too much for this context"
wait "The context is full"
expect-no-text "Drop"
key Escape
gone "The context is full"
expect-text "> too much for this context"
expect-text "[#1 red.ppm 160x120] [#2 green.ppm 160x120]"
key C-c
say "/detach all"
gone "[#1"
say "short"
wait "[cut at 8]" 60
key C-d
expect-exit 0
KEYS

# a second picture is remarked once
screen 110x40 -n 8 red.ppm green.ppm <<'KEYS'
wait "[#2"
say "compare"
wait "trained on one picture"
wait "[cut at 8]" 60
key C-d
expect-exit 0
KEYS

# a picture that the store has lost: what is sent comes back with a way on, and that way works
screen 110x40 -n 8 red.ppm <<'KEYS'
wait "[#1"
say "with a picture"
wait "[cut at 8]" 60
key C-d
expect-exit 0
KEYS
rm -r "$work/home/data/pictures"
screen 110x40 -c -n 8 <<'KEYS'
wait "(missing)"
say "without it"
wait "/drop 1 goes on without"
wait "> without it"
key C-c
say "/context"
waitre "(/drop 1 goes on without[\s\S]*){2}"
key C-c
say "/drop 1"
wait "[dropped]"
say "/context"
waitre " 0 +turn 1 +with a picture +\[dropped\]"
say "once more"
waitre "once more[\s\S]*cut at 8" 60
key C-d
expect-exit 0
KEYS

# weights that are cut short while they are in use: the screen is given back before the line that says so
screen 110x40 --no-save <<'KEYS'
wait "/help"
signal BUS
expect-exit 7
expect-text "was cut short"
KEYS

# a GPU that is asked for and not there: one line with what to do, the chat stays, the message comes back and is kept
CUDA_VISIBLE_DEVICES= screen 110x40 --gpus 0 <<'KEYS'
wait "--gpus"
say "is it there now"
waitre "--gpus[\s\S]*--gpus[\s\S]*is it there now"
key C-u
key C-d
expect-exit 0
KEYS
