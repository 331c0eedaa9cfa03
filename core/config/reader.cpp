#include "core/config/reader.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "core/config/addresses.h"
#include "core/config/defaults.h"
#include "core/config/listen.h"
#include "core/config/quantity.h"
#include "core/config/schema.h"
#include "core/config/substitute.h"
#include "core/config/suggest.h"
#include "core/net/tls.h"
#include "gatehouse/text.hpp"
#include "gateway_schema.h"  // made from gateway.schema.json: kGatewaySchema

namespace gatehouse::core {
namespace {

// A file becomes settings in four steps: references to the environment and to files are
// substituted, the schema validates the result, defaults are filled in, and the Reader takes the
// values. It goes on after problems, so that the operator sees all of them at once.

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr const char* kProxyForm =
    "must be an HTTP proxy, http://[user:password@]host[:port]; in the password write %40 for `@`, "
    "and so on";
/// Requests that may run at once at the operator's address.
constexpr std::size_t kMaxAdminRunning = 64;

/// The settings of the gateway itself, and the keys that any pipeline entry may have.
const Json& gateway_schema() {
  static const Json schema = Json::parse(kGatewaySchema);
  return schema;
}

/// Keys that an entry may have beside the name of its plugin.
const std::vector<std::string>& entry_keys() {
  static const auto keys = [] {
    std::vector<std::string> out;
    const Json& entry = gateway_schema().at("properties").at("pipeline").at("items");
    for (const auto& [key, schema] : entry.at("properties").items()) out.push_back(key);
    return out;
  }();
  return keys;
}

bool is_entry_key(const std::string& key) {
  return std::find(entry_keys().begin(), entry_keys().end(), key) != entry_keys().end();
}

/// Whether a plugin, whose name is part of the name of its file, or an instance may have this name.
bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == name.npos &&
         name[0] != '-';
}

/// Reads settings from JSON. A setting that the schema has rejected stays empty, because such a
/// configuration is never run.
class Reader {
 public:
  Reader(Json& root, Origins& origins, Problems& problems, const Omissions& omissions)
      : root_(root), origins_(origins), problems_(problems), omissions_(omissions) {}

  /// Substitutes references, except in pipeline entries that are left out.
  void substitute_all() {
    for (auto& [key, section] : root_.items()) {
      if (key != "pipeline" || !section.is_array()) {
        substitute_inside(section, child("", key));
        continue;
      }
      for (std::size_t i = 0; i < section.size(); ++i) {
        const std::string pointer = child(child("", key), i);
        if (is_omitted(section[i], pointer)) {
          section[i] = Json{{"enabled", false}};
        } else if (section[i].is_object()) {
          substitute_entry(section[i], pointer);
        }
      }
    }
  }

  void read(Config& config) {
    fill_in_defaults();
    read_limits(find("server"), config.server);
    listen("server", config.server);
    trusted_proxies(config.server.trusted_proxies);
    read_admin(config);
    config.shutdown.delay = duration(find("shutdown"), "delay");
    config.shutdown.grace = duration(find("shutdown"), "grace");
    store(config.store);
    upstream(config.upstream);
    config.log.level = text(find("log"), "level").value_or("");
    if (const auto file = text(find("log"), "file"))
      log_file(config.log.file = in_folder("/log/file", *file));
    if (const auto folder = text(&root_, "plugins_dir"))
      config.plugins_dir = in_folder("/plugins_dir", *folder);
    read_pipeline(config);
    config.left_out = std::move(left_out_);
    for (const std::string& name : omissions_.entries) {
      if (omitted_.count(name) == 0)
        problems_.warn(origins_.place("/pipeline"),
                       "`--without " + name + "`: the pipeline has no such entry");
    }
  }

 private:
  /// `store: URL` is short for `store: {url: URL}`.
  void fill_in_defaults() {
    if (const auto store = root_.find("store"); store != root_.end() && store->is_string())
      *store = Json{{"url", *store}};
    fill_in(gateway_schema(), gateway_schema(), root_);
  }

  void read_admin(Config& config) {
    // The limits that are set for clients do not apply to the operator, who has the default ones.
    Json limits = Json::object();
    fill_in(gateway_schema(), gateway_schema().at("properties").at("server"), limits);
    read_limits(&limits, config.admin.server);
    config.admin.server.max_running = kMaxAdminRunning;
    config.admin.token = text(find("admin"), "token").value_or("");
    listen("admin", config.admin.server);
    reject_collisions(config.server.listen, config.admin.server.listen);
    check_proxies(config.server);
    for (const ListenSettings& l : config.admin.server.listen) {
      if (l.proxy_protocol) reject(child(l.pointer, "proxy_protocol"), "is not for `admin.listen`");
    }
  }

