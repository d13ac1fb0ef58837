#include "common/domains.h"

#include "common/atoms.h"
#include "common/text.h"
#include "common/numbers.h"

#include <stdlib.h>
#include <string.h>

/* A line predicate:head_domain:tail_domain, kept until all domains are known. */
struct link {
    uint32_t predicate; /* VOCAB_NONE: the data lack it */
    uint64_t line;
    char *name[SIDES];
};

/* A file that is being read. */
struct reading {
    const char *path;
    const struct vocab *constants, *predicates;
    struct vocab *names; /* domain i has name i */
    struct domains *domains;
    bool *shared; /* [constants], known to be in more than one domain */
    uint32_t room;
    struct link *link; /* [link_count] */
    uint32_t link_count, link_room;
};

static enum err no_memory(const struct reading *reading)
{
    return err_note(ERR_MEMORY, "%s: not enough memory for its domains", reading->path);
}

static enum err refuse(const struct reading *reading, uint64_t line, const char *what,
                       const char *found, const char *why)
{
    return err_note(ERR_INPUT, "%s:%llu: %s `%.80s` %s", reading->path, (unsigned long long)line,
                    what, found, why);
}

/* ---- a domain ---------------------------------------------------------------------------- */

/* Cuts the next word off `*rest`; NULL when none is left. */
static char *next_word(char **rest)
{
    char *const word = *rest + strspn(*rest, " \t");
    const size_t size = strcspn(word, " \t");
    *rest = word + size;
    if (**rest) *(*rest)++ = 0;
    return size > 0 ? word : NULL;
}

