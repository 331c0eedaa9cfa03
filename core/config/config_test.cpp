#include "core/config/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace gatehouse::core {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::string_view kGemini = R"({
  "type": "object", "additionalProperties": false, "required": ["api_key"],
  "properties": {
    "api_key": {"type": "string", "minLength": 1, "x-secret": true},
    "model": {"type": "string"},
    "limit": {"type": "integer", "maximum": 100},
    "file": {"type": "string"}
  }})";

std::string lines(const Problems& problems) {
  std::ostringstream out;
  out << problems;
  return out.str();
}

/// The addresses of a server, with a space in between.
std::string names(const ServerSettings& server) {
  std::string out;
  for (const ListenSettings& l : server.listen) out += (out.empty() ? "" : " ") + l.name();
  return out;
}

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_);
    for (const char* name : {"GH_A", "GH_B", "CREDENTIALS_DIRECTORY", "https_proxy", "HTTPS_PROXY",
                             "http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"})
      unsetenv(name);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, std::string_view text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  /// Reads `yaml` as the file c.yaml in folder_, with its problems in problems_.
  Config parse(const std::string& yaml) {
    problems_ = {};
    auto config = Config::parse(yaml, file_, problems_);
    EXPECT_TRUE(config) << wrong();
    return std::move(config.value());
  }
  /// The configuration of the one plugin of `yaml`, as JSON text.
  std::string plugin_config(const std::string& yaml) {
    const Config config = parse("pipeline:\n" + yaml);
    return config.pipeline.size() == 1 && problems_.empty() ? config.pipeline[0].config : wrong();
  }
  /// All problems of the file and its plugins, whose schema is kGemini, without the name of the
  /// file.
  std::string wrong_with_plugins(const std::string& yaml) {
    const Config config = parse(yaml);
    for (const PluginEntry& entry : config.pipeline) config.check(entry, kGemini, problems_);
    return wrong();
  }
  std::string wrong() const {
    std::string text = lines(problems_);
    for (std::size_t at; (at = text.find(file_)) != text.npos;) text.erase(at, file_.size() + 1);
    return text;
  }

  const fs::path folder_ =
      fs::temp_directory_path() / ("gatehouse_config_test." + std::to_string(getpid()));
  const std::string file_ = folder_ / "c.yaml";
  Problems problems_;
};

TEST_F(ConfigTest, WarnsOfFilesThatOthersCanReadOrChange) {
  write("c.yaml", "pipeline: [{gemini: {api_key: {file: key}}}]");
  write("key", "k");
  const auto reported = [&](fs::perms of_config, fs::perms of_key) {
    fs::permissions(folder_ / "c.yaml", of_config);
    fs::permissions(folder_ / "key", of_key);
    problems_ = {};
    const auto config = Config::load(file_, problems_);
    config->check(config->pipeline[0], kGemini, problems_);
    EXPECT_TRUE(problems_.empty());
    return wrong();
  };
  EXPECT_EQ(reported(fs::perms(0644), fs::perms(0640)), "");
  EXPECT_EQ(reported(fs::perms(0644), fs::perms(0644)),
            "1:31: warning: `api_key` comes from a file that every user can read: run chmod 600 on "
            "it\n");
  EXPECT_NE(
      reported(fs::perms(0666), fs::perms(0600))
          .find("can be changed by everybody, which gives them the privileges of the gateway"),
      std::string::npos);
}

TEST_F(ConfigTest, WarnsOfALogFileThatCannotBeWritten) {
  parse("log: {file: nope/x.log}\npipeline: [x]");
  EXPECT_EQ(wrong(), "1:13: `file` is in a folder that does not exist: create " +
                         (folder_ / "nope").string() + "\n");
  parse("log: {file: x.log}\npipeline: [x]");
  EXPECT_EQ(wrong(), "");
}

TEST_F(ConfigTest, TheOperatorsAddressIsNotTheClients) {
  const auto reported = [&](const std::string& server, const std::string& admin) {
    parse("server: {listen: '" + server + "'}\nadmin: {listen: '" + admin +
          "', token: 0123456789abcdef0}\npipeline: [x]");
    return !problems_.empty();
  };
  EXPECT_TRUE(reported("127.0.0.1:3000", "localhost:3000"));
  EXPECT_TRUE(reported("[::]:3000", "127.0.0.1:3000"));
  EXPECT_FALSE(reported("127.0.0.1:3000", "[::1]:3000"));
  EXPECT_FALSE(reported("127.0.0.1:0", "127.0.0.1:0"));
}

