#include "core/config/substitute.h"

#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/config/suggest.h"

namespace gatehouse::core {
namespace {

// References are substituted in the parsed document, not in its text, so that no value of a
// variable or a file can change the structure. Each substituted value is marked in its Origin:
// `hidden`, because it may be a secret, or `broken`, if a problem has been reported.

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

bool is_name(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == text.npos &&
         (text[0] < '0' || text[0] > '9');
}

/// "$NAME", as shells write it. Problems do not quote it, because it may be part of a secret.
bool looks_like_variable(std::string_view text) {
  return text.size() > 2 && text[0] == '$' && is_name(text.substr(1)) &&
         std::none_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

/// One value that refers to something. Every failure ends in reject().
class Reference {
 public:
  Reference(std::string pointer, Origins& origins, Problems& problems)
      : pointer_(std::move(pointer)), origins_(origins), problems_(problems) {}

  Json variables(const std::string& text) {
    std::string out;
    std::size_t done = 0;
    for (std::size_t at; (at = text.find("${", done)) != text.npos;) {
      out.append(text, done, at - done);
      if (at > done && text[at - 1] == '$') {  // `$${`: the first `$` has just been copied
        out += '{';
        done = at + 2;
        continue;
      }
      const std::size_t end = text.find('}', at);
      const std::string_view inside =
          std::string_view(text).substr(at + 2, end == text.npos ? 0 : end - at - 2);
      const std::size_t colon = inside.find(":-");
      const std::string name(inside.substr(0, colon));
      if (!is_name(name))
        return reject(
            "write `${NAME}` or `${NAME:-default}` for a variable, `$${` for the two characters "
            "`${`");
      if (const char* set = colon == inside.npos ? std::getenv(name.c_str()) : environment(name)) {
        out += set;
        origins_[pointer_].hidden = true;
      } else if (colon == inside.npos) {
        const std::string near = nearest_variable(name);
        return reject("the environment variable `" + name + "` is not set" +
                      (near.empty() ? "" : ": did you mean `" + near + "`?"));
      } else {
        out += inside.substr(colon + 2);
      }
      done = end + 1;
      if (out.size() > kMaxConfigBytes) return reject("longer than 1 MiB with its variables");
    }
    out.append(text, done);
    if (!simdjson::validate_utf8(out))
      return reject("one of its environment variables is not UTF-8");
    return origins_[pointer_].plain ? type_scalar(out) : Json(out);
  }

  /// `shown`: the name of the file in a problem.
  Json file(const fs::path& path, const std::string& shown) {
    std::error_code error;
    if (!fs::is_regular_file(path, error))
      return reject("cannot read " + shown + ": no such file");  // a pipe could block us
    std::string why;
    auto text = read_file(path, why);
    if (!text) return reject("cannot read " + shown + ": " + why);
    while (!text->empty() && (text->back() == '\n' || text->back() == '\r'))
      text->pop_back();  // editors end files with one
    origins_[pointer_].hidden = true;
    origins_[pointer_].open =
        (fs::status(path, error).permissions() & fs::perms::others_read) != fs::perms::none;
    return *text;
  }

  Json credential(const std::string& name, const std::string& shown) {
    const char* directory = environment("CREDENTIALS_DIRECTORY");
    if (!directory)
      return reject(
          "there are no credentials: $CREDENTIALS_DIRECTORY, which systemd's LoadCredential= sets, "
          "is not set");
    if (name.empty() || name[0] == '.' || name.find('/') != name.npos)
      return reject(shown + " is not the name of a credential");
    return file(fs::path(directory) / name, shown);
  }

 private:
  Json reject(std::string why) {
    origins_[pointer_].broken = true;
    problems_.add(origins_.place(pointer_), std::move(why));
    return nullptr;
  }

  const std::string pointer_;
  Origins& origins_;
  Problems& problems_;
};

}  // namespace

std::optional<std::string> read_file(const fs::path& path, std::string& error) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::string text(kMaxConfigBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (!in.is_open() || in.bad()) {
    error = std::strerror(errno);
  } else if (text.size() > kMaxConfigBytes) {
    error = "longer than 1 MiB";
  } else if (!simdjson::validate_utf8(text)) {
    error = "not UTF-8";
  } else {
    return text;
  }
  return std::nullopt;
}

const char* environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value && *value ? value : nullptr;
}

std::string nearest_variable(const std::string& name) {
  std::vector<std::string> names;
  for (char** variable = environ; *variable; ++variable) {
    const std::string_view text = *variable;
    if (const auto end = text.find('='); end < text.size() - 1 && text.substr(0, end) != name)
      names.emplace_back(text.substr(0, end));
  }
  // At most two typing errors, fewer in short names: the keys of providers differ by a few letters.
  return suggest(name, names, std::min<std::size_t>(2, name.size() / 4));
}

void substitute(Json& value, const std::string& pointer, Origins& origins, Problems& problems) {
  if (value.is_string() && value.get_ref<const std::string&>().find("${") != std::string::npos) {
    value = Reference(pointer, origins, problems).variables(value.get<std::string>());
  } else if (value.is_string() && looks_like_variable(value.get_ref<const std::string&>())) {
    problems.warn(origins.place(pointer),
                  "this is taken literally: for an environment variable write `${NAME}`");
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i)
      substitute(value[i], child(pointer, i), origins, problems);
  } else if (value.is_object()) {
    for (auto& [key, member] : value.items())
      substitute(member, child(pointer, key), origins, problems);
    const std::string key = value.size() == 1 ? value.begin().key() : "";
    if (key != "file" && key != "credential") return;
    const Origin& name = origins.at(child(pointer, key));
    origins[pointer].broken = name.broken;
    if (!value.front().is_string()) return;
    const std::string text = value.front().get<std::string>();
    const std::string shown = name.hidden ? "this " + key : "`" + text + "`";
    const fs::path folder = fs::path(origins.file_of(pointer)).parent_path();
    Reference reference(pointer, origins, problems);
    value =
        key == "file" ? reference.file(folder / text, shown) : reference.credential(text, shown);
  }
}

}  // namespace gatehouse::core
