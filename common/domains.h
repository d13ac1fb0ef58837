/*
 * domains - which constants may take a constant's place in a candidate.
 *
 * Lines of name, blank, members with blanks between; and optionally predicate:head_domain:
 * tail_domain, which says where a predicate's arguments come from. Without such a line a constant
 * is replaced by members of the first domain that has it. Words that the data lack are passed
 * over, with a remark; empty lines and lines that begin with % are passed over. Without a file
 * there is one domain of all constants.
 *
 * Owner:   domains_read and domains_all give, domains_close takes.
 * Errors:  ERR_INPUT with file and line: a domain of no members that the data know, named twice,
 *          or unknown, or a predicate with two lines; a file without a domain; ERR_IO.
 */
#ifndef COMMON_DOMAINS_H
#define COMMON_DOMAINS_H

#include "common/known.h"
#include "common/remarks.h"

#define DOMAIN_NONE UINT32_MAX /* no domain */

struct domain {
    uint32_t *member; /* [count], ascending, numbers of the vocab; NULL: 0 .. count-1 */
    uint32_t count;
    char *name;
};

struct domains {
    struct domain *at; /* [count] */
    uint32_t *of;      /* [constants], the domain of a constant, DOMAIN_NONE; NULL: domain 0 */
    uint32_t *side;    /* [predicates][SIDES], DOMAIN_NONE: by constant; NULL: all by constant */
    uint32_t count;
    struct remarks lacking; /* words that the data lack */
    struct remarks shared;  /* constants in more than one domain, once each, in its second line */
};

MUST enum err domains_read(const char *path, const struct vocab *constants,
                           const struct vocab *predicates, struct domains *out);
MUST enum err domains_all(uint32_t constants, struct domains *out);
void domains_close(struct domains *domains);

/* The domain whose members take the place of `constant` in argument `side` of `predicate` (numbers
 * from 0); NULL if it is in none. */
const struct domain *domains_of(const struct domains *domains, uint32_t predicate, enum side side,
                                uint32_t constant);

/* Whether it is by constant that domains_of finds a domain for `predicate`. */
bool domains_by_constant(const struct domains *domains, uint32_t predicate);

/* Member number `place`, < count; and the place of a member, count if it is none. */
uint32_t domain_member(const struct domain *domain, uint32_t place);
uint32_t domain_place(const struct domain *domain, uint32_t member);

#endif
