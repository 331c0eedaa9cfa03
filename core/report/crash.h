#pragma once

#include <string>

namespace gatehouse::core {

/// From now on, a thread that dies of SIGSEGV, SIGBUS, SIGILL, SIGFPE or SIGABRT first reports on
/// standard error which plugin, version and request it was at. Signals that are handled already,
/// such as those of a sanitizer, stay so.
void report_crashes();

/// The report is also a record at the end of this file; empty: it is not. Control thread.
void report_crashes_to(const std::string& log_file);

}  // namespace gatehouse::core
