#include "core/config/reader.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/config/addresses.h"
#include "core/config/schema.h"
#include "core/config/substitute.h"
#include "core/config/suggest.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// The settings of the gateway itself, and the keys that any pipeline entry may carry.
constexpr std::string_view kSchema = R"({
  "type": "object",
  "required": ["pipeline"],
  "additionalProperties": false,
  "properties": {
    "server": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "listen": {},
        "hosts": {"type": "array", "items": {"type": "string", "minLength": 1}},
        "trusted_proxies": {"type": "array", "items": {"type": "string"}},
        "max_body": {"type": "string", "format": "size"},
        "max_running": {"type": "integer", "minimum": 1, "maximum": 65536},
        "head_timeout": {"type": "string", "format": "duration"},
        "body_timeout": {"type": "string", "format": "duration"},
        "idle_timeout": {"type": "string", "format": "duration"},
        "send_timeout": {"type": "string", "format": "duration"},
        "max_duration": {"type": "string", "format": "duration"}
      }
    },
    "shutdown": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "delay": {"type": "string", "format": "duration"},
        "grace": {"type": "string", "format": "duration"}
      }
    },
    "admin": {
      "type": "object",
      "required": ["token"],
      "additionalProperties": false,
      "properties": {
        "listen": {},
        "token": {"type": "string", "minLength": 16, "x-secret": true},
        "hosts": {"type": "array", "items": {"type": "string", "minLength": 1}}
      }
    },
    "log": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "level": {"type": "string", "enum": ["debug", "info", "warn", "error"]},
        "file": {"type": "string", "minLength": 1}
      }
    },
    "store": {
      "type": ["string", "object"],
      "x-secret": true,
      "additionalProperties": false,
      "properties": {
        "url": {"type": "string", "x-secret": true},
        "max_size": {"type": "string", "format": "size"}
      }
    },
    "plugins_dir": {"type": "string", "minLength": 1},
    "pipeline": {
      "type": "array",
      "minItems": 1,
      "maxItems": 256,
      "items": {
        "type": ["string", "object"],
        "properties": {
          "as": {"type": "string"},
          "when": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": false,
            "properties": {
              "path": {"type": "string"},
              "methods": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]}
              }
            }
          },
          "enabled": {"type": "boolean"},
          "path": {"type": "string", "minLength": 1},
          "if_env": {"type": "string", "minLength": 1},
          "unless_env": {"type": "string", "minLength": 1}
        }
      }
    }
  }
})";

const std::vector<std::string> kEntryKeys = {"as",   "when",   "enabled",
                                             "path", "if_env", "unless_env"};

bool is_entry_key(const std::string& key) {
  return std::find(kEntryKeys.begin(), kEntryKeys.end(), key) != kEntryKeys.end();
}

/// Of a plugin, which is part of a file's name, or of an instance.
bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == name.npos &&
         name[0] != '-';
}

/// One configuration on its way from JSON to settings. What the schema has refused keeps its
/// default.
class Reader {
 public:
  Reader(Json& root, const fs::path& path, Origins& origins, Problems& problems)
      : root_(root), folder_(path.parent_path()), origins_(origins), problems_(problems) {}

  /// Fills in what the text refers to, except in pipeline entries that are left out.
  void substitute_all() {
    for (auto& [key, section] : root_.items()) {
      if (key != "pipeline" || !section.is_array()) {
        substitute_inside(section, child("", key));
        continue;
      }
      for (std::size_t i = 0; i < section.size(); ++i) {
        if (section[i].is_object()) substitute_entry(section[i], child(child("", key), i));
      }
    }
  }

