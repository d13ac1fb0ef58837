/*
 * report_parts - what the formats of a report have in common (report.c), and the formats.
 *
 * Facts are texts that the database holds beside the ranks, by name; a fact that is not there is
 * NULL.
 */
#ifndef COORDINATOR_REPORT_PARTS_H
#define COORDINATOR_REPORT_PARTS_H

#include "common/settings.h"
#include "coordinator/figures.h"
#include "coordinator/report.h"

/* What a fact is about; its name within that. */
enum fact_kind {
    FACT_RUN,   /* a row of table run: settings, digests, totals */
    FACT_INPUT, /* role; the text is its SHA-256 */
    FACT_WORK,  /* the counters of schema/work.h, lane_use, busy_s, wall_s, peak_bytes, class;
                   joined_before: workers of earlier sittings; cut_off: those whose coordinator
                   was killed */
};

struct fact {
    enum fact_kind kind;
    char *name, *text;
};

struct report {
    const struct report_config *config;
    struct fact *fact; /* [fact_count] */
    size_t fact_count;
    struct ledger_counts units;
    struct figures *figures;
};

const char *report_fact(const struct report *report, enum fact_kind kind, const char *name);
double report_number(const struct report *report, enum fact_kind kind, const char *name);  /* NaN */
uint64_t report_count(const struct report *report, enum fact_kind kind, const char *name); /* 0 */
bool report_complete(const struct report *report);
bool report_by(const struct report *report, enum report_by by);
bool report_groups(const struct report *report, size_t grouping); /* by it was asked for */
bool report_searches(const struct report *report);                /* the run is of `prove` */
/* Whether the run's program reads a setting. */
bool report_reads(const struct report *report, const struct setting_row *row);

/* What a search took; NaN where there is none to tell of. */
double report_steps_per_candidate(const struct report *report);
double report_rows_per_state(const struct report *report);
double report_cache_hits(const struct report *report);

/* Whether a side is worth showing to people: one alone is not shown again as both. */
bool report_side_shown(const struct report *report, size_t side);

/* The value of the column called `key` in the group last computed; NaN if there is none. */
double report_value(const struct report *report, size_t side, enum rank_type type, const char *key);

/* The formats. Each computes the groups it shows. */
MUST enum err report_table(struct report *report);
MUST enum err report_json(struct report *report);
MUST enum err report_csv(struct report *report);

#endif
