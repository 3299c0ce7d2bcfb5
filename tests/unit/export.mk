# export: search, tags and store checks by the built program, which also makes what is exported and imported
TESTS += tests/program/cli_search.py tests/program/cli_transfer.py
EXTRA_DIST += tests/program/cli_search.py tests/program/cli_transfer.py tests/program/sessions.py tests/program/bench_search.py