  void read(Config& config) {
    listen("server", config.server);
    listen("admin", config.admin.server);
    trusted_proxies(config.server.trusted_proxies);
    config.admin.token = text(find("admin"), "token").value_or("");
    if (find("admin") && collide(config.server, config.admin.server)) {
      refuse("/admin/listen",
             "must be another address than that of `server`: give it a port of its own");
    }
    if (const auto size = text(find("server"), "max_body")) {
      const auto bytes = v1::parse_size(*size);
      // Each running request may hold so much memory.
      if (bytes && (*bytes < 1024 || *bytes > 1 << 30))
        refuse("/server/max_body", "must be between 1KiB and 1GiB");
      if (bytes) config.server.max_body_bytes = *bytes;
    }
    if (const Json* count = member(find("server"), "max_running");
        count && count->is_number_integer())
      config.server.max_running = *count;
    duration("server", "head_timeout", 1ms, config.server.head_timeout);
    duration("server", "body_timeout", 1ms, config.server.body_timeout);
    duration("server", "idle_timeout", 1ms, config.server.idle_timeout);
    duration("server", "send_timeout", 1ms, config.server.send_timeout);
    duration("server", "max_duration", 1ms, config.server.max_duration);
    duration("shutdown", "delay", 0ms, config.shutdown.delay);
    duration("shutdown", "grace", 0ms, config.shutdown.grace);
    store(config.store);
    config.log.level = text(find("log"), "level").value_or(config.log.level);
    if (const auto file = text(find("log"), "file")) log_file(config.log.file = in_folder(*file));
    if (const auto folder = text(&root_, "plugins_dir")) config.plugins_dir = in_folder(*folder);

    const Json* pipeline = find("pipeline");
    for (std::size_t i = 0; pipeline && pipeline->is_array() && i < pipeline->size(); ++i) {
      if (auto entry = read_entry((*pipeline)[i], child("/pipeline", i)))
        config.pipeline.push_back(std::move(*entry));
    }
    config.left_out = std::move(left_out_);
  }

 private:
  /// A section of settings, such as `log: {file: x}`, and the settings of a plugin as a whole are
  /// never a reference to a file or a credential, even if they look like one. Each value in them
  /// may be.
  void substitute_inside(Json& value, const std::string& pointer) {
    if (!value.is_object()) return substitute(value, pointer, folder_, origins_, problems_);
    for (auto& [key, member] : value.items())
      substitute(member, child(pointer, key), folder_, origins_, problems_);
  }

  void substitute_entry(Json& entry, const std::string& pointer) {
    const auto decides = [](std::string_view key) {
      return key == "enabled" || key == "if_env" || key == "unless_env";
    };
    for (auto& [key, value] : entry.items()) {
      if (decides(key)) substitute_inside(value, child(pointer, key));
    }
    if (const std::string why = why_left_out(entry, pointer); !why.empty()) {
      const auto plugin = std::find_if(entry.items().begin(), entry.items().end(),
                                       [](const auto& m) { return !is_entry_key(m.key()); });
      left_out_.push_back(
          {plugin == entry.items().end() ? "" : plugin.key(), origins_.place(pointer), why});
      entry =
          Json{{"enabled",
                false}};  // so that what it needs is no problem, and the others keep their index
      return;
    }
    for (auto& [key, value] : entry.items()) {
      if (!decides(key)) substitute_inside(value, child(pointer, key));
    }
  }

  /// Empty: it is used.
  std::string why_left_out(const Json& entry, const std::string& pointer) {
    if (const Json* enabled = member(&entry, "enabled"); enabled && *enabled == false)
      return "`enabled` is false";
    const std::string needed = text(&entry, "if_env").value_or(""),
                      unwanted = text(&entry, "unless_env").value_or("");
    if (!needed.empty() && !is_set(needed, child(pointer, "if_env")))
      return "the environment variable `" + needed + "` is not set";
    if (!unwanted.empty() && is_set(unwanted, child(pointer, "unless_env")))
      return "the environment variable `" + unwanted + "` is set";
    return "";
  }

  /// Whether a variable that decides about an entry is set. What may be a slip is told once for
  /// each variable.
  bool is_set(const std::string& variable, const std::string& pointer) {
    if (environment(variable)) return true;
    if (!doubted_.insert(variable).second) return false;
    const std::string subject = "the environment variable `" + variable + "` is ";
    if (std::getenv(variable.c_str())) {
      problems_.warn(origins_.place(pointer), subject + "empty, which counts as not set");
    } else if (const std::string near = nearest_variable(variable); !near.empty()) {
      problems_.warn(origins_.place(pointer), subject + "not set: did you mean `" + near + "`?");
    }
    return false;
  }

