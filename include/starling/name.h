/* Names of nodes and flocks: [a-z0-9][a-z0-9-]{0,62}. They are compared as bytes. */
#ifndef STARLING_NAME_H
#define STARLING_NAME_H

#include <stdbool.h>

#include <starling/export.h>

enum { SL_NAME_MAX = 63, SL_NAME_SIZE = SL_NAME_MAX + 1 };

SL_PUBLIC bool sl_name_is_valid(const char *name);

#endif
