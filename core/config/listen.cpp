#include "core/config/listen.h"

#include <sys/stat.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "core/config/addresses.h"
#include "core/net/certificate.h"

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr std::string_view kName = "`listen`";
constexpr std::string_view kForms =
    " must be an address and a port such as 127.0.0.1:3000 or [::1]:3000 (0.0.0.0:3000 is every "
    "address of this machine), unix:PATH or systemd:NAME";

class ListenReader {
 public:
  ListenReader(const fs::path& folder, const Origins& origins, Problems& problems)
      : folder_(folder), origins_(origins), problems_(problems) {}

  /// One entry, which problems call `name`. Appends it to `all` if it can be used.
  void read(const Json& entry, const std::string& pointer, const std::string& name,
            std::vector<ListenSettings>& all) {
    const auto known = problems_.size();
    ListenSettings out;
    out.pointer = pointer;
    const bool is_whole = name == kName;  // not in a list
    if (entry.is_object() && !is_whole) {
      read_map(entry, pointer, name, out);
    } else if (is_whole || entry.is_string()) {
      const bool is_good = entry.is_string() && read_text(entry, out);
      if (!is_good) report(pointer, name + std::string(kForms) + (is_whole ? ", or a list" : ""));
    }
    const bool is_set = !out.host.empty() || !out.path.empty() || !out.systemd.empty();
    if (is_set && problems_.size() == known) all.push_back(std::move(out));
  }

 private:
  /// The form with a prefix.
  bool read_text(const std::string& text, ListenSettings& out) {
    constexpr std::string_view kUnix = "unix:", kSystemd = "systemd:";
    if (text.starts_with(kUnix)) {
      out.path = in_folder(text.substr(kUnix.size()));
      return text.size() > kUnix.size();
    }
    if (!text.starts_with(kSystemd)) return parse_address(text, out);
    out.systemd = text.substr(kSystemd.size());
    return !out.systemd.empty();
  }

  void read_map(const Json& entry, const std::string& pointer, const std::string& name,
                ListenSettings& out) {
    const std::string address = text(entry, "address");
    if (const std::string path = text(entry, "unix"); !path.empty()) out.path = in_folder(path);
    out.systemd = text(entry, "systemd");
    if (!address.empty() && !parse_address(address, out)) {
      report(child(pointer, "address"),
             "`address` must be an address and a port such as 127.0.0.1:3000 or [::1]:3000");
    }
    if (!address.empty() + !out.path.empty() + !out.systemd.empty() != 1)
      report(pointer, name + " must have exactly one of `address`, `unix` and `systemd`");
    read_rights(entry, pointer, out);
    out.proxy_protocol = entry.value("proxy_protocol", Json()) == true;
    if (const auto tls = entry.find("tls"); tls != entry.end())
      read_certificates(*tls, child(pointer, "tls"), out.certificates);
  }

  void read_rights(const Json& entry, const std::string& pointer, ListenSettings& out) {
    for (const char* key : {"mode", "owner"}) {
      if (entry.contains(key) && out.path.empty())
        report(child(pointer, key), "`" + std::string(key) + "` applies to `unix` only");
    }
    const std::string mode = text(entry, "mode"), owner = text(entry, "owner");
    if (!mode.empty()) std::from_chars(mode.data(), mode.data() + mode.size(), out.mode, 8);
    const std::size_t colon = std::min(owner.find(':'), owner.size());
    out.user = owner.substr(0, colon);
    if (colon < owner.size()) out.group = owner.substr(colon + 1);
  }

  /// `tls`: a certificate with its key, or a list of these.
  void read_certificates(const Json& tls, const std::string& pointer,
                         std::vector<CertificateFiles>& out) {
    if (tls.is_object()) return read_certificate(tls, pointer, out);
    for (std::size_t i = 0; tls.is_array() && i < tls.size(); ++i) {
      if (tls[i].is_object()) read_certificate(tls[i], child(pointer, i), out);
    }
  }

  void read_certificate(const Json& entry, const std::string& pointer,
                        std::vector<CertificateFiles>& out) {
    const std::string at = child(pointer, "certificate"), at_key = child(pointer, "key");
    CertificateFiles files{text(entry, "certificate"), text(entry, "key")};
    const bool is_complete = !files.certificate.empty() && !files.key.empty();
    if (!is_complete || origins_.at(at).broken || origins_.at(at_key).broken) return;
    files.certificate = in_folder(files.certificate);
    if (files.has_key_file()) files.key = in_folder(files.key);
    if (const auto certificate = Certificate::load(files)) {
      for (const std::string& warning : certificate->warnings(std::chrono::system_clock::now()))
        problems_.warn(origins_.place(at), "`tls`: " + warning);
    } else {
      report(at, "`tls`: " + certificate.error().detail);
    }
    struct stat s {};
    if (files.has_key_file() && ::stat(files.key.c_str(), &s) == 0 && (s.st_mode & S_IROTH))
      problems_.warn(origins_.place(at_key), "`key`: every user can read this file: run chmod 600");
    out.push_back(std::move(files));
  }

  static std::string text(const Json& map, const char* key) {
    const auto found = map.find(key);
    return found != map.end() && found->is_string() ? found->get<std::string>() : "";
  }
  std::string in_folder(const std::string& path) const {
    return fs::absolute(folder_ / path).lexically_normal().string();
  }
  void report(const std::string& pointer, const std::string& text) {
    if (!origins_.at(pointer).broken) problems_.add(origins_.place(pointer), text);
  }

  const fs::path& folder_;
  const Origins& origins_;
  Problems& problems_;
};

}  // namespace

std::vector<ListenSettings> read_listen(const Json& value, const std::string& pointer,
                                        const fs::path& folder, const Origins& origins,
                                        Problems& problems) {
  ListenReader reader(folder, origins, problems);
  std::vector<ListenSettings> out;
  if (!value.is_array()) reader.read(value, pointer, std::string(kName), out);
  for (std::size_t i = 0; value.is_array() && i < value.size(); ++i) {
    const std::string name = "item " + std::to_string(i + 1) + " of `listen`";
    reader.read(value[i], child(pointer, i), name, out);
  }
  return out;
}

}  // namespace gatehouse::core