  std::optional<PluginEntry> read_entry(const Json& entry, const std::string& pointer) {
    PluginEntry out;
    out.pointer = pointer;
    out.place = origins_.place(pointer);
    if (entry.is_object()) {
      if (const Json* enabled = member(&entry, "enabled"); enabled && *enabled == false)
        return std::nullopt;
      if (!read_members(entry, pointer, out)) return std::nullopt;
    } else if (entry.is_string()) {
      out.plugin = out.instance = entry;
    } else {
      return std::nullopt;
    }
    if (!is_name(out.plugin)) {
      problems_.add(out.place, "`" + out.plugin + "` is not the name of a plugin");
      return std::nullopt;
    }
    if (!is_name(out.instance)) {
      refuse(child(pointer, "as"), "must be a name of letters, digits, `-` and `_`");
      out.instance = out.plugin;
      return out;
    }
    const auto [other, is_new] = instances_.emplace(out.instance, out.place);
    if (!is_new) {
      problems_.add(out.place, "there is another `" + out.instance + "` in line " +
                                   std::to_string(other->second.line) +
                                   ": give this one a name of its own with `as`");
    }
    return out;
  }

  bool read_members(const Json& entry, const std::string& pointer, PluginEntry& out) {
    for (const auto& [key, value] : entry.items()) {
      if (is_entry_key(key)) continue;
      const std::string at = child(pointer, key);
      if (!out.plugin.empty()) {
        const std::string near = suggest(key, kEntryKeys);
        problems_.add(origins_.key_place(at),
                      "unknown key `" + key + "` beside the plugin `" + out.plugin + "`" +
                          (near.empty() ? ": a plugin of its own begins with `-`"
                                        : ": did you mean `" + near + "`?"));
        continue;
      }
      out.plugin = key;
      out.place = origins_.key_place(at);
      out.pointer = at;
      if (!value.is_null()) out.config = value.dump();
      out.broken = is_broken(value, at);
    }
    if (out.plugin.empty()) {
      problems_.add(out.place, "this entry names no plugin");
      return false;
    }
    out.instance = text(&entry, "as").value_or(out.plugin);
    if (const auto file = text(&entry, "path")) out.file = in_folder(*file);
    if (const Json* when = member(&entry, "when")) {
      out.when.emplace();
      out.when->path = text(when, "path").value_or(out.when->path);
      out.when->methods = texts(when, "methods");
      if (out.when->path[0] != '/' || out.when->path.find('*') < out.when->path.size() - 1) {
        refuse(pointer + "/when/path", "must begin with `/` and may end in one `*`");
      }
    }
    return true;
  }

  bool is_broken(const Json& value, const std::string& pointer) const {
    if (origins_.at(pointer).broken) return true;
    for (std::size_t i = 0; value.is_array() && i < value.size(); ++i) {
      if (is_broken(value[i], child(pointer, i))) return true;
    }
    if (!value.is_object()) return false;
    const auto members = value.items();
    return std::any_of(members.begin(), members.end(), [&](const auto& m) {
      return is_broken(m.value(), child(pointer, m.key()));
    });
  }

