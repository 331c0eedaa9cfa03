#pragma once

#include "models.h"

namespace gatehouse::plugins::gemini {

/// Whether Gemini takes files of this type as they are; it refuses a whole request for one of
/// another.
bool takes_type(const Model& model, View media_type);

/// Appends the members of the part that a file becomes: the file; or its text where Gemini takes no
/// such files and it has one; or a word about what was left out.
void append_file(std::string& out, Json file, const Model& model);

}  // namespace gatehouse::plugins::gemini