TEST_F(ConfigTest, ReadsEverySetting) {
  fs::create_directories(folder_ / "log");
  const Config config = parse(R"(
server: {listen: "[::1]:8080", hosts: [a.example, "*"], trusted_proxies: [192.0.2.1, "fd00::/8"],
         max_body: 8MiB, max_running: 10,
         head_timeout: 1s, body_timeout: 2s, idle_timeout: 3s, send_timeout: 4s, max_duration: 5m}
shutdown: {grace: 0s}
log: {level: warn, file: log/gatehouse.log}
plugins_dir: ../plugins
pipeline: [health]
)");
  EXPECT_EQ(wrong(), "");
  EXPECT_EQ(names(config.server), "[::1]:8080");
  EXPECT_EQ(config.server.hosts, (std::vector<std::string>{"a.example", "*"}));
  Networks proxies;
  EXPECT_TRUE(proxies.add("192.0.2.1") && proxies.add("fd00::/8"));
  EXPECT_EQ(config.server.trusted_proxies, proxies);
  EXPECT_EQ(config.server.max_body_bytes, 8u << 20);
  EXPECT_EQ(config.server.max_running, 10u);
  EXPECT_EQ(config.server.head_timeout, 1s);
  EXPECT_EQ(config.server.body_timeout, 2s);
  EXPECT_EQ(config.server.idle_timeout, 3s);
  EXPECT_EQ(config.server.send_timeout, 4s);
  EXPECT_EQ(config.server.max_duration, 5min);
  EXPECT_EQ(config.shutdown.grace, 0s);
  EXPECT_EQ(config.log.level, "warn");
  EXPECT_EQ(config.log.file, (folder_ / "log/gatehouse.log").string());
  EXPECT_EQ(config.plugins_dir, (folder_.parent_path() / "plugins").string());
}

TEST_F(ConfigTest, ATrustedProxyIsAnAddressOrANetwork) {
  parse("server:\n  trusted_proxies: [10.0.0.0/8, 7, nginx, 10.0.0.0/33]\npipeline: [x]\n");
  const std::string takes =
      "`trusted_proxies` takes addresses and networks, such as 192.0.2.1 or 10.0.0.0/8, and "
      "`unix`, not ";
  EXPECT_EQ(wrong(),
            "2:33: item 2 of `trusted_proxies` must be a string, not 7: put it in quotes\n2:36: " +
                takes + "\"nginx\"\n2:43: " + takes + "\"10.0.0.0/33\"\n");
}

TEST_F(ConfigTest, AnAbsentSettingHasItsDefault) {
  const Config config = parse(
      "server:\n  # listen: 0.0.0.0:80\nlog:\nshutdown: {}\nadmin: {token: 0123456789abcdef0}\n"
      "pipeline: [health]\n");
  EXPECT_EQ(wrong(), "");
  EXPECT_EQ(names(config.server), "127.0.0.1:3000");
  EXPECT_EQ(config.server.max_body_bytes, 32u << 20);
  EXPECT_EQ(config.server.max_running, 10000u);
  EXPECT_EQ(config.server.head_timeout, 10s);
  EXPECT_EQ(config.server.body_timeout, 30s);
  EXPECT_EQ(config.server.idle_timeout, 75s);
  EXPECT_EQ(config.server.send_timeout, 60s);
  EXPECT_EQ(config.server.max_duration, 30min) << "some models think for a quarter of an hour";
  EXPECT_EQ(names(config.admin.server), "127.0.0.1:3001");
  EXPECT_EQ(config.shutdown.delay, 0s);
  EXPECT_EQ(config.shutdown.grace, 30s);
  EXPECT_EQ(config.store.max_bytes, 64u << 20);
  EXPECT_EQ(config.log.level, "info");
  EXPECT_EQ(config.plugins_dir, "");
}

TEST_F(ConfigTest, LimitsOfClientsDoNotApplyToTheOperator) {
  const Config config = parse(
      "server: {max_running: 1, max_duration: 1s, trusted_proxies: [10.0.0.0/8]}\n"
      "admin: {token: 0123456789abcdef0}\npipeline: [x]");
  EXPECT_EQ(config.server.max_duration, 1s);
  EXPECT_EQ(config.admin.server.max_duration, 30min);
  EXPECT_EQ(config.admin.server.max_running, 64u);
  EXPECT_EQ(config.admin.server.trusted_proxies, Networks());
}

TEST_F(ConfigTest, ReadsTheAddressToListenOn) {
  const struct {
    const char *written, *name;
    bool exposed;
  } kGood[] = {{"127.0.0.1:0", "127.0.0.1:0", false},
               {"0.0.0.0:65535", "0.0.0.0:65535", true},
               {"\"[::]:80\"", "[::]:80", true},
               {"\"[::1]:80\"", "[::1]:80", false},
               {"localhost:3000", "localhost:3000", false},
               {"127.example:80", "127.example:80", true},
               {"unix:/run/a.sock", "unix:/run/a.sock", false},
               {"systemd:web", "systemd:web", true}};
  for (const auto& [written, name, exposed] : kGood) {
    const Config config = parse(std::string("pipeline: [x]\nserver:\n  listen: ") + written);
    EXPECT_EQ(wrong(), "") << written;
    EXPECT_EQ(names(config.server), name);
    EXPECT_EQ(config.server.is_exposed(), exposed) << written;
  }
  for (const char* written :
       {"127.0.0.1", ":80", "1.2.3:80", "127.0.0.1:65536", "127.0.0.1:+1", "127.0.0.1:", "::1:80",
        "[::g]:80", "a b:80", "http://x:80", "unix:", "systemd:"}) {
    parse(std::string("pipeline: [x]\nserver:\n  listen: '") + written + "'");
    EXPECT_EQ(wrong(),
              "3:11: `listen` must be an address and a port such as 127.0.0.1:3000 or [::1]:3000 "
              "(0.0.0.0:3000 is every address of this machine), unix:PATH or systemd:NAME, or a "
              "list\n")
        << written;
  }
  parse("server: {listen: \"${GH_NONE}\"}\npipeline: [x]");
  EXPECT_EQ(wrong(), "1:18: the environment variable `GH_NONE` is not set\n");
}

