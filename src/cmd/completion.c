/* completion.c: completions for bash, zsh and fish, written out of the tables of commands, options and settings. What a
 * word is, its name in those tables says: DIR, FILE, WHICH …; sessions and presets are asked of the program itself when
 * Tab is pressed. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "cmd/cmd.h"

enum thing { THING_NONE, THING_WORDS, THING_FOLDER, THING_FILE, THING_PICTURE, THING_SESSION, THING_PRESET, THING_KEY,
	THING_TOPIC };

static const char pictures[] = "jpg jpeg png gif bmp pnm pbm pgm ppm webp";

static enum thing
thing_of_option(const struct option_info *o)
{
	static const struct { const char *arg; enum thing thing; } table[] = {
		{ "DIR", THING_FOLDER }, { "FILE", THING_FILE }, { "WHICH", THING_SESSION }, { "KEY=VALUE", THING_KEY },
	};

	if (o->choices)
		return THING_WORDS;
	if (strcmp(o->name, "image") == 0)
		return THING_PICTURE;
	if (strcmp(o->name, "preset") == 0)
		return THING_PRESET;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcmp(table[i].arg, o->arg) == 0)
			return table[i].thing;
	return THING_NONE;
}

static enum thing
thing_of_operands(const struct command *c)
{
	static const struct { const char *part; enum thing thing; } table[] = {
		{ "PICTURE", THING_PICTURE }, { "WHICH", THING_SESSION }, { "TOPIC", THING_TOPIC }, { "|", THING_WORDS },
		{ "FILE", THING_FILE }, { ".jsonl", THING_FILE },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strstr(c->operands, table[i].part))
			return table[i].thing;
	return THING_NONE;
}

/* "info|check [DIR]" → "info check". The caller frees. */
static char *
operand_words(const struct command *c)
{
	char *words = xstrndup(c->operands, strcspn(c->operands, " "));

	for (char *p = words; *p; p++)
		if (*p == '|')
			*p = ' ';
	return words;
}

/* What follows one of the words: "info|check [DIR]". */
static enum thing
thing_after_word(const struct command *c)
{
	return strstr(c->operands, "DIR") ? THING_FOLDER : THING_NONE;
}

/* ---- lists of words that do not change, for all shells. The caller frees. */

static char *
command_words(void)
{
	struct buf out = {0};

	for (int i = 0; commands[i]; i++)
		buf_printf(&out, "%s%s", i ? " " : "", commands[i]->name);
	return buf_take(&out);
}

static char *
key_words(void)
{
	struct buf out = {0};
	struct conf_key key;

	for (int i = 0; conf_key(i, &key); i++)
		buf_printf(&out, "%s%s=", i ? " " : "", key.name);
	return buf_take(&out);
}

static char *
option_words(const struct command *c)
{
	struct buf out = {0};
	struct option_info o;

	for (int i = 0; options_info(i, &o); i++) {
		if (!options_take(&o, c->options))
			continue;
		buf_printf(&out, "%s--%s", out.n ? " " : "", o.name);
		if (o.letter)
			buf_printf(&out, " -%c", o.letter);
	}
	return buf_take(&out);
}

/* ---- bash */

static const char bash_head[] =
	"# bash completion for ivchat; made by: ivchat completion bash\n"
	"_ivchat_words()\n"
	"{\n"
	"\tCOMPREPLY=($(compgen -W \"$1\" -- \"$cur\"))\n"
	"}\n"
	"_ivchat_files()\n"
	"{\n"
	"\tlocal IFS=$'\\n' file type\n"
	"\tcompopt -o filenames 2>/dev/null\n"
	"\tfor file in $(compgen -d -- \"$cur\"); do COMPREPLY+=(\"$file\"); done\n"
	"\t[[ $1 ]] && for file in $(compgen -f -- \"$cur\"); do\n"
	"\t\ttype=${file##*.}\n"
	"\t\t[[ ! -d $file && ( $1 == any || \" $1 \" == *\" ${type,,} \"* ) ]] &&\n"
	"\t\t\tCOMPREPLY+=(\"$file\")\n"
	"\tdone\n"
	"}\n"
	"_ivchat()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=chat first=1 i\n"
	"\tCOMPREPLY=()\n"
	"\t[[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD-2]}\n"
	"\t[[ $cur == = ]] && prev=${COMP_WORDS[COMP_CWORD-1]} cur=\n";

