#include "files.h"

#include <algorithm>

#include "gatehouse/toolkit/json_text.hpp"
#include "gatehouse/toolkit/text_file.hpp"

namespace gatehouse::plugins::gemini {
bool takes_type(const Model& model, View media_type) {
  // "Unsupported MIME type" is Gemini's error for all others.
  static constexpr View kTypes[] = {"image/png",     "image/jpeg", "image/webp",      "image/heic",
                                    "image/heif",    "image/gif",  "application/pdf", "text/plain",
                                    "text/csv",      "text/html",  "text/css",        "text/xml",
                                    "text/markdown", "text/md",    "text/javascript", "text/rtf"};
  const std::string type = plain_type(media_type);
  if (!model.documents && type.rfind("image/", 0) != 0) return false;
  return type.rfind("audio/", 0) == 0 || type.rfind("video/", 0) == 0 ||
         std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
}

bool is_readable(const Model& model, Json file) {
  return takes_type(model, file["media_type"].str()) || text_of(file);
}

void append_file(std::string& out, Json file, const Model& model) {
  JsonText json(out);
  const View media_type = file["media_type"].str();
  const Json data = file["data"];
  if (takes_type(model, media_type)) {
    json.key(data ? "inlineData" : "fileData").open('{');
    json.member("mimeType", plain_type(media_type));
    json.member(data ? "data" : "fileUri", data ? data.str() : file["url"].str()).close('}');
    return;
  }
  const std::string name(file["name"].str(data ? View("file") : file["url"].str()));
  if (const auto text = text_of(file)) {
    json.member("text", name + ":\n" + *text);
    return;
  }
  json.member("text", "(" + name + " was left out: the model cannot read files of type " +
                          plain_type(media_type) + ")");
}

}  // namespace gatehouse::plugins::gemini
