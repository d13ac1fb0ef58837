/* standard - what both programs do first, so that the three standard streams are what they seem. */
#ifndef COMMON_STANDARD_H
#define COMMON_STANDARD_H

/*
 * Opens /dev/null for each of descriptors 0, 1 and 2 that is closed: else the next file opened, a
 * database say, would get that number, and what is printed would be written into it. A write over
 * the file size limit is an error from now on, not the end (SIGXFSZ).
 */
void standard_secure(void);

#endif