static const char bash_tail[] =
	"}\n"
	"complete -F _ivchat ivchat\n";

static void
print_bash_thing(enum thing thing, const char *words)
{
	switch (thing) {
	case THING_NONE:
		fputs(":", stdout);
		break;
	case THING_WORDS:
		printf("_ivchat_words '%s'", words);
		break;
	case THING_FOLDER:
		fputs("_ivchat_files ''", stdout);
		break;
	case THING_FILE:
		fputs("_ivchat_files any", stdout);
		break;
	case THING_PICTURE:
		printf("_ivchat_files '%s'", pictures);
		break;
	case THING_SESSION:
		fputs("_ivchat_words \"last $(NO_COLOR=1 ivchat ls 2>/dev/null | cut -f1)\"", stdout);
		break;
	case THING_PRESET:
		fputs("_ivchat_words \"$(NO_COLOR=1 ivchat config 2>/dev/null | sed -n 's/^\\[preset \\(.*\\)\\]$/\\1/p')\"", stdout);
		break;
	case THING_KEY:
		printf("_ivchat_words '%s'; compopt -o nospace 2>/dev/null", words);
		break;
	case THING_TOPIC:
		printf("_ivchat_words '%s %s'", words, HELP_TOPICS);
		break;
	}
}

static void
print_bash_values(const char *keys)
{
	struct option_info o;

	puts("\tcase $prev in");
	for (int i = 0; options_info(i, &o); i++) {
		if (!o.arg)
			continue;
		printf("\t--%s", o.name);
		if (o.letter)
			printf("|-%c", o.letter);
		fputs(") ", stdout);
		print_bash_thing(thing_of_option(&o), o.choices ? o.choices : keys);
		puts("; return ;;");
	}
	puts("\tesac");
}