TEST_F(ConfigTest, ListensOnSeveralAddresses) {
  const Config config = parse(R"(
server:
  listen:
    - 127.0.0.1:3000
    - { address: "[::1]:3000" }
    - unix:a.sock
    - { unix: /run/b.sock, mode: "0600", owner: "www:web" }
    - { unix: /run/c.sock, owner: ":web" }
    - { systemd: web }
admin: { token: 0123456789abcdef0, listen: "unix:admin.sock" }
pipeline: [x]
)");
  EXPECT_EQ(wrong(), "");
  const std::string folder = folder_.string();
  EXPECT_EQ(names(config.server), "127.0.0.1:3000 [::1]:3000 unix:" + folder +
                                      "/a.sock unix:/run/b.sock unix:/run/c.sock systemd:web");
  EXPECT_EQ(names(config.admin.server), "unix:" + folder + "/admin.sock");
  const auto& listen = config.server.listen;
  EXPECT_EQ(listen[2].mode, 0660u);
  EXPECT_EQ(listen[3].mode, 0600u);
  EXPECT_EQ(listen[3].user + " " + listen[3].group, "www web");
  EXPECT_EQ(listen[4].user + " " + listen[4].group, " web");
  EXPECT_EQ(listen[4].pointer, "/server/listen/4");
}

TEST_F(ConfigTest, AnEntryOfListenIsOneAddress) {
  const auto reported = [&](const std::string& entry) {
    parse("server:\n  listen:\n    - 127.0.0.1:1\n    - " + entry + "\npipeline: [x]");
    return wrong();
  };
  const std::string kOne = "must have exactly one of `address`, `unix` and `systemd`\n";
  EXPECT_EQ(reported("{ mode: '0600', address: '127.0.0.1:2' }"),
            "4:15: `mode` applies to `unix` only\n");
  EXPECT_EQ(reported("{ owner: www }"),
            "4:7: item 2 of `listen` " + kOne + "4:16: `owner` applies to `unix` only\n");
  EXPECT_EQ(reported("{ unix: /a, systemd: b }"), "4:7: item 2 of `listen` " + kOne);
  EXPECT_EQ(reported("{ unix: /a, mode: 0600 }"),
            "4:25: `mode` must be a string, not 600: put it in quotes\n");
  EXPECT_EQ(reported("{ unix: /a, mode: rw }"),
            "4:25: `mode` must be an octal mode in quotes, such as \"0660\", not the string "
            "\"rw\"\n");
  EXPECT_EQ(reported("{ address: '1' }"),
            "4:18: `address` must be an address and a port such as 127.0.0.1:3000 or [::1]:3000\n");
  EXPECT_EQ(reported("0.0.0.0:1"),
            "4:7: `listen` must differ from 127.0.0.1:1, where `server` listens already: use "
            "another port or path\n");
  parse("server: {listen: []}\npipeline: [x]");
  EXPECT_EQ(wrong(), "1:18: `listen` must not be empty\n");
}

TEST_F(ConfigTest, TheProxyProtocolRequiresATrustedProxy) {
  const auto reported = [&](const std::string& address, const std::string& trusted) {
    parse("server:\n  listen: [{ " + address +
          ", proxy_protocol: true }]\n  trusted_proxies: " + trusted + "\npipeline: [x]");
    return wrong();
  };
  const std::string kRequires =
      "`proxy_protocol` requires the address of the proxy in `trusted_proxies`, which is `unix` "
      "for "
      "a Unix socket\n";
  EXPECT_EQ(reported("address: '127.0.0.1:1'", "[10.0.0.1]"), "");
  EXPECT_EQ(reported("unix: /a", "[unix]"), "");
  EXPECT_EQ(reported("address: '127.0.0.1:1'", "[]"), "2:54: " + kRequires);
  EXPECT_EQ(reported("unix: /a", "[10.0.0.1]"), "2:40: " + kRequires);
  parse(
      "admin: {token: 0123456789abcdef0, listen: [{address: '127.0.0.1:1', proxy_protocol: true}]}"
      "\npipeline: [x]");
  EXPECT_EQ(wrong(), "1:85: `proxy_protocol` is not for `admin.listen`\n");
}

TEST_F(ConfigTest, TheStoreIsMemoryOrRedis) {
  setenv("GH_A", "s:w%40rd", 1);
  const struct {
    const char* written;
    StoreSettings read;
  } kCases[] = {
      {"", {std::nullopt, 64u << 20}},
      {"memory", {std::nullopt, 64u << 20}},
      {"{max_size: 2MiB}", {std::nullopt, 2u << 20}},
      {"redis://cache", {StoreSettings::Redis{"cache"}}},
      {"redis://cache/", {StoreSettings::Redis{"cache"}}},
      {"redis://:${GH_A}@127.0.0.1:7000/15",
       {StoreSettings::Redis{"127.0.0.1", 7000, "", "s:w@rd", 15}}},
      {"{url: 'redis://ann:b%2Fc@[::1]'}", {StoreSettings::Redis{"::1", 6379, "ann", "b/c"}}},
      {"redis://ann@cache", {StoreSettings::Redis{"cache", 6379, "ann"}}},
      {"redis://a%40b:100%25@cache", {StoreSettings::Redis{"cache", 6379, "a@b", "100%"}}},
      {"rediss://:sword@cache", {StoreSettings::Redis{"cache", 6379, "", "sword", 0, true}}},
      {"rediss://cache:7001/2", {StoreSettings::Redis{"cache", 7001, "", "", 2, true}}},
  };
  for (const auto& [written, read] : kCases) {
    const Config config = parse(std::string("pipeline: [x]\nstore: ") + written);
    EXPECT_EQ(wrong(), "") << written;
    EXPECT_EQ(config.store.redis, read.redis) << written;
    if (!read.redis) {
      EXPECT_EQ(config.store.max_bytes, read.max_bytes) << written;
    }
  }
}

