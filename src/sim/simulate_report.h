/* The report of sl_simulate, round by round. */
#ifndef SL_SIM_SIMULATE_REPORT_H
#define SL_SIM_SIMULATE_REPORT_H

#include <stdio.h>

#include <starling/simulate.h>

#include "sim/world.h"

/* Runs the world to its end and writes a line a round and a summary, as text or JSON as the options say. Each number is
 * worked out in one order, so that a seed's report has always the same bytes. SL_IO: it could not be written. */
SL_MUST_USE enum sl_status sl_sim_report(const struct sl_simulation_options *options, struct sl_world *world,
                                         FILE *out);

#endif