static int ascending(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* A member belongs to the first domain that has it. */
static void claim(struct reading *reading, uint64_t line, uint32_t member, uint32_t place)
{
    struct domains *domains = reading->domains;
    if (domains->of[member] == DOMAIN_NONE) {
        domains->of[member] = place;
    } else if (domains->of[member] != place && !reading->shared[member]) {
        remarks_add(&domains->shared, line, vocab_label(reading->constants, member));
        reading->shared[member] = true;
    }
}

/* Leaves each of the members once, ascending, and claims those that no domain has. */
static void settle(struct reading *reading, uint64_t line, uint32_t place)
{
    struct domain *domain = &reading->domains->at[place];
    uint32_t kept = 0;
    qsort(domain->member, domain->count, sizeof *domain->member, ascending);
    for (uint32_t i = 0; i < domain->count; i++) {
        const uint32_t member = domain->member[i];
        if (kept == 0 || domain->member[kept - 1] != member) domain->member[kept++] = member;
        claim(reading, line, member, place);
    }
    domain->count = kept;
}

/* Makes room for one more domain, of up to `members`. */
static enum err add_domain(struct reading *reading, const char *name, size_t members)
{
    struct domains *domains = reading->domains;
    if (domains->count == reading->room) {
        const uint32_t room = reading->room ? 2 * reading->room : 16;
        struct domain *at = realloc(domains->at, room * sizeof *at);
        if (!at) return no_memory(reading);
        domains->at = at;
        reading->room = room;
    }
    struct domain *domain = &domains->at[domains->count++];
    *domain = (struct domain){.member = malloc((members + 1) * sizeof *domain->member),
                              .name = strdup(name)};
    return domain->member && domain->name ? OK : no_memory(reading);
}

static enum err read_domain(struct reading *reading, uint64_t line, const char *name, char *rest)
{
    struct domains *domains = reading->domains;
    const uint32_t place = domains->count;
    uint32_t id;
    enum err err = vocab_enter(reading->names, name, &id);
    if (!err && id != place) err = refuse(reading, line, "domain", name, "is named twice");
    if (!err) err = add_domain(reading, name, strlen(rest) / 2 + 1);
    if (err) return err;

    struct domain *domain = &domains->at[place];
    for (char *word = next_word(&rest); word; word = next_word(&rest)) {
        const uint32_t member = vocab_find(reading->constants, word);
        if (member == VOCAB_NONE)
            remarks_add(&domains->lacking, line, word);
        else
            domain->member[domain->count++] = member;
    }
    if (domain->count == 0)
        return refuse(reading, line, "domain", name, "has no members that the data know");
    settle(reading, line, place);
    return OK;
}

/* ---- a predicate's line ------------------------------------------------------------------ */

static enum err keep_link(struct reading *reading, const struct link *link)
{
    if (reading->link_count == reading->link_room) {
        const uint32_t room = reading->link_room ? 2 * reading->link_room : 16;
        struct link *at = realloc(reading->link, room * sizeof *at);
        if (!at) return no_memory(reading);
        reading->link = at;
        reading->link_room = room;
    }
    struct link *kept = &reading->link[reading->link_count++];
    *kept = *link;
    for (enum side side = 0; side < SIDES; side++) kept->name[side] = strdup(link->name[side]);
    return kept->name[SIDE_HEAD] && kept->name[SIDE_TAIL] ? OK : no_memory(reading);
}

/* The domains are cut off at the last two colons: a predicate may hold some. */
static enum err read_link(struct reading *reading, uint64_t line, char *word)
{
    char *const last = strrchr(word, ':');
    if (last) *last = 0;
    char *const middle = last ? strrchr(word, ':') : NULL;
    if (last) *last = ':';
    if (!middle)
        return refuse(reading, line, "domain", word,
                      "has no members; expected a name and members with blanks between, or "
                      "predicate:head_domain:tail_domain");
    *last = *middle = 0;
    const struct link link = {.predicate = vocab_find(reading->predicates, word),
                              .line = line,
                              .name = {[SIDE_HEAD] = middle + 1, [SIDE_TAIL] = last + 1}};
    if (link.predicate == VOCAB_NONE) remarks_add(&reading->domains->lacking, line, word);
    return keep_link(reading, &link);
}

static enum err resolve_side(struct reading *reading, const struct link *link, enum side side)
{
    const uint32_t domain = vocab_find(reading->names, link->name[side]);
    if (domain == VOCAB_NONE)
        return refuse(reading, link->line, "domain", link->name[side],
                      "is not in the file; add a line with its members");
    if (link->predicate == VOCAB_NONE) return OK;
    uint32_t *const place = &reading->domains->side[(size_t)link->predicate * SIDES + side];
    if (*place != DOMAIN_NONE)
        return refuse(reading, link->line, "predicate",
                      vocab_label(reading->predicates, link->predicate), "has a line already");
    *place = domain;
    return OK;
}

/* Turns names into domains, now that all are known. */
static enum err resolve(struct reading *reading)
{
    struct domains *domains = reading->domains;
    if (reading->link_count == 0) return OK;
    const size_t sides = (size_t)vocab_count(reading->predicates) * SIDES;
    domains->side = malloc((sides + 1) * sizeof *domains->side);
    if (!domains->side) return no_memory(reading);
    memset(domains->side, 0xff, sides * sizeof *domains->side); /* each is DOMAIN_NONE */

    enum err err = OK;
    for (uint32_t i = 0; !err && i < reading->link_count; i++)
        for (enum side side = 0; !err && side < SIDES; side++)
            err = resolve_side(reading, &reading->link[i], side);
    return err;
}

/* ---- the file ---------------------------------------------------------------------------- */

static enum err read_line(struct reading *reading, uint64_t line, char *text)
{
    char *rest = text;
    char *const name = next_word(&rest);
    rest += strspn(rest, " \t");
    return *rest ? read_domain(reading, line, name, rest) : read_link(reading, line, name);
}

static enum err read_lines(struct reading *reading)
{
    struct text *text = NULL;
    char *line = NULL;
    size_t size = 0;
    enum err err = text_open(reading->path, &text);
    while (!err) {
        err = text_line(text, &line, &size);
        if (!err && !atoms_blank(line)) err = read_line(reading, text_line_number(text), line);
    }
    text_close(&text);
    return err == ERR_NONE ? OK : err;
}

enum err domains_read(const char *path, const struct vocab *constants,
                      const struct vocab *predicates, struct domains *out)
{
    *out = (struct domains){0};
    struct reading reading = {
        .path = path, .constants = constants, .predicates = predicates, .domains = out};
    const size_t count = vocab_count(constants);
    out->of = malloc((count + 1) * sizeof *out->of);
    reading.shared = calloc(count + 1, sizeof *reading.shared);
    if (out->of) memset(out->of, 0xff, count * sizeof *out->of); /* each is DOMAIN_NONE */

    enum err err = out->of && reading.shared ? OK : no_memory(&reading);
    if (!err) err = vocab_open(&reading.names);
    if (!err) err = read_lines(&reading);
    if (!err && out->count == 0)
        err =
            err_note(ERR_INPUT, "%s: holds no domain; expected lines of a name and members", path);
    if (!err) err = resolve(&reading);

    for (uint32_t i = 0; i < reading.link_count; i++)
        for (enum side side = 0; side < SIDES; side++) free(reading.link[i].name[side]);
    free(reading.link);
    free(reading.shared);
    vocab_close(&reading.names);
    if (err) domains_close(out);
    return err ? err_prefix(err, "domains") : OK;
}

enum err domains_all(uint32_t constants, struct domains *out)
{
    *out = (struct domains){.at = calloc(1, sizeof *out->at)};
    if (!out->at) return err_note(ERR_MEMORY, "domains: not enough memory");
    out->at[out->count++] = (struct domain){.count = constants};
    return OK;
}

void domains_close(struct domains *domains)
{
    for (uint32_t i = 0; i < domains->count; i++) {
        free(domains->at[i].member);
        free(domains->at[i].name);
    }
    free(domains->at);
    free(domains->of);
    free(domains->side);
    *domains = (struct domains){0};
}

const struct domain *domains_of(const struct domains *domains, uint32_t predicate, enum side side,
                                uint32_t constant)
{
    uint32_t place = DOMAIN_NONE;
    if (domains->side) place = domains->side[(size_t)predicate * SIDES + side];
    if (place == DOMAIN_NONE) place = domains->of ? domains->of[constant] : 0;
    return place == DOMAIN_NONE ? NULL : &domains->at[place];
}

bool domains_by_constant(const struct domains *domains, uint32_t predicate)
{
    return !domains->side || domains->side[(size_t)predicate * SIDES] == DOMAIN_NONE;
}

uint32_t domain_member(const struct domain *domain, uint32_t place)
{
    check(place < domain->count);
    return domain->member ? domain->member[place] : place;
}

uint32_t domain_place(const struct domain *domain, uint32_t member)
{
    if (!domain->member) return member < domain->count ? member : domain->count;
    const uint32_t place = numbers_place(domain->member, domain->count, member);
    return place < domain->count && domain->member[place] == member ? place : domain->count;
}
