/* What a node says to a chain. */
#ifndef TEST_IDENTITY_VERDICT_H
#define TEST_IDENTITY_VERDICT_H

#include "support/certificates.h"

/* A node with these settings judges a client's chain, leaf first. reason NULL: it is let in; else it is refused, and
 * that stands in the error. */
void expect_chain(const struct sl_settings *settings, const struct sl_test_pair *const *pairs, size_t count,
                  const char *reason);

#endif
