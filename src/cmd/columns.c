/* columns.c: see columns.h. */
#include "config.h"

#include "cmd/columns.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"

void
columns_print(const char *left, const char *text, int column, int width)
{
	int at = text_width(left, strlen(left));

	fputs(left, stdout);
	if (at + 2 > column) {
		putchar('\n');
		at = 0;
	}
	while (*text) {
		const int n = (int)strcspn(text, " "), cols = text_width(text, (size_t)n);

		if (at > column && at + 1 + cols > width) {
			putchar('\n');
			at = 0;
		}
		printf("%*s%.*s", at < column ? column - at : 1, "", n, text);
		at = (at < column ? column : at + 1) + cols;
		text += n + (text[n] == ' ');
	}
	putchar('\n');
}

int
columns_terminal(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 2)
		return 0;
	return size.ws_col - 1;         /* some terminals go to the next line behind the last cell */
}
