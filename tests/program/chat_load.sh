#!/bin/sh
# Loading can be stopped, and begins anew with the next message. A model of a gigabyte of zeros, a byte out of step so that
# its weights must be copied, takes a while to load and no room on the disk.
. "${srcdir:-.}/tests/program/chat-lib.sh"
available=$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)
[ "${available:-0}" -ge 4 ] || skip "less than 4 GiB of memory are free"

python3 -B - "$srcdir/tests/program" "$work/slow" <<'PY' || exit 99
import json, math, pathlib, struct, sys
sys.path.insert(0, sys.argv[1])
import tinymodel
tinymodel.HIDDEN, tinymodel.MLP, tinymodel.LAYERS = 2048, 8192, 4
folder = pathlib.Path(sys.argv[2])
folder.mkdir()
for name, value in tinymodel.small_files().items():
    (folder / name).write_text(json.dumps(value))
(folder / 'tokenizer.model').write_bytes(tinymodel.tokenizer())
header, end = {}, 0
for name, (shape, _) in sorted(tinymodel.tensors().items()):
    size = 4 * math.prod(shape)
    header[name] = {'dtype': 'F32', 'shape': shape, 'data_offsets': [end, end + size]}
    end += size
text = json.dumps(header).encode()
text += b' ' * (1 - len(text) % 2)
with open(folder / 'model.safetensors', 'wb') as f:
    f.write(struct.pack('<Q', len(text)) + text)
    f.truncate(8 + len(text) + end)
PY

screen 100x32 --no-save -m "$work/slow" -n 4 <<'KEYS'
wait "loading"
key C-c
wait "Loading was stopped"
wait "not loaded"
say "load it after all"
wait "[queued]"
wait "loading"
key C-c
waitre "(Loading was stopped[\s\S]*){2}"
gone "[queued]"
wait "> load it after all"
key C-c
key C-d
expect-exit 0
KEYS

# A command that needs the model begins it anew too, and says so.
"$ivchat" ask -q -n 4 "one" >/dev/null || exit 1
screen 100x32 -c -m "$work/slow" -n 4 <<'KEYS'
wait "loading"
key C-c
wait "Loading was stopped"
type "/regen 0.7"
key Enter
wait "the model is loaded again now"
key C-c
gone "> /regen"
key C-d
expect-exit 0
KEYS
