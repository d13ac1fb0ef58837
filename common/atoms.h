/*
 * atoms - files of ground atoms: predicate(first,second). a line, or head<TAB>relation<TAB>tail.
 *
 * The first line that is not empty tells which it is: a line with tabs is a triple. An atom's
 * predicate ends at its first "(", its arguments at its last ")"; a dot behind it, and blanks
 * around words, are passed over; so are empty lines, and lines that begin with % but for those of
 * three columns among triples. An atom has two
 * arguments, with the only comma between. Files may be gzip or zstd.
 *
 *     atoms_name  adds the words of a file to vocabs, so that they can be sorted and numbered
 *     atoms_read  reads it with these numbers
 *
 * Owner:   atoms_read gives triples, triples_close takes (common/triples.h: head = first argument,
 *          relation = predicate, tail = second; numbers of the vocabs, from 0; line from 0).
 * Errors:  ERR_INPUT with file and line, what was found and what is expected; ERR_IO.
 */
#ifndef COMMON_ATOMS_H
#define COMMON_ATOMS_H

#include "common/triples.h"

/* The words of one atom, in a line that they cut up. */
struct atoms_words {
    char *predicate, *first, *second;
};

/* Cuts `line`, predicate(first,second) or (with `tabs`) three columns. `*rest` is what follows the
 * closing parenthesis, without a dot and blanks ("" with tabs); NULL: anything but a dot is
 * refused. `path` and `number`, of the line, are for the note. */
MUST enum err atoms_cut(char *line, bool tabs, const char *path, uint64_t number,
                        struct atoms_words *out, char **rest);

/* Whether a line is passed over: it is empty, blank, or begins with %. */
bool atoms_blank(const char *line);

/* `text` without the blanks around it, which are cut off in place. */
char *atoms_trim(char *text);

/* Adds by vocab_enter. `what` is what messages call the file: "train". */
MUST enum err atoms_name(const char *path, const char *what, struct vocab *constants,
                         struct vocab *predicates);

/* `policy`: UNKNOWN_DROP leaves out and counts lines with words that the vocabs lack; any other
 * refuses them. */
MUST enum err atoms_read(const char *path, const char *what, enum unknown_policy policy,
                         const struct vocab *constants, const struct vocab *predicates,
                         struct triples *out);

#endif
