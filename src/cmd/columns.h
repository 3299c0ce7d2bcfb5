/* columns.h: a name and a text beside it, wrapped between words. */
#ifndef CMD_COLUMNS_H
#define CMD_COLUMNS_H

/* Prints `left`, and the text from `column` on: beside it when that is short enough, else on the next line, and no line
 * longer than `width` cells that does not hold a single long word. */
void
columns_print(const char *left, const char *text, int column, int width);

/* Cells that a line of standard output may have, or 0: it is no terminal. */
int
columns_terminal(void);

#endif
