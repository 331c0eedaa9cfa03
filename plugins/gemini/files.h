#pragma once

#include "models.h"

namespace gatehouse::plugins::gemini {

/// Whether the model takes files of this type as they are; Gemini rejects a whole request for one
/// file of another.
bool takes_type(const Model& model, View media_type);

/// Whether the model reads the file, as it is or as text.
bool is_readable(const Model& model, Json file);

/// Appends the members of the part that a file becomes: the file; or its text where Gemini does not
/// take such files; or a note that it was left out.
void append_file(std::string& out, Json file, const Model& model);

}  // namespace gatehouse::plugins::gemini