TEST_F(ConfigTest, ABadStoreIsAProblemThatShowsNoPassword) {
  const std::string form =
      "must be memory or redis://[user:password@]host[:port][/database], with TLS rediss://…; in "
      "the "
      "password write %2F for `/`, and so on\n";
  for (const char* written :
       {"Memory", "''", "redis", "redis://", "redisss://:sword@h", "rediss://",
        "redis://:sword@h:x", "redis://:sword@h:70000", "redis://:sword@h/x", "redis://:sword@h/-1",
        "redis://:sword@h/1/2", "redis://:sword@h/99999999999", "redis://:sword@h?a=b",
        "redis://:sw%zz@h", "redis://:swo/rd@h", "'redis://:sword@h h'"}) {
    parse(std::string("pipeline: [x]\nstore: ") + written);
    EXPECT_EQ(wrong(), "2:8: `store` " + form) << written;
    parse(std::string("pipeline: [x]\nstore:\n  url: ") + written);
    EXPECT_EQ(wrong(), "3:8: `url` " + form) << written;
  }
  const struct {
    const char *written, *problem;
  } kCases[] = {
      {"12345", "2:8: `store` must be a map or a string, not an integer\n"},
      {"[redis://:sword@h]", "2:8: `store` must be a map or a string, not a list\n"},
      {"{url: 12345}", "2:14: `url` must be a string, not an integer: put it in quotes\n"},
      {"{uri: memory}", "2:9: unknown key `uri`: did you mean `url`?\n"},
      {"{max_size: 1000KiB}", "2:19: `max_size` must be at least 1MiB\n"},
      {"{max_size: 2MiB, url: redis://h}",
       "2:19: `max_size` applies to the memory store only: for Redis set its `maxmemory`\n"},
  };
  for (const auto& [written, problem] : kCases) {
    parse(std::string("pipeline: [x]\nstore: ") + written);
    EXPECT_EQ(wrong(), problem) << written;
  }
}

TEST_F(ConfigTest, PluginsKeepTheirOrderTheirPlacesAndTheirOwnSettings) {
  const Config config = parse(R"(pipeline:
  - access-log
  - cors: {origins: [x], z: 1, a: 2}
  - gemini:
      api_key: k
    as: second
    path: build/gemini.so
    when: {path: "/api/*", methods: [POST]}
  - health:
    when: {methods: [GET, HEAD]}
)");
  EXPECT_EQ(wrong(), "");
  ASSERT_EQ(config.pipeline.size(), 4u);
  EXPECT_EQ(config.pipeline[0].plugin, "access-log");
  EXPECT_EQ(config.pipeline[0].instance, "access-log");
  EXPECT_EQ(config.pipeline[0].config, "{}");
  EXPECT_EQ(config.pipeline[0].place.line, 2);
  EXPECT_FALSE(config.pipeline[0].when);
  EXPECT_EQ(config.pipeline[1].config, R"({"origins":["x"],"z":1,"a":2})");
  EXPECT_EQ(config.pipeline[1].pointer, "/pipeline/1/cors");
  const PluginEntry& gemini = config.pipeline[2];
  EXPECT_EQ(gemini.plugin, "gemini");
  EXPECT_EQ(gemini.instance, "second");
  EXPECT_EQ(gemini.file, (folder_ / "build/gemini.so").string());
  EXPECT_EQ(gemini.when->path, "/api/*");
  EXPECT_EQ(gemini.when->methods, std::vector<std::string>{"POST"});
  EXPECT_EQ(gemini.place.column, 5);
  EXPECT_EQ(config.place(gemini.pointer + "/api_key").line, 5);
  EXPECT_EQ(config.place(gemini.pointer + "/base_url").line, 5) << "the settings around it";
  EXPECT_EQ(config.pipeline[3].config, "{}");
  EXPECT_EQ(config.pipeline[3].when->path, "/*");
}