/* The first word that is a command's name is the command. */
static void
print_bash_command(const char *names)
{
	printf("\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	    "\t\t[[ \" %s \" == *\" ${COMP_WORDS[i]} \"* ]] && { command=${COMP_WORDS[i]}; first=; break; }\n"
	    "\tdone\n", names);
}

static void
print_bash_operands(const char *names)
{
	puts("\tcase $command in");
	for (int i = 0; commands[i]; i++) {
		char *options = option_words(commands[i]), *words = operand_words(commands[i]);
		enum thing thing = thing_of_operands(commands[i]);

		printf("\t%s)\n\t\tif [[ $cur == -* ]]; then _ivchat_words '%s'\n\t\telse ", commands[i]->name, options);
		if (thing == THING_WORDS) {
			printf("[[ \" %s \" == *\" $prev \"* ]] && { ", words);
			print_bash_thing(thing_after_word(commands[i]), NULL);
			fputs("; return; }\n\t\t\t", stdout);
		}
		print_bash_thing(thing, thing == THING_WORDS ? words : names);
		puts("; fi ;;");
		free(options);
		free(words);
	}
	printf("\tesac\n\t[[ $first && $cur != -* ]] && COMPREPLY+=($(compgen -W '%s' -- \"$cur\"))\n\treturn 0\n", names);
}

static void
print_bash(void)
{
	char *names = command_words(), *keys = key_words();

	fputs(bash_head, stdout);
	print_bash_command(names);
	print_bash_values(keys);
	print_bash_operands(names);
	fputs(bash_tail, stdout);
	free(names);
	free(keys);
}

/* ---- zsh */

/* In '…' of a specification "--name[text]:…": quotes, brackets and colons would end it. */
static void
print_zsh_text(const char *text)
{
	for (; *text; text++) {
		if (strchr("[]:\\", *text))
			putchar('\\');
		*text == '\'' ? fputs("'\\''", stdout) : putchar(*text);
	}
}

static void
print_zsh_thing(enum thing thing, const char *words)
{
	switch (thing) {
	case THING_NONE:
		break;
	case THING_WORDS:
		printf("(%s)", words);
		break;
	case THING_FOLDER:
		fputs("_files -/", stdout);
		break;
	case THING_FILE:
		fputs("_files", stdout);
		break;
	case THING_PICTURE:
		fputs("_ivchat_pictures", stdout);
		break;
	case THING_SESSION:
		fputs("_ivchat_sessions", stdout);
		break;
	case THING_PRESET:
		fputs("_ivchat_presets", stdout);
		break;
	case THING_KEY:
		fputs("_ivchat_keys", stdout);
		break;
	case THING_TOPIC:
		printf("(%s %s)", words, HELP_TOPICS);
		break;
	}
}

static void
print_zsh_option(const struct option_info *o)
{
	const char *several = o->many ? "*" : "";

	if (o->letter && !o->many)
		printf("\t\t'(-%c --%s)'", o->letter, o->name);
	else
		printf("\t\t'%s'", several);
	if (o->letter)
		printf("{-%c%s,--%s%s}", o->letter, o->arg ? "+" : "", o->name, o->arg ? "=" : "");
	else
		printf("--%s%s", o->name, o->arg ? "=" : "");
	fputs("'[", stdout);
	print_zsh_text(o->help);
	fputs("]", stdout);
	if (o->arg) {
		fputs(":", stdout);
		print_zsh_text(o->arg);
		fputs(":", stdout);
		print_zsh_thing(thing_of_option(o), o->choices);
	}
	puts("' \\");
}

static void
print_zsh_operand(const char *place, const char *name, enum thing thing, const char *words)
{
	printf("\t\t'%s:", place);
	print_zsh_text(name);
	fputs(":", stdout);
	print_zsh_thing(thing, words);
	fputs("'", stdout);
}

static void
print_zsh_command(const struct command *c, const char *names)
{
	char *words = operand_words(c);
	enum thing thing = thing_of_operands(c);
	struct option_info o;

	printf("\t%s)\n\t\t_arguments -s -S \\\n", c->name);
	for (int i = 0; options_info(i, &o); i++)
		if (options_take(&o, c->options))
			print_zsh_option(&o);
	print_zsh_operand(thing == THING_WORDS ? "1" : "*", c->operands, thing, thing == THING_WORDS ? words : names);
	if (thing == THING_WORDS)
		print_zsh_operand("*", c->operands, thing_after_word(c), NULL);
	puts(" ;;");
	free(words);
}

static void
print_zsh(void)
{
	char *names = command_words(), *keys = key_words(), *types = xstrdup(pictures);

	for (char *p = types; *p; p++)
		if (*p == ' ')
			*p = '|';
	printf("#compdef ivchat\n# zsh completion for ivchat; made by: ivchat completion zsh\n"
	    "_ivchat_pictures() { _files -g '(#i)*.(%s)' }\n"
	    "_ivchat_sessions() { local -a ids; ids=(last ${(f)\"$(NO_COLOR=1 ivchat ls 2>/dev/null | cut -f1)\"}); compadd -a ids }\n"
	    "_ivchat_presets() { local -a names\n"
	    "\tnames=(${(f)\"$(NO_COLOR=1 ivchat config 2>/dev/null | sed -n 's/^\\[preset \\(.*\\)\\]$/\\1/p')\"}); compadd -a names }\n"
	    "_ivchat_keys() { compadd -S '' -- %s }\n"
	    "_ivchat()\n{\n\tlocal command=chat\n"
	    "\t(( CURRENT == 2 )) && [[ $words[2] != -* ]] && compadd -- %s\n"
	    "\tif [[ \" %s \" == *\" $words[2] \"* ]]; then\n"
	    "\t\tcommand=$words[2]\n\t\twords=($words[1] ${words[3,-1]})\n\t\t(( CURRENT-- ))\n\tfi\n"
	    "\tcase $command in\n", types, keys, names, names);
	for (int i = 0; commands[i]; i++)
		print_zsh_command(commands[i], names);
	puts("\tesac\n}\nif [[ $funcstack[1] == _ivchat ]]; then _ivchat \"$@\"; else compdef _ivchat ivchat; fi");
	free(names);
	free(keys);
	free(types);
}

/* ---- fish */

/* In '…', where only these two are special. */
static void
print_fish_text(const char *text)
{
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('\'');
}

static void
print_fish_thing(enum thing thing, const char *words)
{
	switch (thing) {
	case THING_NONE:
		break;
	case THING_WORDS:
		printf(" -a '%s'", words);
		break;
	case THING_FOLDER:
		fputs(" -a '(__fish_complete_directories)'", stdout);
		break;
	case THING_FILE:
		fputs(" -F", stdout);
		break;
	case THING_PICTURE:
		printf(" -k -a '(__ivchat_pictures)'");
		break;
	case THING_SESSION:
		fputs(" -a 'last (env NO_COLOR=1 ivchat ls 2>/dev/null | cut -f1,5)'", stdout);
		break;
	case THING_PRESET:
		fputs(" -a '(__ivchat_presets)'", stdout);
		break;
	case THING_KEY:
		printf(" -a '%s'", words);
		break;
	case THING_TOPIC:
		printf(" -a '%s %s'", words, HELP_TOPICS);
		break;
	}
}

/* "ask" and its like; the chat also without its name. */
static void
print_fish_condition(const struct command *c)
{
	printf("complete -c ivchat -n '%s%s", c == &cmd_chat ? "__ivchat_is_chat" : "__fish_seen_subcommand_from ",
	    c == &cmd_chat ? "" : c->name);
}

static void
print_fish_option(const struct command *c, const struct option_info *o, const char *keys)
{
	print_fish_condition(c);
	fputs("'", stdout);
	if (o->letter)
		printf(" -s %c", o->letter);
	printf(" -l %s -d ", o->name);
	print_fish_text(o->help);
	if (o->arg) {
		fputs(thing_of_option(o) == THING_FILE ? " -r" : " -x", stdout);
		print_fish_thing(thing_of_option(o), o->choices ? o->choices : keys);
	}
	putchar('\n');
}

/* One of the words, and what follows it. */
static void
print_fish_words(const struct command *c, const char *words)
{
	print_fish_condition(c);
	printf("; and not __fish_seen_subcommand_from %s'", words);
	print_fish_thing(THING_WORDS, words);
	putchar('\n');
	if (thing_after_word(c) == THING_NONE)
		return;
	print_fish_condition(c);
	printf("; and __fish_seen_subcommand_from %s'", words);
	print_fish_thing(thing_after_word(c), NULL);
	putchar('\n');
}

static void
print_fish_command(const struct command *c, const char *names, const char *keys)
{
	char *words = operand_words(c);
	enum thing thing = thing_of_operands(c);
	struct option_info o;

	printf("complete -c ivchat -n \"not __fish_seen_subcommand_from %s\" -a %s -d ", names, c->name);
	print_fish_text(c->summary);
	putchar('\n');
	for (int i = 0; options_info(i, &o); i++)
		if (options_take(&o, c->options))
			print_fish_option(c, &o, keys);
	if (thing == THING_WORDS) {
		print_fish_words(c, words);
	} else if (thing != THING_NONE) {
		print_fish_condition(c);
		fputs("'", stdout);
		print_fish_thing(thing, names);
		putchar('\n');
	}
	free(words);
}

static void
print_fish(void)
{
	char *names = command_words(), *keys = key_words(), *types = xstrdup(pictures);

	for (char *p = types; *p; p++)
		if (*p == ' ')
			*p = '|';
	printf("# fish completion for ivchat; made by: ivchat completion fish\n"
	    "complete -c ivchat -f\n"
	    "function __ivchat_is_chat\n\tnot __fish_seen_subcommand_from %s\n"
	    "\tor __fish_seen_subcommand_from chat\nend\n"
	    "function __ivchat_pictures\n"
	    "\t__fish_complete_path (commandline -ct) | string match -ri '^[^\\t]*(?:/|\\.(?:%s))(?:\\t.*)?$'\nend\n"
	    "function __ivchat_presets\n\tenv NO_COLOR=1 ivchat config 2>/dev/null | string replace -rf '^\\[preset (.*)\\]$' '$1'\nend\n",
	    names, types);
	for (int i = 0; commands[i]; i++)
		print_fish_command(commands[i], names, keys);
	free(names);
	free(keys);
	free(types);
}

/* ---- all */

static const struct {
	const char *name;
	void (*print)(void);
} shells[] = {
	{ "bash", print_bash },
	{ "zsh", print_zsh },
	{ "fish", print_fish },
};

static int
run(const struct command *self, struct options *o)
{
	struct error err = {0};

	for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
		if (o->n_operands == 1 && strcmp(shells[i].name, o->operands[0]) == 0) {
			shells[i].print();
			return CODE_OK;
		}
	error_set(&err, CODE_USAGE, "%s needs one of: bash, zsh, fish", self->name);
	error_hint(&err, "source <(ivchat completion bash)");
	return cmd_fail(&err);
}

const struct command cmd_completion = {
	"completion", "bash|zsh|fish", "Print completions for a shell.", 0, run,
};
