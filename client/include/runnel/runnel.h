/* SPDX-License-Identifier: Apache-2.0 */
/* Everything of the Runnel client library. */
#ifndef RNL_RUNNEL_H
#define RNL_RUNNEL_H

#include <runnel/admin.h>
#include <runnel/call.h>
#include <runnel/client.h>
#include <runnel/ingest.h>
#include <runnel/job.h>
#include <runnel/stats.h>
#include <runnel/status.h>
#include <runnel/token.h>
#include <runnel/worker.h>

#endif