TEST_F(ConfigTest, ReportsAllProblemsAtOnce) {
  EXPECT_EQ(
      wrong_with_plugins(R"(sever: {}
server: {listen: 3000, max_body: 5, max_running: 0, head_timeout: 0s, hosts: a}
shutdown: {grace: 2 days}
log: {level: verbose}
plugins_dir: [x]
pipeline:
  - gemini: {api_key: 12, modle: x, limit: 101}
  - gemini: {api_key: ""}
  - gemini: {limit: "1"}
    as: third one
    when: {path: api, methods: [get], host: x}
  - as: fourth
  - gemini: {api_key: k}
    as: fifth
    enabeld: false
    cors: {}
  - [x]
  - ../gemini
  - 5: {api_key: k}
    path: 7
)"),
      "1:1: unknown key `sever`: did you mean `server`?\n"
      "2:18: `listen` must be an address and a port such as 127.0.0.1:3000 or [::1]:3000 "
      "(0.0.0.0:3000 is every address of this machine), unix:PATH or systemd:NAME, or a list\n"
      "2:34: `max_body` must be a size such as 512B, 64KiB or 8MiB, not 5\n"
      "2:50: `max_running` must be at least 1, not 0\n"
      "2:67: `head_timeout` must be at least 1ms, not 0s\n"
      "2:78: `hosts` must be a list, not the string \"a\"\n"
      "3:19: `grace` must be a duration such as 250ms, 10s or 5m, not the string \"2 days\"\n"
      "4:14: `level` must be one of debug, info, warn or error, not the string \"verbose\"\n"
      "5:14: `plugins_dir` must be a string, not a list\n"
      "7:23: `api_key` must be a string, not an integer: put it in quotes\n"
      "7:27: unknown key `modle`: did you mean `model`?\n"
      "7:44: `limit` must be at most 100, not 101\n"
      "8:5: there is another `gemini` in line 7: give this one another name with `as`\n"
      "8:23: `api_key` must not be empty\n"
      "9:5: missing `api_key`, which is required\n"
      "9:21: `limit` must be an integer, not the string \"1\": remove the quotes\n"
      "10:9: `as` must consist of letters, digits, `-` and `_`\n"
      "11:18: `path` must begin with `/` and may end in one `*`\n"
      "11:33: item 1 of `methods` must be one of GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS, "
      "not the string "
      "\"get\"\n"
      "11:39: unknown key `host`: known keys are methods and path\n"
      "12:5: this entry has no plugin: write its name as a key\n"
      "15:5: unknown key `enabeld` next to the plugin `gemini`: did you mean `enabled`?\n"
      "16:5: unknown key `cors` next to the plugin `gemini`: to add a plugin, start a new list "
      "item with `-`\n"
      "17:5: item 6 of `pipeline` must be a map or a string, not a list\n"
      "18:5: `../gemini` is not a valid plugin name: use letters, digits, `-` and `_`\n"
      "20:11: `path` must be a string, not 7: put it in quotes\n");
}

TEST_F(ConfigTest, RequiresAPipeline) {
  parse("server: {}");
  EXPECT_EQ(wrong(), "1:1: missing `pipeline`, which is required\n");
  parse("pipeline: []");
  EXPECT_EQ(wrong(), "1:11: `pipeline` must not be empty\n");
}

TEST_F(ConfigTest, RejectsWhatIsNotAMap) {
  for (const char* text : {"", "- x\n", "hello", "5", "a: [", "\xff"}) {
    Problems problems;
    EXPECT_FALSE(Config::parse(text, "c.yaml", problems)) << text;
    EXPECT_FALSE(problems.empty()) << text;
  }
  Problems problems;
  EXPECT_FALSE(Config::load(folder_ / "none.yaml", problems));
  EXPECT_EQ(lines(problems), (folder_ / "none.yaml").string() + ": No such file or directory\n");
}

