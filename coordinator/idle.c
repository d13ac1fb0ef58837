#include "coordinator/idle.h"

#include <inttypes.h>

static const char note[] = "millrace: note: ";

/* A line for each: "`word` why". */
static void tell_rules(FILE *out, const char *path, const struct remarks *remarks,
                       const char *before, const char *behind)
{
    const uint64_t kept = remarks_kept(remarks);
    for (uint64_t i = 0; i < kept; i++)
        fprintf(out, "%srules: %s:%" PRIu64 ": %s`%s`%s\n", note, path, remarks->first[i].line,
                before, remarks->first[i].word, behind);
    if (remarks->count > kept)
        fprintf(out, "%srules: %s: and %" PRIu64 " more\n", note, path, remarks->count - kept);
}

/* One line for all, which tells how many they are, and the first. */
static void tell_words(FILE *out, const char *path, const struct remarks *remarks, const char *one,
                       const char *many, const char *behind)
{
    if (remarks->count == 0) return;
    fprintf(out, "%sdomains: %s:%" PRIu64 ": %" PRIu64 " %s%s`%s`%s\n", note, path,
            remarks->first->line, remarks->count, remarks->count == 1 ? one : many,
            remarks->count == 1 ? ", " : ", the first ", remarks->first->word, behind);
}

/* Whether an evaluated line has its candidates from the domain that its constant is in. */
static bool asks_by_constant(const struct theory *theory)
{
    uint32_t i = 0;
    while (i < theory->evaluated.count &&
           !domains_by_constant(&theory->domains, theory->evaluated.at[i].relation))
        i++;
    return i < theory->evaluated.count;
}

void idle_tell(const struct settings *settings, const struct theory *theory, FILE *out)
{
    const char *rules = settings_text(settings, SET_rules);
    const char *domains = settings_text(settings, SET_domains);
    tell_rules(out, rules, &theory->idle, "no fact and no rule has predicate ",
               "; this rule can never be used");
    tell_rules(out, rules, &theory->rules.digits, "",
               " is a variable here, though the data have a constant of that name; the Prolog form"
               " has constants");
    if (theory->depth && theory->labels_used == 0)
        fprintf(out, "%sdepths: %s: none of its %" PRIu64 " labels is of a query\n", note,
                settings_text(settings, SET_depths), theory->label_count);
    tell_words(out, domains, &theory->domains.lacking, "word is not of the data",
               "words are not of the data", "; such words are passed over");
    if (asks_by_constant(theory))
        tell_words(out, domains, &theory->domains.shared, "constant is in more than one domain",
                   "constants are in more than one domain", "; the first domain counts");
}
