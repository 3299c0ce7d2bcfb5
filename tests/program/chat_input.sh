#!/bin/sh
# What Enter does with a line: commands, text that begins with a slash, queued messages, undo, Chinese.
. "${srcdir:-.}/tests/program/chat-lib.sh"
picture red.ppm 120 10 10
picture green.ppm 10 120 10

screen 100x32 -n 12 <<'KEYS'
wait "/help"
say "/frobnicate now"
wait "there is no command /frobnicate"
expect-text "/frobnicate now"
key C-c
say "//slash"
wait "[cut at 12]" 60
expect-text "/slash"
expect-no-text "//slash"
say "/undo"
gone "[cut at 12]"
wait "/slash"
key C-c
type "你好，这是什么？"
wait "你好，这是什么？"
key Enter
wait "[cut at 12]" 60
expect-text "你好，这是什么？"
say "/regen"
wait "the result would be the same"
key C-c
say "/set temp 0.5"
wait "temp = 0.5"
say "/set top_p 7"
wait "top_p: "
expect-text "/set top_p 7"
key C-c
say "/regen"
wait "[2/2]" 60
say "/system Be brief."
wait "system message: Be brief."
key C-d
expect-exit 0
KEYS
grep -q '"t":"system".*Be brief\.' "$work"/home/data/sessions/*/*.jsonl || { echo "system message not stored"; exit 1; }

# pictures: a path in front becomes a chip, Backspace takes it back, Enter on an empty line asks the usual question
screen 100x32 -n 12 <<'KEYS'
wait "/help"
say "./red.ppm what is it?"
wait "[#1 red.ppm 160x120]"
expect-text "what is it?"
key C-c
key Backspace
gone "[#1 red.ppm 160x120]"
say "/image *.ppm"
wait "[#1 green.ppm 160x120] [#2 red.ppm 160x120]"
say "/detach 1"
wait "[#1 red.ppm 160x120]"
expect-no-text "green"
key Enter
wait "Please describe the image in detail."
key Enter
wait "[cut at 12]" 60
wait-image 1
say "/image nothing.png"
wait "nothing.png"
say "/images"
wait "turn 1"
key C-c
key C-d
expect-exit 0
KEYS

# several that wait are answered in order, each below its question
screen 100x60 -n 30 <<'KEYS'
wait "/help"
say "first"
say "second"
say "third"
waitre "first[\s\S]*cut at 30[\s\S]*second[\s\S]*cut at 30[\s\S]*third[\s\S]*cut at 30" 60
expect-no-text "[queued]"
key C-d
expect-exit 0
KEYS

# Tab completes commands, settings and paths; of quotes and blanks no one needs to think
mv "$work/red.ppm" "$work/my picture.ppm"
screen 100x32 <<'KEYS'
wait "/help"
type "/set te"
key Tab
wait "/set temp"
key C-u
type "/image my"
key Tab
key Enter
wait "[#1 my picture.ppm 160x120]"
key C-c
key C-d
expect-exit 0
KEYS

# a message that is sent during an answer waits, and comes back when the answer is stopped
screen 100x32 -n 16000 <<'KEYS'
wait "/help"
say "first"
wait "answering" 60
say "second"
wait "[queued]"
key C-c
wait "[stopped]"
gone "[queued]"
expect-text "second"
key C-c
say "third"
wait "answering" 60
say "fourth"
wait "[queued]"
key M-Up
gone "[queued]"
key C-c
wait "[stopped]"
key C-c
key C-d
expect-exit 0
KEYS

# the message in an editor; one that fails changes nothing; keys as the settings bind them
cat >"$work/editor" <<'SH'
#!/bin/sh
read -r line <"$1"
printf '%s, edited\n猫\n' "$line" >"$1"
SH
chmod +x "$work/editor"
mkdir -p "$work/home/config"
cat >"$work/home/config/config" <<'CONF'
bind F2 = sessions
bind Ctrl-O = editor       # and no longer the list
bind Ctrl-T = none
bind F3 = fly
color.prompt = 196
color.wings = red
CONF
export VISUAL="$work/editor" TMPDIR="$work"
screen 100x32 <<'KEYS'
wait "config:4: bind F3: there is no action 'fly'"
wait "config:6: color.wings: nothing has this name"
type "a word"
wait "> a word"
key C-x
key C-e
wait "a word, edited"
expect-text "猫"
key C-c
type "second"
wait "> second"
key C-o
wait "second, edited"
key C-c
type "third"
wait "> third"
key C-g
wait "third, edited"
key C-t
expect-text "third, edited"
key C-c
key F2
wait "Enter takes, Esc leaves"
key Escape
gone "Enter takes"
key F1
wait "Type a message"
key PageDown
key PageDown
waitre "Ctrl-X Ctrl-E, Ctrl-G, Ctrl-O|while reading"
key q
key C-d
expect-exit 0
KEYS
test -z "$(find "$work" -name 'ivchat-*.md')" || { echo "the editor's file is left"; exit 1; }
"$ivchat" help keys 2>"$work/told" | grep -q "Ctrl-X Ctrl-E, Ctrl-G, Ctrl-O" || { echo "not the keys in force"; exit 1; }
grep -q "no action 'fly'" "$work/told" || { echo "a binding that is none is not told"; exit 1; }

# keys of reading mode, a character among them, which is text while typing
cat >>"$work/home/config/config" <<'CONF'
bind x = read-copy
bind y = read-none
bind F4 = read-leave
bind Ctrl-G = read-edit
CONF
screen 100x32 -n 3 <<'KEYS'
type "x y z"
wait "> x y z"
key Enter
wait "[cut at 3]"
key Escape
sleep 0.2
type "[["
key x
wait "copied the question, 5 bytes"
key y
wait "q goes back to typing"
key F4
type "xy"
wait "> xy"
key C-u
key Escape
sleep 0.2
type "[["
key C-g
wait "> x y z"
key C-g
wait "x y z, edited"
key C-c
key C-d
expect-exit 0
KEYS
"$ivchat" help reading 2>/dev/null | grep -q "^  x  *copy the message$" || { echo "not the keys of reading mode in force"; exit 1; }

# an empty message stays one
MALLOC_PERTURB_=7 VISUAL=true screen 100x32 <<'KEYS'
wait "/help"
key C-g
sleep 0.3
type "after it"
wait "> after it"
expect-no-text "the editor wrote"
key C-c
key C-d
expect-exit 0
KEYS

VISUAL=false screen 100x32 <<'KEYS'
type "as it was"
wait "> as it was"
key C-g
wait "the editor 'false' failed"
expect-text "> as it was"
key C-c
key C-d
expect-exit 0
KEYS
rm "$work/home/config/config"