TEST_F(ConfigTest, SubstitutesVariables) {
  setenv("GH_A", "12", 1);
  setenv("GH_B", "", 1);
  const struct {
    const char *written, *read;
  } kCases[] = {
      {"${GH_A}", "12"},
      {"\"${GH_A}\"", R"("12")"},
      {"x${GH_A}y${GH_A}", R"("x12y12")"},
      {"\"${GH_B}\"", R"("")"},
      {"\"${GH_B:-default}\"", R"("default")"},
      {"${GH_NONE:-true}", "true"},
      {"${GH_NONE:-http://x:80/}", R"("http://x:80/")"},
      {"${GH_A:-default}", "12"},
      {"\"${GH_NONE:-}\"", R"("")"},
      {"$${GH_A}", R"("${GH_A}")"},
      {"a$${b}${GH_A}$${", R"("a${b}12${")"},
      {"$GH_A $ {GH_A}", R"("$GH_A $ {GH_A}")"},
      {"[\"${GH_A}\", {b: \"${GH_A}\"}]", R"(["12",{"b":"12"}])"},
  };
  for (const auto& [written, read] : kCases) {
    EXPECT_EQ(plugin_config(std::string("  - x:\n      a: ") + written),
              std::string(R"({"a":)") + read + "}")
        << written;
  }
}

TEST_F(ConfigTest, DoesNotSubstituteInsideTheValueOfAVariable) {
  setenv("GH_A", "${GH_B}", 1);
  setenv("GH_B", "x: [", 1);
  EXPECT_EQ(plugin_config("  - x:\n      a: ${GH_A}\n      b: ${GH_B}"),
            R"({"a":"${GH_B}","b":"x: ["})");
  setenv("GH_A", "${GH_NONE}", 1);
  EXPECT_EQ(parse("pipeline:\n  - x: {}\n    unless_env: \"${GH_A}\"\n").pipeline.size(), 1u);
  EXPECT_EQ(wrong(), "");
}

TEST_F(ConfigTest, AMissingVariableIsNamedWithItsPlace) {
  setenv("GH_A", "\xff", 1);
  const struct {
    const char *written, *problem;
  } kCases[] = {
      {"${GH_NONE}", "the environment variable `GH_NONE` is not set"},
      {"${GH_NONE",
       "write `${NAME}` or `${NAME:-default}` for a variable, `$${` for the two characters `${`"},
      {"${}",
       "write `${NAME}` or `${NAME:-default}` for a variable, `$${` for the two characters `${`"},
      {"${1A}",
       "write `${NAME}` or `${NAME:-default}` for a variable, `$${` for the two characters `${`"},
      {"${A B}",
       "write `${NAME}` or `${NAME:-default}` for a variable, `$${` for the two characters `${`"},
      {"${GH_A}", "one of its environment variables is not UTF-8"},
  };
  for (const auto& [written, problem] : kCases) {
    EXPECT_EQ(wrong_with_plugins(std::string("pipeline:\n  - gemini:\n      api_key: ") + written),
              std::string("3:16: ") + problem + "\n");
  }
}

TEST_F(ConfigTest, AFileOrACredentialStandsForItsText) {
  write("key", "swordfish\n");
  setenv("CREDENTIALS_DIRECTORY", folder_.c_str(), 1);
  setenv("GH_A", "key", 1);
  EXPECT_EQ(
      plugin_config("  - x: {a: {file: key}, b: [{credential: key}], c: {file: \"${GH_A}\"}}"),
      R"({"a":"swordfish","b":["swordfish"],"c":"swordfish"})");
  EXPECT_EQ(plugin_config("  - x: {a: {file: key, b: 1}, c: {file: [key]}}"),
            R"({"a":{"file":"key","b":1},"c":{"file":["key"]}})");
}

TEST_F(ConfigTest, TheSettingsOfAPluginOrASectionAreNotAReference) {
  EXPECT_EQ(plugin_config("  - x: {file: key}"), R"({"file":"key"})");
  EXPECT_EQ(parse("log: {file: x.log}\npipeline: [x]").log.file, (folder_ / "x.log").string());
  EXPECT_EQ(wrong(), "");
}

TEST_F(ConfigTest, AFileThatCannotBeReadIsAProblem) {
  write("binary", "\xff");
  write("large", std::string(kMaxConfigBytes + 1, 'x'));
  setenv("GH_A", "swordfish", 1);
  const struct {
    std::string written, problem;
  } kCases[] = {
      {"{file: none}", "cannot read `none`: no such file"},
      {"{file: .}", "cannot read `.`: no such file"},
      {"{file: binary}", "cannot read `binary`: not UTF-8"},
      {"{file: large}", "cannot read `large`: longer than 1 MiB"},
      {"{file: \"${GH_A}\"}", "cannot read this file: no such file"},
      {"{credential: x}",
       "there are no credentials: $CREDENTIALS_DIRECTORY, which systemd's LoadCredential= sets, is "
       "not set"},
  };
  for (const auto& [written, problem] : kCases) {
    EXPECT_EQ(wrong_with_plugins("pipeline:\n  - gemini:\n      api_key: " + written),
              "3:16: " + problem + "\n");
  }
  setenv("CREDENTIALS_DIRECTORY", (folder_ / "sub").c_str(), 1);
  EXPECT_EQ(wrong_with_plugins("pipeline:\n  - gemini:\n      api_key: {credential: ../binary}"),
            "3:16: `../binary` is not the name of a credential\n");
  EXPECT_EQ(wrong_with_plugins("pipeline:\n  - gemini:\n      api_key: {file: \"${GH_NONE}\"}"),
            "3:23: the environment variable `GH_NONE` is not set\n");
}

TEST_F(ConfigTest, ShowsNoValueFromOutsideInAProblem) {
  write("secret", "swordfish");
  setenv("GH_A", "swordfish", 1);
  setenv("CREDENTIALS_DIRECTORY", folder_.c_str(), 1);
  for (const char* value : {"${GH_A}", "\"x${GH_A}\"", "{file: secret}", "{credential: secret}"}) {
    const std::string text = wrong_with_plugins(
        std::string("log:\n  level: ") + value + "\nserver:\n  listen: " + value +
        "\npipeline:\n  - gemini:\n      limit: " + value + "\n");
    EXPECT_EQ(text.find("swordfish"), text.npos) << text;
    EXPECT_NE(text.find("7:14: `limit` must be an integer, not a string\n"), text.npos) << text;
  }
}

TEST_F(ConfigTest, ADisabledEntryIsNotRead) {
  setenv("GH_A", "x", 1);
  setenv("GH_B", "", 1);
  const struct {
    const char* condition;
    bool runs;
  } kCases[] = {
      {"enabled: false", false},
      {"enabled: true", true},
      {"enabled: ${GH_NONE:-false}", false},
      {"if_env: GH_A", true},
      {"if_env: GH_B", false},
      {"if_env: GH_NONE", false},
      {"unless_env: GH_A", false},
      {"unless_env: GH_B", true},
      {"unless_env: GH_NONE", true},
  };
  for (const auto& [condition, runs] : kCases) {
    const Config config = parse(std::string("pipeline:\n  - x\n  - y: {a: \"${GH_NONE}\"}\n    ") +
                                condition + "\n  - z: {}\n");
    EXPECT_EQ(config.pipeline.size(), runs ? 3u : 2u) << condition;
    EXPECT_EQ(problems_.empty(), !runs) << condition << wrong();
    EXPECT_EQ(config.pipeline.back().pointer, "/pipeline/2/z");
  }
  parse("pipeline:\n  - x\n  - x\n  - x: {}\n    enabled: false");
  EXPECT_EQ(wrong(), "3:5: there is another `x` in line 2: give this one another name with `as`\n");
}

std::string authorization_of(const std::optional<Proxy>& proxy) {
  return proxy ? proxy->name() + ' ' + proxy->authorization : "none";
}

TEST_F(ConfigTest, AProxyOfTheConfigurationGoesBeforeThatOfTheEnvironment) {
  ::setenv("https_proxy", "proxy.example:3128", 1);
  ::setenv("HTTP_PROXY", "http://ann:s%40x@[fd00::1]", 1);
  ::setenv("NO_PROXY", "a.example, b.example", 1);
  Config config = parse("pipeline: [x]");
  EXPECT_EQ(wrong(), "");
  EXPECT_EQ(authorization_of(config.upstream.https_proxy), "proxy.example:3128 ");
  EXPECT_EQ(authorization_of(config.upstream.http_proxy), "[fd00::1]:80 Basic YW5uOnNAeA==");
  EXPECT_EQ(config.upstream.no_proxy, (std::vector<std::string>{"a.example", "b.example"}));

  config = parse("upstream: {proxy: 'http://other:1', no_proxy: [c]}\npipeline: [x]");
  EXPECT_EQ(authorization_of(config.upstream.https_proxy), "other:1 ");
  EXPECT_EQ(authorization_of(config.upstream.http_proxy), "other:1 ");
  EXPECT_EQ(config.upstream.no_proxy, std::vector<std::string>{"c"});

  ::setenv("https_proxy", "socks5://secret@proxy", 1);
  parse("pipeline: [x]");
  EXPECT_EQ(wrong(),
            "the environment variable `https_proxy` must be an HTTP proxy, "
            "http://[user:password@]host[:port]; in the password write %40 for `@`, and so on\n");
  for (const char* name : {"https_proxy", "HTTP_PROXY", "NO_PROXY"}) ::unsetenv(name);
  for (const char* proxy : {"https://secret@a", "http://", "http://a/secret", "'http://a b'"}) {
    parse("upstream: {proxy: " + std::string(proxy) + "}\npipeline: [x]");
    EXPECT_TRUE(wrong().starts_with("1:19: `proxy` must be an HTTP proxy")) << wrong();
    EXPECT_EQ(wrong().find("secret"), std::string::npos) << wrong();
  }
}

TEST_F(ConfigTest, TheFileOfAuthoritiesMustHaveCertificates) {
  parse("upstream: {ca: ca.pem}\npipeline: [x]");
  EXPECT_EQ(wrong(), "1:16: `ca` cannot be read: No such file or directory\n");
  write("ca.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  parse("upstream: {ca: ca.pem}\npipeline: [x]");
  EXPECT_EQ(wrong(), "1:16: `ca` is not a PEM file of certificates: certificate 1 is damaged\n");
}

/// The names of the instances, in order.
std::string pipeline_of(const Config& config) {
  std::string names;
  for (const PluginEntry& entry : config.pipeline)
    names += (names.empty() ? "" : " ") + entry.instance;
  return names;
}

TEST_F(ConfigTest, AnIncludedFileAddsSettingsAndItemsOfLists) {
  fs::create_directories(folder_ / "conf.d");
  write("conf.d/10-log.yaml", "log: {level: warn}\nserver: {hosts: [b.example]}\nshutdown:");
  write("conf.d/20-hosts.yaml", "server:\n  hosts: [c.example]\n  max_body: 1MiB");
  write("conf.d/.20-hosts.yaml.swp", "no: yaml: at all");
  write("conf.d/README", "nor this");
  const Config config =
      parse("include: conf.d/*.yaml\nserver: {hosts: [a.example]}\npipeline: [x]");
  EXPECT_EQ(wrong(), "");
  EXPECT_EQ(config.log.level, "warn");
  EXPECT_EQ(config.server.hosts, (std::vector<std::string>{"a.example", "b.example", "c.example"}));
  EXPECT_EQ(config.server.max_body_bytes, 1u << 20);
}

TEST_F(ConfigTest, AnIncludedEntryNamesItsPlaceInThePipeline) {
  fs::create_directories(folder_ / "conf.d");
  write("conf.d/1.yaml", R"(pipeline: [{a1: {}, after: cors}, {b1: {}, before: gemini}])");
  write("conf.d/2.yaml",
        R"(pipeline: [{a2: {}, after: cors}, {b2: {}, before: gemini}, {c: {}, after: b1}])");
  const Config config = parse(
      "pipeline:\n  - {cors: {}, enabled: true}\n  - chat\n  - {x: {}, as: gemini}\n"
      "include: conf.d/*.yaml");
  EXPECT_EQ(wrong(), "");
  EXPECT_EQ(pipeline_of(config), "cors a1 a2 chat b1 c b2 gemini");
  EXPECT_EQ(config.pipeline[5].place.file, (folder_ / "conf.d/2.yaml").string());
  EXPECT_EQ(config.pipeline[7].place.line, 4);
}

TEST_F(ConfigTest, APathIsRelativeToTheFileInWhichItStands) {
  fs::create_directories(folder_ / "conf.d");
  write("conf.d/key", "inner\n");
  write("key", "outer\n");
  for (const char* secret : {"conf.d/key", "key"})
    fs::permissions(folder_ / secret, fs::perms::owner_read);
  write("conf.d/1.yaml",
        "log: {file: x.log}\npipeline: [{p: {key: {file: key}}, path: p.so, before: q}]");
  const Config config =
      parse("include: conf.d/1.yaml\npipeline: [{q: {key: {file: key}}, path: q.so}]");
  EXPECT_EQ(wrong(), "");
  EXPECT_EQ(config.pipeline[0].config, R"({"key":"inner"})");
  EXPECT_EQ(config.pipeline[0].file, (folder_ / "conf.d/p.so").string());
  EXPECT_EQ(config.pipeline[0].folder(), folder_ / "conf.d");
  EXPECT_EQ(config.pipeline[1].config, R"({"key":"outer"})");
  EXPECT_EQ(config.pipeline[1].folder(), folder_);
  EXPECT_EQ(config.log.file, (folder_ / "conf.d/x.log").string());
}

TEST_F(ConfigTest, AProblemOfAnIncludedFileIsPlacedThere) {
  fs::create_directories(folder_ / "conf.d");
  write("conf.d/1.yaml", R"(log:
  level: warn
  file: a.log
include: more.yaml
pipeline:
  - x
  - {y: {}, after: z}
  - {gemini: {api_key: ""}, before: gemni}
  - {gemini: {api_key: ""}, before: gemini}
store: redis://127.0.0.1
)");
  write("conf.d/2.yaml", "a: [");
  write("conf.d/3.yaml", "server: {max_body: 1}\nlog: {level: warn}");
  const Config config = parse(
      "include: conf.d/*.yaml\nlog: {file: b.log}\nstore: {max_size: 1MiB}\n"
      "pipeline:\n  - {gemini: {api_key: k}, after: x}\n");
  for (const PluginEntry& entry : config.pipeline) config.check(entry, kGemini, problems_);
  std::string text = lines(problems_);
  const std::string folder = folder_.string() + '/';
  for (std::size_t at; (at = text.find(folder)) != text.npos;) text.erase(at, folder.size());
  EXPECT_EQ(
      text,
      "c.yaml:5:6: there is another `gemini` in conf.d/1.yaml:9: give this one another name with "
      "`as`\n"
      "c.yaml:5:35: `after` is for entries of included files: move the entry itself\n"
      "conf.d/1.yaml:3:3: `log.file` is also set in c.yaml:2: keep one of the two\n"
      "conf.d/1.yaml:4:1: an included file cannot include others: add them to `include` of c.yaml\n"
      "conf.d/1.yaml:6:5: an entry of an included file needs its place in the pipeline: `before` "
      "or `after`, and the name of another entry\n"
      "conf.d/1.yaml:7:5: there is no `z` in the pipeline, nor in an earlier file\n"
      "conf.d/1.yaml:8:5: there is no `gemni` in the pipeline, nor in an earlier file: did you "
      "mean `gemini`?\n"
      "conf.d/1.yaml:9:24: `api_key` must not be empty\n"
      "conf.d/1.yaml:10:1: `store` is also set in c.yaml:3: keep one of the two\n"
      "conf.d/2.yaml:1:1: not YAML: end of sequence flow not found\n"
      "conf.d/3.yaml:1:20: `max_body` must be a size such as 512B, 64KiB or 8MiB, not 1\n"
      "conf.d/3.yaml:2:7: `log.level` is also set in conf.d/1.yaml:2: keep one of the two\n");
}

TEST_F(ConfigTest, FilesToIncludeMustExistUnlessTheNameIsAPattern) {
  parse("include: conf.d/*.yaml\npipeline: [x]");
  EXPECT_EQ(wrong(), "1:10: cannot read the folder " + (folder_ / "conf.d").string() +
                         ": No such file or directory\n");
  fs::create_directories(folder_ / "conf.d");
  parse("include: conf.d/*.yaml\npipeline: [x]");
  EXPECT_EQ(wrong(), "");
  parse("include: conf.d/x.yaml\npipeline: [x]");
  EXPECT_EQ(wrong(), "1:10: there is no file " + (folder_ / "conf.d/x.yaml").string() + "\n");
}

TEST_F(ConfigTest, WarnsOfAFolderToWhichOthersCanAddFiles) {
  fs::create_directories(folder_ / "conf.d");
  fs::permissions(folder_ / "conf.d", fs::perms(0777));
  parse("include: conf.d/*.yaml\npipeline: [x]");
  EXPECT_EQ(wrong(), "1:10: warning: everybody can add files to the folder " +
                         (folder_ / "conf.d").string() +
                         ", which gives them the privileges of the gateway\n");
}

TEST_F(ConfigTest, RejectsHostileTextInTime) {
  std::string many = "pipeline:\n";
  while (many.size() < kMaxConfigBytes / 4) many += "- x: {enabeld: '${A}'}\n  enabeld: 1\n";
  parse(many);
  EXPECT_NE(wrong().find("`pipeline` must have at most 256 items"), std::string::npos);
}

}  // namespace
}  // namespace gatehouse::core