  /// A listener with the PROXY protocol would reject everybody without trusted proxies.
  void check_proxies(const ServerSettings& server) {
    for (const ListenSettings& l : server.listen) {
      const Networks& trusted = server.trusted_proxies;
      const bool has_some = l.path.empty() ? !trusted.empty() : trusted.contain(kUnixPeer);
      if (l.proxy_protocol && !has_some) {
        reject(child(l.pointer, "proxy_protocol"),
               "requires the address of the proxy in `trusted_proxies`, which is `unix` for a Unix "
               "socket");
      }
    }
  }

  /// A gateway listens on each address once.
  void reject_collisions(const std::vector<ListenSettings>& server,
                         const std::vector<ListenSettings>& admin) {
    std::vector<ListenSettings> all = server;
    all.insert(all.end(), admin.begin(), admin.end());
    for (auto later = all.begin(); later != all.end(); ++later) {
      const auto same = [&](const ListenSettings& l) { return collide(l, *later); };
      const auto earlier = std::find_if(all.begin(), later, same);
      if (earlier == later) continue;
      problems_.add(origins_.place(later->pointer),
                    "`listen` must differ from " + earlier->name() + ", where `" +
                        (earlier->pointer.starts_with("/admin") ? "admin" : "server") +
                        "` listens already: use another port or path");
    }
  }

  /// The limits and timeouts of one address.
  static void read_limits(const Json* server, ServerSettings& out) {
    out.max_body_bytes = size(server, "max_body");
    if (const Json* count = member(server, "max_running"); count && count->is_number_integer())
      out.max_running = *count;
    out.head_timeout = duration(server, "head_timeout");
    out.body_timeout = duration(server, "body_timeout");
    out.idle_timeout = duration(server, "idle_timeout");
    out.send_timeout = duration(server, "send_timeout");
    out.max_duration = duration(server, "max_duration");
  }

  void read_pipeline(Config& config) {
    const Json* pipeline = find("pipeline");
    for (std::size_t i = 0; pipeline && pipeline->is_array() && i < pipeline->size(); ++i) {
      if (auto entry = read_entry((*pipeline)[i], child("/pipeline", i)))
        config.pipeline.push_back(std::move(*entry));
    }
  }

  /// A section such as `log: {file: x}`, or the settings of a plugin as a whole, are never a
  /// reference to a file or a credential, even if they look like one; each value in them may be.
  void substitute_inside(Json& value, const std::string& pointer) {
    if (!value.is_object()) return substitute(value, pointer, origins_, problems_);
    for (auto& [key, member] : value.items())
      substitute(member, child(pointer, key), origins_, problems_);
  }

  void substitute_entry(Json& entry, const std::string& pointer) {
    const auto decides = [](std::string_view key) {
      return key == "enabled" || key == "if_env" || key == "unless_env";
    };
    for (auto& [key, value] : entry.items()) {
      if (decides(key)) substitute_inside(value, child(pointer, key));
    }
    if (const std::string why = why_left_out(entry, pointer); !why.empty()) {
      left_out_.push_back({plugin_of(entry), origins_.place(pointer), why});
      // What it lacks is not a problem, and the other entries keep their index.
      entry = Json{{"enabled", false}};
      return;
    }
    for (auto& [key, value] : entry.items()) {
      if (!decides(key)) substitute_inside(value, child(pointer, key));
    }
  }

  /// Whether the command line leaves the entry out. Nothing of it is then read but its name.
  bool is_omitted(const Json& entry, const std::string& pointer) {
    std::set<std::string> names;
    if (entry.is_string()) names.insert(std::string(entry));
    if (entry.is_object()) {
      for (const auto& [key, value] : entry.items()) {
        if (!is_entry_key(key)) names.insert(key);
      }
      if (const auto as = text(&entry, "as")) names.insert(*as);
    }
    for (const std::string& name : names) {
      if (omissions_.entries.count(name) == 0) continue;
      omitted_.insert(name);
      const std::string why = "`--without " + name + "`";
      left_out_.push_back({name, origins_.place(pointer), why});
      problems_.warn(origins_.place(pointer), "this entry is left out: " + why);
      return true;
    }
    return false;
  }

