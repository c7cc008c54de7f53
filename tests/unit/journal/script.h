/* A process that keeps a journal as a node does, on a disk that may fail it at any call, and what must be true of the
 * journal afterwards. */
#ifndef TEST_JOURNAL_SCRIPT_H
#define TEST_JOURNAL_SCRIPT_H

#include "journal/journal.h"
#include "support/disk.h"

enum { SCRIPT_PAYLOAD = 5000, SCRIPT_SLOTS = 7 };

/* What the outside may rely on, and what a test counts. */
struct script {
    struct test_disk disk;
    enum sl_journal_mode mode;
    unsigned boot;    /* of the machine, for the boot id */
    uint64_t lineage; /* of the last process that opened the journal; 0: none did */
    uint64_t said;    /* the last sequence whose flush succeeded: others heard of it */
    uint64_t appended;
    bool renews;        /* each life's second round begins another lineage */
    bool renewing;      /* and nobody has heard of it yet */
    bool withdrawn;     /* something was said after a flush had failed */
    uint64_t continued; /* starts that went on */
    uint8_t next_pattern;
};

void script_init(struct script *script, enum sl_journal_mode mode, uint64_t seed);
void script_finish(struct script *script);
/* One life: opens, checks what it finds against what was said, does that many rounds, closes. False: it died, or the
 * disk would not let it start or go on. */
bool script_live(struct script *script, unsigned rounds);
/* Its end, and that of the kernel's memory if `power`. */
void script_restart(struct script *script, bool power);

/* Bytes that no other pattern has at the same place. */
void script_pattern(uint8_t *out, size_t length, uint8_t pattern);
struct sl_journal_options script_options(const struct script *script, char boot[SL_JOURNAL_BOOT_SIZE]);

#endif
