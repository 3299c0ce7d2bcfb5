/* nearest.c: see nearest.h. Damerau's distance with three rows, enough for the words of a command line. */
#include "config.h"

#include "cmd/nearest.h"

#include <stdlib.h>
#include <string.h>

#define WORD_MAX 63

static int
least(int a, int b, int c)
{
	int m = a < b ? a : b;

	return m < c ? m : c;
}

/* One row of the table: the distances from a[0..i) to every b[0..j). */
static void
fill_row(int *row, const int *above, const int *two_above, const char *a, size_t i, const char *b, size_t n_b)
{
	row[0] = (int)i;
	for (size_t j = 1; j <= n_b; j++) {
		row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
		if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
		    two_above[j - 2] + 1 < row[j])
			row[j] = two_above[j - 2] + 1;
	}
}

int
nearest_distance(const char *a, const char *b)
{
	size_t n_a = strnlen(a, WORD_MAX), n_b = strnlen(b, WORD_MAX);
	int rows[3][WORD_MAX + 1];

	for (size_t j = 0; j <= n_b; j++)
		rows[0][j] = (int)j;
	for (size_t i = 1; i <= n_a; i++)
		fill_row(rows[i % 3], rows[(i + 2) % 3], rows[(i + 1) % 3], a, i, b, n_b);
	return rows[n_a % 3][n_b];
}

int
nearest_is_close(const char *a, const char *b)
{
	size_t n = strlen(a) > strlen(b) ? strlen(a) : strlen(b);

	return nearest_distance(a, b) <= (n < 6 ? 1 : (int)n / 3);
}