  const Json* find(const char* section) const { return member(&root_, section); }
  static const Json* member(const Json* map, const char* key) {
    if (!map || !map->is_object()) return nullptr;
    const auto found = map->find(key);
    return found == map->end() ? nullptr : &*found;
  }
  static std::optional<std::string> text(const Json* map, const char* key) {
    const Json* value = member(map, key);
    return value && value->is_string() ? std::optional<std::string>(*value) : std::nullopt;
  }
  static std::vector<std::string> texts(const Json* map, const char* key) {
    std::vector<std::string> out;
    const Json* list = member(map, key);
    for (std::size_t i = 0; list && list->is_array() && i < list->size(); ++i) {
      if ((*list)[i].is_string()) out.push_back((*list)[i]);
    }
    return out;
  }
  /// Where one of the two servers listens, and under which names.
  void listen(const char* section, ServerSettings& out) {
    if (const Json* address = member(find(section), "listen");
        address && !(address->is_string() && parse_listen(*address, out))) {
      refuse(child(child("", section), "listen"),
             "must be an address and a port such as 127.0.0.1:3000 or [::1]:3000; 0.0.0.0:3000 is "
             "every address of "
             "this machine");
    }
    out.hosts = texts(find(section), "hosts");
    for (std::size_t i = 0; i < out.hosts.size(); ++i) {
      if (is_host(out.hosts[i])) continue;
      problems_.add(
          origins_.place(child(child(child("", section), "hosts"), i)),
          "no Host header says this: write the name alone, such as ai.example, or \"*\" for all");
    }
  }
  void log_file(const fs::path& file) {
    std::error_code error;
    if (fs::is_directory(file, error))
      return refuse("/log/file", "is a folder: write the name of a file in it");
    const fs::path folder = fs::absolute(file).parent_path();
    if (!fs::is_directory(folder, error))
      return refuse("/log/file", "is in a folder that is not there: create " + folder.string());
    if (::access((fs::exists(file, error) ? file : folder).c_str(), W_OK) !=
        0) {  // by whoever runs this
      problems_.warn(origins_.place("/log/file"),
                     "`file` cannot be written: " + std::string(std::strerror(errno)));
    }
  }
  void trusted_proxies(Networks& out) {
    const Json* list = member(find("server"), "trusted_proxies");
    for (std::size_t i = 0; list && list->is_array() && i < list->size(); ++i) {
      const std::string pointer = child("/server/trusted_proxies", i);
      if (!(*list)[i].is_string() || origins_.at(pointer).broken ||
          out.add(std::string((*list)[i])))
        continue;
      problems_.add(
          origins_.place(pointer),
          "`trusted_proxies` takes addresses and networks, such as 192.0.2.1 or 10.0.0.0/8, not " +
              (*list)[i].dump());
    }
  }
  void store(StoreSettings& out) {
    const auto short_form = text(&root_, "store");
    const std::string url =
        short_form ? *short_form : text(find("store"), "url").value_or("memory");
    if (url != "memory" && !parse_redis(url, out.redis.emplace(StoreSettings::Redis()))) {
      refuse(short_form ? "/store" : "/store/url",
             "must be memory or redis://[user:password@]host[:port][/database], with TLS "
             "rediss://…; in the "
             "password write %2F for `/`, and so on");
    }
    const auto size = text(find("store"), "max_size");
    const auto bytes = size ? v1::parse_size(*size) : std::nullopt;
    if (!bytes) return;
    if (out.redis)
      return refuse("/store/max_size",
                    "is for the memory of the gateway: Redis has a setting of its own, maxmemory");
    if (*bytes < 1u << 20) refuse("/store/max_size", "must be at least 1MiB");
    out.max_bytes = *bytes;
  }
  void duration(const char* section, const char* key, milliseconds least, milliseconds& out) {
    const auto written = text(find(section), key);
    const auto time = written ? v1::parse_duration(*written) : std::nullopt;
    if (!time) return;
    // A day: whoever wants "never" is told that there is no such thing.
    if (*time < least || *time > 24h)
      refuse(child(child("", section), key),
             "must be between " + std::to_string(least.count()) + "ms and 24h");
    out = *time;
  }
  void refuse(const std::string& pointer, const std::string& why) {
    if (!origins_.at(pointer).broken)
      problems_.add(origins_.place(pointer),
                    "`" + pointer.substr(pointer.rfind('/') + 1) + "` " + why);
  }
  std::string in_folder(const std::string& path) const {
    return (folder_ / path).lexically_normal().string();
  }

  Json& root_;
  const fs::path folder_;
  Origins& origins_;
  Problems& problems_;
  std::map<std::string, Place> instances_;
  std::vector<LeftOut> left_out_;
  std::set<std::string> doubted_;  // variables
};

}  // namespace

void read_settings(Json& root, const fs::path& file, Origins& origins, Problems& problems,
                   Config& config) {
  for (const char* section : {"server", "shutdown", "admin", "log",
                              "store"}) {  // null: all its settings are commented out
    if (const auto found = root.find(section); found != root.end() && found->is_null())
      root.erase(found);
  }
  config.folder = file.parent_path();
  Reader reader(root, file, origins, problems);
  reader.substitute_all();
  validate(nlohmann::json(root), "", "the configuration", kSchema, origins, problems);
  reader.read(config);
}

}  // namespace gatehouse::core
