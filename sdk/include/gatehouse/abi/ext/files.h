/// gatehouse.files/1: files of the operator.
#ifndef GATEHOUSE_ABI_EXT_FILES_H
#define GATEHOUSE_ABI_EXT_FILES_H

#include "gatehouse/abi/host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GH_FILES_1 "gatehouse.files/1"

typedef struct gh_files_api {
  uint32_t size;
  uint32_t reserved;  ///< 0.
  /// Reads a YAML or JSON file at a path relative to the folder of the configuration, validates it
  /// by a JSON Schema and fills in that schema's defaults. Yours: drop() it. NULL: problem() was
  /// called with one line per mistake, each with file and place.
  gh_json* (*load)(const gh_host*, gh_str path, gh_str schema, void* to,
                   void (*problem)(void* to, gh_str line));
  /// A number that changes whenever that file is replaced or written; 0: there is none. Costs a
  /// system call.
  uint64_t (*stamp)(const gh_host*, gh_str path);
  /// Reads a file of another format, at most 256 MiB: bytes() is called once with its content, and
  /// GH_OK is returned. GH_FAILED: problem() was called once with the file and the reason.
  gh_status (*read)(const gh_host*, gh_str path, void* to, void (*bytes)(void* to, gh_str),
                    void (*problem)(void* to, gh_str line));
} gh_files_api;

#ifdef __cplusplus
}
#endif
#endif
