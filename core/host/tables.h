#pragma once

#include "gatehouse/abi.h"

namespace gatehouse::core {

// The functions behind the interface, one table and one file for each header of gatehouse/abi/ and
// gatehouse/abi/ext/. Constants of the process.

const gh_exchange_api& exchange_table();

const gh_admin_api& admin_table();
const gh_background_api& background_table();
const gh_client_api& client_table();
const gh_counters_api& counters_table();
const gh_crypto_api& crypto_table();
const gh_failures_api& failures_table();
const gh_files_api& files_table();
const gh_http_api& http_table();
const gh_metrics_api& metrics_table();
const gh_models_api& models_table();
const gh_openapi_api& openapi_table();
const gh_share_api& share_table();
const gh_status_api& status_table();
const gh_store_api& store_table();
const gh_trace_api& trace_table();
const gh_wait_api& wait_table();

/// Fills in what of gh_host is the same for all instances: everything but its name.
void fill_host(gh_host& host);

}  // namespace gatehouse::core
