# program/cli: the built program by pipes and in a pty; Python 3, standard library only
TESTS += tests/program/cli_plain.py tests/program/cli_settings.py tests/program/cli_golden.py tests/program/cli_errors.py tests/program/cli_ends.py tests/program/cli_sessions.py \
	tests/program/cli_demo.py tests/program/cli_replay.py tests/program/cli_batch.py tests/program/cli_colours.py tests/program/cli_hostile.py tests/program/cli_synth.py tests/program/cli_quantize.py tests/program/cli_guess.py
EXTRA_DIST += tests/program/cli_guess.py tests/program/cli_plain.py tests/program/cli_replay.py tests/program/cli_batch.py tests/program/cli_colours.py tests/program/cli_hostile.py tests/program/cli_synth.py tests/program/cli_quantize.py tests/program/cli_settings.py tests/program/cli_golden.py tests/program/cli_errors.py tests/program/cli_ends.py \
	tests/program/cli_sessions.py tests/program/cli_demo.py tests/program/program.py tests/program/tinymodel.py