  /// The reason why an entry is left out; empty: it is used.
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

  /// Whether a variable that decides about an entry is set. A possible misspelling is reported once
  /// for each variable.
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
      problems_.add(
          out.place,
          "`" + out.plugin + "` is not a valid plugin name: use letters, digits, `-` and `_`");
      return std::nullopt;
    }
    if (!is_name(out.instance)) {
      reject(child(pointer, "as"), "must consist of letters, digits, `-` and `_`");
      out.instance = out.plugin;
      return out;
    }
    const auto [other, is_new] = instances_.emplace(out.instance, out.place);
    if (!is_new) {
      problems_.add(out.place, "there is another `" + out.instance + "` in " +
                                   line_of(other->second, out.place) +
                                   ": give this one another name with `as`");
    }
    return out;
  }

  bool read_members(const Json& entry, const std::string& pointer, PluginEntry& out) {
    for (const auto& [key, value] : entry.items()) {
      if (is_entry_key(key)) continue;
      const std::string at = child(pointer, key);
      if (!out.plugin.empty()) {
        const std::string near = suggest(key, entry_keys());
        problems_.add(origins_.key_place(at),
                      "unknown key `" + key + "` next to the plugin `" + out.plugin + "`" +
                          (near.empty() ? ": to add a plugin, start a new list item with `-`"
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
      problems_.add(out.place, "this entry has no plugin: write its name as a key");
      return false;
    }
    for (const char* key : {"before", "after"}) {
      const bool is_main = origins_.at(pointer).file == 0;
      if (is_main && member(&entry, key))
        reject(child(pointer, key), "is for entries of included files: move the entry itself");
    }
    out.instance = text(&entry, "as").value_or(out.plugin);
    if (const auto file = text(&entry, "path")) out.file = in_folder(child(pointer, "path"), *file);
    if (const auto digest = text(&entry, "sha256")) out.sha256 = sha256(*digest, pointer);
    if (const Json* when = member(&entry, "when")) {
      out.when.emplace();
      out.when->path = text(when, "path").value_or(out.when->path);
      out.when->methods = texts(when, "methods");
      if (out.when->path[0] != '/' || out.when->path.find('*') < out.when->path.size() - 1) {
        reject(pointer + "/when/path", "must begin with `/` and may end in one `*`");
      }
    }
    return true;
  }

  std::string sha256(const std::string& digest, const std::string& pointer) {
    const std::string lower = gatehouse::lower(digest);
    if (lower.size() != 64 || lower.find_first_not_of("0123456789abcdef") != lower.npos) {
      reject(pointer + "/sha256", "must have 64 hexadecimal digits: `sha256sum FILE` prints them");
      return "";
    }
    return lower;
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
  /// The addresses of one of the two servers, and the names of its hosts.
  void listen(const char* section, ServerSettings& out) {
    const std::string pointer = child(child("", section), "listen");
    if (const Json* value = member(find(section), "listen"))
      out.listen = read_listen(*value, pointer, in_folder(pointer, ""), origins_, problems_);
    out.hosts = texts(find(section), "hosts");
    for (std::size_t i = 0; i < out.hosts.size(); ++i) {
      if (is_host(out.hosts[i])) continue;
      problems_.add(
          origins_.place(child(child(child("", section), "hosts"), i)),
          "this is not a host name: write the name alone, such as ai.example, or \"*\" for all");
    }
  }
  void log_file(const fs::path& file) {
    std::error_code error;
    if (fs::is_directory(file, error))
      return reject("/log/file", "is a folder: write the name of a file in it");
    const fs::path folder = fs::absolute(file).parent_path();
    if (!fs::is_directory(folder, error))
      return reject("/log/file", "is in a folder that does not exist: create " + folder.string());
    const fs::path& written = fs::exists(file, error) ? file : folder;
    if (::access(written.c_str(), W_OK) != 0) {
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
          "`trusted_proxies` takes addresses and networks, such as 192.0.2.1 or 10.0.0.0/8, and "
          "`unix`, not " +
              (*list)[i].dump());
    }
  }
  void store(StoreSettings& out) {
    const bool is_short = !origins_.has("/store/url") && !origins_.has("/store/max_size");
    const std::string url = text(find("store"), "url").value_or("memory");
    if (url != "memory" && !parse_redis(url, out.redis.emplace(StoreSettings::Redis()))) {
      reject(is_short ? "/store" : "/store/url",
             "must be memory or redis://[user:password@]host[:port][/database], with TLS "
             "rediss://…; in the password write %2F for `/`, and so on");
    }
    if (out.redis && origins_.has("/store/max_size")) {
      reject("/store/max_size", "applies to the memory store only: for Redis set its `maxmemory`");
    }
    out.max_bytes = size(find("store"), "max_size");
  }
  void upstream(UpstreamSettings& out) {
    const Json* section = find("upstream");
    if (const auto url = text(section, "proxy")) {
      Proxy proxy;
      if (!parse_proxy(*url, proxy)) reject("/upstream/proxy", kProxyForm);
      out.http_proxy = out.https_proxy = proxy;
    } else {
      out.http_proxy = proxy_of_environment("http_proxy", "HTTP_PROXY");
      out.https_proxy = proxy_of_environment("https_proxy", "HTTPS_PROXY");
    }
    out.no_proxy = member(section, "no_proxy") ? texts(section, "no_proxy") : list_of_no_proxy();
    if (const auto file = text(section, "ca")) read_authorities(*file, out.ca);
  }
  std::optional<Proxy> proxy_of_environment(const char* lower, const char* upper) {
    const char* const name = environment(lower) ? lower : upper;
    const char* const url = environment(name);
    if (!url) return std::nullopt;
    Proxy proxy;
    if (parse_proxy(url, proxy)) return proxy;
    problems_.add({}, "the environment variable `" + std::string(name) + "` " + kProxyForm);
    return std::nullopt;
  }
  /// Names separated by commas or spaces.
  static std::vector<std::string> list_of_no_proxy() {
    const char* const lower = environment("no_proxy");
    const char* const value = lower ? lower : environment("NO_PROXY");
    std::string names = value ? value : "";
    std::replace(names.begin(), names.end(), ',', ' ');
    std::istringstream stream(names);
    return {std::istream_iterator<std::string>(stream), {}};
  }
  void read_authorities(const std::string& file, std::string& out) {
    std::string error;
    auto pem = read_file(in_folder("/upstream/ca", file), error);
    if (!pem) return reject("/upstream/ca", "cannot be read: " + error);
    const std::string fault = fault_of_authorities(*pem);
    if (!fault.empty())
      return reject("/upstream/ca", "is not a PEM file of certificates: " + fault);
    out = *std::move(pem);
  }
  static milliseconds duration(const Json* section, const char* key) {
    return milliseconds(quantity("duration", text(section, key).value_or("")).value_or(0));
  }
  static std::size_t size(const Json* section, const char* key) {
    return static_cast<std::size_t>(quantity("size", text(section, key).value_or("")).value_or(0));
  }
  void reject(const std::string& pointer, const std::string& why) {
    if (!origins_.at(pointer).broken)
      problems_.add(origins_.place(pointer),
                    "`" + pointer.substr(pointer.rfind('/') + 1) + "` " + why);
  }
  /// A path is relative to the folder of the file in which it stands.
  std::string in_folder(const std::string& pointer, const std::string& path) const {
    return (fs::path(origins_.file_of(pointer)).parent_path() / path).lexically_normal().string();
  }

  Json& root_;
  Origins& origins_;
  Problems& problems_;
  std::map<std::string, Place> instances_;
  const Omissions& omissions_;
  std::set<std::string> omitted_;  // names among these that were found
  std::vector<LeftOut> left_out_;
  std::set<std::string> doubted_;  // variables
};

}  // namespace

std::string plugin_of(const Json& entry) {
  const auto members = entry.items();
  const auto plugin = std::find_if(members.begin(), members.end(),
                                   [](const auto& m) { return !is_entry_key(m.key()); });
  return plugin == members.end() ? "" : plugin.key();
}

void read_settings(Json& root, Origins& origins, Problems& problems, Config& config) {
  // A section is null if all its settings are commented out.
  for (const char* section : {"server", "shutdown", "admin", "log", "store", "upstream"}) {
    if (const auto found = root.find(section); found != root.end() && found->is_null())
      root.erase(found);
  }
  Reader reader(root, origins, problems, config.omissions);
  reader.substitute_all();
  validate(nlohmann::json(root), "", "the configuration", kGatewaySchema, origins, problems);
  reader.read(config);
}

}  // namespace gatehouse::core
