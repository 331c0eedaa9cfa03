/// What authors of C++ plugins use: gatehouse/abi.h with types, ownership and errors. C++17,
/// header-only, and nothing of it crosses the boundary, so any compiler and standard library will
/// do. sdk/README.md has a plugin in 30 lines.
///
/// Objects here are views of what the host owns unless they say otherwise; they are cheap to copy
/// and live as long as abi.h says. A plugin reports errors by returning them; an exception that
/// escapes becomes a 500 that names the plugin.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "gatehouse/abi.h"

namespace gatehouse {
inline namespace v1 {

using View = std::string_view;

inline gh_str raw(View v) { return {v.data(), v.size()}; }
inline View view(gh_str s) { return s.p ? View(s.p, s.n) : View(); }

namespace detail {
// The tables are constants of the process: the first create() binds them, before any handle().
inline const gh_json_api* json = nullptr;
inline const gh_exchange_api* exchange = nullptr;
}  // namespace detail

// ---- Errors ------------------------------------------------------------------------------------

/// Why a request is not answered as asked. Never put keys or prompts into it.
struct Fail {
  int http_status = 500;
  std::string code;     ///< Stable, snake_case.
  std::string message;  ///< One sentence for the caller.
  std::string detail;   ///< For the log only.
  std::chrono::nanoseconds retry_after{
      0};  ///< When to ask again; becomes the Retry-After of the answer. 0: not known.
  std::uint32_t flags = 0;  ///< GH_FAIL_TRANSIENT, GH_FAIL_UPSTREAM, GH_FAIL_SUSPECT; see abi.h.
};

/// Success; or a failure; or `stopped`: the reader of the answer is gone, `cancelled`: time is up
/// or the gateway stops.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Fail fail) : code_(GH_FAILED), fail_(std::make_unique<Fail>(std::move(fail))) {}
  explicit Status(gh_status code) : code_(code) {}

  explicit operator bool() const { return code_ == GH_OK; }
  gh_status code() const { return code_; }
  /// The failure of this status; null when it came from next() or the host: then
  /// Exchange::failure() has it.
  const Fail* fail() const { return fail_.get(); }

 private:
  gh_status code_ = GH_OK;
  std::unique_ptr<Fail> fail_;
};

/// A value or the status that explains why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Status error) : value_(std::move(error)) {}
  Result(Fail error) : value_(Status(std::move(error))) {}

  explicit operator bool() const { return value_.index() == 0; }
  T& operator*() { return std::get<0>(value_); }
  T* operator->() { return &std::get<0>(value_); }
  /// Moves the error out, to be returned.
  Status error() { return std::move(std::get<1>(value_)); }

 private:
  std::variant<T, Status> value_;
};

// ---- JSON --------------------------------------------------------------------------------------

/// Appends `text` as a JSON string, quotes included.
inline void quote(std::string& out, View text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  std::size_t plain = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, plain, i - plain);
    plain = i + 1;
    switch (c) {
      case '"': out.append("\\\""); break;
      case '\\': out.append("\\\\"); break;
      case '\n': out.append("\\n"); break;
      case '\r': out.append("\\r"); break;
      case '\t': out.append("\\t"); break;
      default: out.append("\\u00").push_back(kHex[c >> 4]); out.push_back(kHex[c & 15]);
    }
  }
  out.append(text, plain, text.size() - plain);
  out.push_back('"');
}

/// A JSON value to read. Look-ups of what is not there give an empty Json, so they chain.
class Json {
 public:
  class Iterator;
  class Members;

  explicit Json(const gh_json* node = nullptr) : node_(node) {}

  /// False for what is not there. A JSON null is there.
  explicit operator bool() const { return node_ != nullptr; }
  bool is_null() const { return type() == GH_NULL; }  ///< Absent values too.
  bool is_bool() const { return type() == GH_BOOL; }
  bool is_integer() const { return type() == GH_INT; }
  bool is_number() const { return type() == GH_INT || type() == GH_REAL; }
  bool is_string() const { return type() == GH_STRING; }
  bool is_array() const { return type() == GH_ARRAY; }
  bool is_object() const { return type() == GH_OBJECT; }
  int type() const { return detail::json->type(node_); }

  Json operator[](View key) const { return Json(detail::json->get(node_, gatehouse::raw(key))); }
  /// The element; walks to it, so use a range-for for loops.
  Json at(std::size_t index) const { return Json(detail::json->at(node_, index)); }
  std::size_t size() const { return detail::json->count(node_); }

  View str(View otherwise = {}) const {
    const gh_str s = detail::json->str(node_);
    return s.p ? view(s) : otherwise;
  }
  std::int64_t integer(std::int64_t otherwise = 0) const {
    return detail::json->integer(node_, otherwise);
  }
  double real(double otherwise = 0) const { return detail::json->real(node_, otherwise); }
  bool boolean(bool otherwise = false) const {
    return detail::json->boolean(node_, otherwise) != 0;
  }

  /// A string such as "250ms", "10s", "5m" or "1h", at most 366 days (JSON Schema: "format":
  /// "duration"), as the configuration writes it.
  std::chrono::milliseconds duration(std::chrono::milliseconds otherwise) const {
    const auto value = parse_duration(str());
    return value ? *value : otherwise;
  }
  /// A string such as "512B", "64KiB" or "8MiB" (JSON Schema: "format": "size"), as the
  /// configuration writes it.
  std::size_t bytes(std::size_t otherwise) const {
    const auto value = parse_size(str());
    return value ? *value : otherwise;
  }
  static std::optional<std::chrono::milliseconds> parse_duration(View text);
  static std::optional<std::size_t> parse_size(View text);

  Iterator begin() const;  ///< The elements of an array, or the values of an object.
  Iterator end() const;
  Members members() const;  ///< for (auto [key, value] : json.members())

  /// Appends it as JSON text.
  void dump(std::string& out) const {
    detail::json->dump(node_, &out, [](void* to, gh_str piece) {
      static_cast<std::string*>(to)->append(piece.p, piece.n);
    });
  }
  std::string dump() const {
    std::string out;
    dump(out);
    return out;
  }

  const gh_json* raw() const { return node_; }

 protected:
  const gh_json* node_;
};

class Json::Iterator {
 public:
  Iterator(const gh_json* container, const gh_json* at) : container_(container), at_(at) {}
  Json operator*() const { return Json(at_); }
  Iterator& operator++() {
    at_ = detail::json->step(container_, at_, nullptr);
    return *this;
  }
  bool operator!=(const Iterator& other) const { return at_ != other.at_; }

 private:
  const gh_json* container_;
  const gh_json* at_;
};

class Json::Members {
 public:
  class Iterator {
   public:
    Iterator(const gh_json* container, bool end) : container_(container) {
      if (!end) ++*this;
    }
    std::pair<View, Json> operator*() const { return {view(key_), Json(at_)}; }
    Iterator& operator++() {
      at_ = detail::json->step(container_, at_, &key_);
      return *this;
    }
    bool operator!=(const Iterator& other) const { return at_ != other.at_; }

   private:
    const gh_json* container_;
    const gh_json* at_ = nullptr;
    gh_str key_{};
  };
  explicit Members(const gh_json* container) : container_(container) {}
  Iterator begin() const { return {container_, false}; }
  Iterator end() const { return {container_, true}; }

 private:
  const gh_json* container_;
};

inline Json::Iterator Json::begin() const {
  return {node_, detail::json->step(node_, nullptr, nullptr)};
}
inline Json::Iterator Json::end() const { return {node_, nullptr}; }
inline Json::Members Json::members() const { return Members(is_object() ? node_ : nullptr); }

/// A JSON value to read and write. Nodes stay where they are when the document grows.
class MutableJson : public Json {
 public:
  explicit MutableJson(gh_json* node = nullptr) : Json(node) {}

  /// The member to write to, created if need be; what is no object becomes one.
  MutableJson edit(View key) { return MutableJson(detail::json->edit(raw(), gatehouse::raw(key))); }
  /// A new last element; what is no array becomes one.
  MutableJson push() { return MutableJson(detail::json->push(raw())); }
  void erase(Json child) { (void)detail::json->erase(raw(), child.raw()); }

  void set_null() { detail::json->set_empty(raw(), GH_NULL); }
  void set_array() { detail::json->set_empty(raw(), GH_ARRAY); }
  void set_object() { detail::json->set_empty(raw(), GH_OBJECT); }
  void set(bool value) { detail::json->set_bool(raw(), value); }
  void set(int value) { detail::json->set_int(raw(), value); }
  void set(std::int64_t value) { detail::json->set_int(raw(), value); }
  void set(double value) { detail::json->set_real(raw(), value); }
  void set(View value) { detail::json->set_str(raw(), gatehouse::raw(value)); }
  void set(const char* value) { set(View(value)); }
  /// A deep copy; within one document strings are shared, not copied.
  void set(Json value) { detail::json->copy(raw(), value.raw()); }

  gh_json* raw() const { return const_cast<gh_json*>(node_); }
};

/// A JSON document of one's own.
class Document {
 public:
  Document() : root_(detail::json->make()) {}
  explicit Document(gh_json* root) : root_(root) {}  ///< Takes it over.
  static Result<Document> parse(View text) {
    gh_str error{};
    gh_json* root = detail::json->parse(gatehouse::raw(text), &error);
    if (!root) return Fail{400, "invalid_json", std::string(view(error)), {}};
    return Document(root);
  }
  MutableJson root() const { return MutableJson(root_.get()); }

 private:
  struct Drop {
    void operator()(gh_json* root) const { detail::json->drop(root); }
  };
  std::unique_ptr<gh_json, Drop> root_;
};

inline std::optional<std::chrono::milliseconds> Json::parse_duration(View text) {
  using std::chrono::milliseconds;
  constexpr std::int64_t kLongestMs = 366LL * 24 * 3'600'000;
  std::int64_t number = 0;
  std::size_t digits = 0;
  while (digits < text.size() && digits < 12 && text[digits] >= '0' && text[digits] <= '9')
    number = number * 10 + (text[digits++] - '0');
  const View unit = text.substr(digits);
  std::int64_t unit_ms = 0;
  if (unit == "ms") unit_ms = 1;
  if (unit == "s") unit_ms = 1000;
  if (unit == "m") unit_ms = 60'000;
  if (unit == "h") unit_ms = 3'600'000;
  if (digits == 0 || unit_ms == 0 || number > kLongestMs / unit_ms) return std::nullopt;
  return milliseconds(number * unit_ms);
}

inline std::optional<std::size_t> Json::parse_size(View text) {
  std::size_t number = 0;
  std::size_t digits = 0;
  while (digits < text.size() && digits < 9 && text[digits] >= '0' && text[digits] <= '9')
    number = number * 10 + static_cast<std::size_t>(text[digits++] - '0');
  const View unit = text.substr(digits);
  if (digits == 0) return std::nullopt;
  if (unit == "B") return number;
  if (unit == "KiB") return number << 10;
  if (unit == "MiB") return number << 20;
  if (unit == "GiB") return number << 30;
  return std::nullopt;
}

// ---- Events ------------------------------------------------------------------------------------

/// One event of an answer; the members that each kind uses are listed in abi.h.
class Event {
 public:
  Event(const gh_event& raw) : raw_(&raw) {}
  int kind() const { return raw_->kind; }
  bool has(int flag) const { return (raw_->flags & flag) != 0; }
  View id() const { return view(raw_->id); }
  View name() const { return view(raw_->name); }
  View text() const { return view(raw_->text); }
  Json json() const { return Json(raw_->json); }
  Json metadata() const { return Json(raw_->metadata); }
  const gh_event& raw() const { return *raw_; }

 private:
  const gh_event* raw_;
};

/// Makers of events, to be emitted at once: out.emit(event::text("Hello")).
namespace event {
inline gh_event make(int kind, int flags = 0) {
  gh_event e{};
  e.size = sizeof(gh_event);
  e.kind = static_cast<std::uint16_t>(kind);
  e.flags = static_cast<std::uint16_t>(flags);
  return e;
}
inline gh_event bytes(View text, bool last = false) {
  gh_event e = make(GH_EV_BYTES, last ? GH_LAST : 0);
  e.text = raw(text);
  return e;
}
inline gh_event step_start() { return make(GH_EV_STEP_START); }
inline gh_event text(View delta, Json metadata = Json()) {
  gh_event e = make(GH_EV_TEXT);
  e.text = raw(delta);
  e.metadata = metadata.raw();
  return e;
}
inline gh_event reasoning(View delta, Json metadata = Json()) {
  gh_event e = text(delta, metadata);
  e.kind = GH_EV_REASONING;
  return e;
}
inline gh_event tool_input_start(View id, View name, int flags = 0) {
  gh_event e = make(GH_EV_TOOL_INPUT_START, flags);
  e.id = raw(id);
  e.name = raw(name);
  return e;
}
inline gh_event tool_input_delta(View id, View json_text) {
  gh_event e = make(GH_EV_TOOL_INPUT_DELTA);
  e.id = raw(id);
  e.text = raw(json_text);
  return e;
}
inline gh_event tool_call(View id, View name, Json input, Json metadata = Json(), int flags = 0) {
  gh_event e = tool_input_start(id, name, flags);
  e.kind = GH_EV_TOOL_CALL;
  e.json = input.raw();
  e.metadata = metadata.raw();
  return e;
}
inline gh_event tool_call_error(View id, View name, Json input, View why, Json metadata = Json(),
                                int flags = 0) {
  gh_event e = tool_call(id, name, input, metadata, flags);
  e.kind = GH_EV_TOOL_CALL_ERROR;
  e.text = raw(why);
  return e;
}
inline gh_event tool_output(View id, Json output, int flags = 0) {
  gh_event e = make(GH_EV_TOOL_OUTPUT, flags);
  e.id = raw(id);
  e.json = output.raw();
  return e;
}
inline gh_event tool_output_error(View id, View why, int flags = 0) {
  gh_event e = make(GH_EV_TOOL_OUTPUT_ERROR, flags);
  e.id = raw(id);
  e.text = raw(why);
  return e;
}
inline gh_event source(View id, View url, View title = {}) {
  gh_event e = make(GH_EV_SOURCE);
  e.id = raw(id);
  e.text = raw(url);
  e.name = raw(title);
  return e;
}
inline gh_event file(View media_type, View base64, Json metadata = Json()) {
  gh_event e = make(GH_EV_FILE);
  e.name = raw(media_type);
  e.text = raw(base64);
  e.metadata = metadata.raw();
  return e;
}
inline gh_event usage(Json counts) {
  gh_event e = make(GH_EV_USAGE);
  e.json = counts.raw();
  return e;
}
inline gh_event step_finish(View reason) {
  gh_event e = make(GH_EV_STEP_FINISH);
  e.name = raw(reason);
  return e;
}
inline gh_event tool_approval(View id, View question) {
  gh_event e = make(GH_EV_TOOL_APPROVAL, GH_DYNAMIC);
  e.id = raw(id);
  e.text = raw(question);
  return e;
}
inline gh_event tool_denied(View id) {
  gh_event e = make(GH_EV_TOOL_DENIED, GH_DYNAMIC);
  e.id = raw(id);
  return e;
}
inline gh_event data(View kind, Json value) {
  gh_event e = make(GH_EV_DATA);
  e.name = raw(kind);
  e.json = value.raw();
  return e;
}
inline gh_event response(Json about) {
  gh_event e = make(GH_EV_RESPONSE);
  e.json = about.raw();
  return e;
}
}  // namespace event

/// Where events go. Derive from it to watch or change an answer: pass your sink to next() and
/// forward to `out`.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Not ok: the reader is gone or time is up; stop producing and return the status.
  virtual Status emit(Event event) = 0;

  /// Set for a sink of the host, so that passing it on costs nothing.
  virtual const gh_sink* host_sink() const { return nullptr; }
};

namespace detail {
class HostSink final : public Sink {
 public:
  explicit HostSink(const gh_sink* sink) : sink_(sink) {}
  Status emit(Event event) override { return Status(sink_->emit(sink_->self, &event.raw())); }
  const gh_sink* host_sink() const override { return sink_; }

 private:
  const gh_sink* sink_;
};
}  // namespace detail

// ---- Exchange, next ----------------------------------------------------------------------------

/// One request and its answer. Belongs to one thread.
class Exchange {
 public:
  explicit Exchange(gh_exchange* x) : x_(x) {}

  View method() const { return field(GH_METHOD); }
  View path() const { return field(GH_PATH); }    ///< Without the query; not decoded.
  View query() const { return field(GH_QUERY); }  ///< Without the question mark.
  View peer() const {
    return field(GH_PEER);
  }  ///< Address that the connection comes from, without the port.
  View client() const {
    return field(GH_CLIENT);
  }  ///< Address of the client, also behind trusted proxies.
  View request_id() const { return field(GH_REQUEST_ID); }
  View trace() const {
    return field(GH_TRACE);
  }  ///< The traceparent for what is asked on behalf of this request.
  /// What Host::route() gave for this method and path, or -1.
  int route() const { return detail::exchange->route(x_); }
  /// A request header, any case; several of one name are joined by ", ". Absent: data() is null.
  View header(View name) const { return view(detail::exchange->header(x_, gatehouse::raw(name))); }

  /// The whole request body; may wait for it. To be asked for before json(), which gives its bytes
  /// back (GH_ABSENT).
  Result<View> body() {
    gh_str out{};
    const gh_status s = detail::exchange->body(x_, &out);
    if (s != GH_OK) return Status(s);
    return view(out);
  }
  /// The body as JSON, parsed once for all plugins. Fails, with 415, if its Content-Type says that
  /// it is none.
  Result<MutableJson> json() {
    gh_json* out = nullptr;
    const gh_status s = detail::exchange->json(x_, &out);
    if (s != GH_OK) return Status(s);
    return MutableJson(out);
  }
  /// The chat document; empty above the ingress plugin.
  MutableJson chat() const { return MutableJson(detail::exchange->chat(x_, 0)); }
  /// [ingress, or above it] Creates the chat document, unless it is there.
  MutableJson make_chat() { return MutableJson(detail::exchange->chat(x_, 1)); }
  /// Facts about the request that all plugins share and the access log writes.
  MutableJson notes() const { return MutableJson(detail::exchange->notes(x_)); }

  int status() const { return detail::exchange->status(x_); }
  void set_status(int status) { detail::exchange->set_status(x_, status); }
  /// Replaces a header of the answer. Has no effect once the head has left.
  void set_header(View name, View value) {
    (void)detail::exchange->set_header(x_, gatehouse::raw(name), gatehouse::raw(value));
  }
  /// Answers with one whole body.
  Status reply(Sink& out, int status, View content_type, View body) {
    set_status(status);
    set_header("Content-Type", content_type);
    return out.emit(event::bytes(body, true));
  }
  bool committed() const { return detail::exchange->committed(x_) != 0; }
  Status flush() { return Status(detail::exchange->flush(x_)); }
  /// Sends `bytes` whenever the answer has been silent for `interval` while the host waits.
  void heartbeat(View bytes, std::chrono::nanoseconds interval) {
    detail::exchange->heartbeat(x_, gatehouse::raw(bytes), interval.count());
  }

  /// While `wanted`, a callable that returns bool, says so, the client neither slows nor ends this
  /// request; see abi.h. It must outlive the call of outlive(x) that ends this.
  template <class F>
  void outlive(F& wanted) {
    detail::exchange->outlive(
        x_, [](void* self) -> int { return (*static_cast<F*>(self))(); }, &wanted);
  }
  void outlive_no_longer() { detail::exchange->outlive(x_, nullptr, nullptr); }

  /// When the request must end, on the clock of Host::now(); the largest value: there is no such
  /// time.
  std::chrono::nanoseconds deadline() const {
    return std::chrono::nanoseconds(detail::exchange->deadline_ns(x_));
  }
  /// Not ok: the client is gone (GH_STOP), or the deadline passed or the gateway stops
  /// (GH_CANCELLED).
  Status cancelled() const { return Status(detail::exchange->cancelled(x_)); }
  /// The failure that the rest of the pipeline, or the host, left here; null if there is none.
  const gh_failure* failure() const { return detail::exchange->failure(x_); }

  gh_exchange* raw() const { return x_; }

 private:
  View field(int which) const { return view(detail::exchange->field(x_, which)); }
  gh_exchange* x_;
};

namespace detail {
/// Runs `body`, which returns a Status, on the plugin's side of the boundary: nothing is thrown
/// across.
template <class F>
gh_status guard(gh_exchange* x, F&& body) noexcept {
  const auto fail = [x](const Fail& f) {
    if (!x) return gh_status(GH_FAILED);
    gh_failure out{};
    out.size = sizeof out;
    out.http_status = f.http_status;
    out.code = raw(f.code);
    out.message = raw(f.message);
    out.detail = raw(f.detail);
    out.retry_after_ns = f.retry_after.count();
    out.flags = f.flags;
    return exchange->fail(x, &out);
  };
  try {
    const Status status = body();
    return status.fail() ? fail(*status.fail()) : status.code();
  } catch (const std::exception& e) {
    return fail({500, "plugin_error", "The request could not be processed.", e.what()});
  } catch (...) {
    return fail({500, "plugin_error", "The request could not be processed.", "unknown exception"});
  }
}
}  // namespace detail

/// The rest of the pipeline: next(x, out). Call it zero, one or more times, one after another,
/// inside handle() only.
class Next {
 public:
  explicit Next(const gh_next* next) : next_(next) {}
  Next(const Next&) = delete;
  Next& operator=(const Next&) = delete;

  Status operator()(Exchange& x, Sink& out) const {
    if (const gh_sink* host = out.host_sink())
      return Status(next_->call(next_->self, x.raw(), host));
    struct Context {
      gh_exchange* x;
      Sink& sink;
    } context{x.raw(), out};
    const gh_sink sink{sizeof(gh_sink), &context, [](void* self, const gh_event* e) {
                         auto& c = *static_cast<Context*>(self);
                         return detail::guard(c.x, [&] { return c.sink.emit(Event(*e)); });
                       }};
    return Status(next_->call(next_->self, x.raw(), &sink));
  }

 private:
  const gh_next* next_;
};

// ---- Metrics -----------------------------------------------------------------------------------

/// One series of numbers of GET /metrics. Copies are the same series. Any thread.
class Series {
 public:
  Series() = default;
  Series(const gh_host* host, std::int32_t id) : host_(host), id_(id) {}
  /// Adds to a counter, sets a gauge, counts a value in a histogram.
  void record(double value = 1) const {
    if (host_) host_->record(host_, id_, value);
  }

 private:
  const gh_host* host_ = nullptr;
  std::int32_t id_ = -1;
};

// ---- Host --------------------------------------------------------------------------------------

/// The gateway, as one plugin instance sees it. Alive as long as the instance. Any thread.
class Host {
 public:
  explicit Host(const gh_host* host) : host_(host) {}

  View version() const { return view(host_->version); }
  View instance() const { return view(host_->instance); }

  /// [constructor only] Tells the operator what is wrong at a JSON pointer of the configuration,
  /// e.g. "/base_url". The instance is then not used, so the constructor may go on to find more.
  void problem(View pointer, View message) const {
    host_->problem(host_, raw(pointer), raw(message));
  }
  /// [constructor only] Tells the operator what works and yet is likely not what is wanted, e.g. a
  /// model that ends soon.
  void warning(View pointer, View message) const {
    host_->warning(host_, raw(pointer), raw(message));
  }
  /// [constructor only] Claims a method and a path, in which one `*` stands for any characters; see
  /// Exchange::route().
  int route(View method, View path) const { return host_->route(host_, raw(method), raw(path)); }

  /// [constructor only] As route(), at "/INSTANCE" + path of the admin address. Callers have shown
  /// the admin token.
  int admin_route(View method, View path) const {
    return host_->admin_route(host_, raw(method), raw(path));
  }
  /// [constructor only] host.background<&Self::watch>(this): calls watch(Exchange&) on a thread of
  /// its own when the instance begins to serve. It must return when host.sleep(), or whatever else
  /// it waits in, says that the instance ends.
  template <auto Method, class P>
  void background(P* self) const {
    host_->background(
        host_,
        [](void* plugin, gh_exchange* raw_x) {
          (void)detail::guard(raw_x, [&] {
            Exchange x(raw_x);
            (static_cast<P*>(plugin)->*Method)(x);
            return Status();
          });
        },
        self);
  }
  /// Finds or creates a series; see abi.h for kinds and names. A look-up: do it in the constructor
  /// where the labels are known.
  Series series(int kind, View name, View help,
                std::initializer_list<std::pair<View, View>> labels = {}) const {
    std::array<gh_label, 8> raw_labels{};
    std::size_t count = 0;
    for (const auto& [key, value] : labels) {
      if (count < raw_labels.size()) raw_labels[count++] = {raw(key), raw(value)};
    }
    return {host_, host_->series(host_, kind, raw(name), raw(help), raw_labels.data(), count)};
  }
  /// A YAML or JSON file, by a path relative to the folder of the configuration, checked by a JSON
  /// Schema. Nothing: `problems` has a line with file and place for each thing that is wrong.
  std::optional<Document> load(View path, View schema, std::vector<std::string>& problems) const {
    gh_json* const root =
        host_->load(host_, raw(path), raw(schema), &problems, [](void* to, gh_str line) {
          static_cast<std::vector<std::string>*>(to)->emplace_back(view(line));
        });
    if (!root) return std::nullopt;
    return Document(root);
  }

  /// Changes whenever that file does; 0: there is none.
  std::uint64_t stamp(View path) const { return host_->stamp(host_, raw(path)); }
  /// Other machines can reach the gateway.
  bool is_exposed() const { return host_->exposed != 0; }

  void debug(View message, Json fields = Json()) const { log(GH_DEBUG, nullptr, message, fields); }
  void info(View message, Json fields = Json()) const { log(GH_INFO, nullptr, message, fields); }
  void warn(View message, Json fields = Json()) const { log(GH_WARN, nullptr, message, fields); }
  void error(View message, Json fields = Json()) const { log(GH_ERROR, nullptr, message, fields); }
  /// With the id of the request.
  void log(int level, const Exchange* x, View message, Json fields = Json()) const {
    host_->log(host_, level, x ? x->raw() : nullptr, raw(message), fields.raw());
  }

  void health(int state, View reason = {}) const { host_->health(host_, state, raw(reason)); }
  std::chrono::nanoseconds now() const { return std::chrono::nanoseconds(host_->now_ns(host_)); }
  std::chrono::nanoseconds wall() const { return std::chrono::nanoseconds(host_->wall_ns(host_)); }
  /// Ends early when the client leaves, the deadline passes or the gateway stops.
  Status sleep(const Exchange& x, std::chrono::nanoseconds time) const {
    return Status(host_->sleep(host_, x.raw(), time.count()));
  }

  /// A table of this id, or null. Prefer the types that wrap one, such as Http.
  const void* extension(const char* id) const { return host_->extension(host_, id); }
  const gh_host* raw_host() const { return host_; }

 private:
  const gh_host* host_;
};

// ---- How a request ended -----------------------------------------------------------------------

/// For those who count or log requests: what next() returned, in words.
struct Outcome {
  View word;   ///< ok; failed; left: the client did, before the end; cut: by the time limit or the
               ///< end of the gateway.
  View code;   ///< Of a failure, until the next call of next(), or why it was cut:
               ///< deadline_exceeded, shutting_down. Else empty.
  int status;  ///< What the client got. 499: nothing, as it had left (nginx).
};
inline Outcome outcome_of(Host host, const Exchange& x, const Status& status) {
  const auto got = [&x](int otherwise) { return x.committed() ? x.status() : otherwise; };
  if (status) return {x.status() < 400 ? "ok" : "failed", {}, x.status()};
  if (status.code() == GH_STOP) return {"left", {}, got(499)};
  if (status.code() == GH_CANCELLED) {
    return x.deadline() <= host.now() ? Outcome{"cut", "deadline_exceeded", got(504)}
                                      : Outcome{"cut", "shutting_down", got(503)};
  }
  const gh_failure* const failure = x.failure();
  return failure ? Outcome{"failed", view(failure->code), got(failure->http_status)}
                 : Outcome{"failed", {}, got(500)};
}

/// Milliseconds with one decimal, as logs and notes write a time.
inline double in_ms(std::chrono::nanoseconds time) {
  return static_cast<double>((time.count() + 50'000) / 100'000) / 10;
}

// ---- HTTP client -------------------------------------------------------------------------------

/// An answer of an upstream. Closing it before its end was read ends the upstream's request. One
/// thread.
class HttpAnswer {
 public:
  HttpAnswer(const gh_http_api* api, gh_http_answer* answer) : api_(api), answer_(answer, {api}) {}

  int status() const { return api_->status(answer_.get()); }
  View header(View name) const { return view(api_->header(answer_.get(), raw(name))); }
  /// Name and value of the header at this place, or nothing past the last: for one that comes
  /// several times, as Set-Cookie.
  std::optional<std::pair<View, View>> header_at(std::size_t index) const {
    gh_str name{}, value{};
    if (api_->header_at(answer_.get(), index, &name, &value) != GH_OK) return std::nullopt;
    return std::pair(view(name), view(value));
  }
  /// The next piece of the body, or an empty optional at its proper end.
  Result<std::optional<View>> read() {
    gh_str piece{};
    const gh_status s = api_->read(answer_.get(), &piece);
    if (s == GH_ABSENT) return std::optional<View>();
    if (s != GH_OK) return Status(s);
    return std::optional<View>(view(piece));
  }
  /// The next server-sent event, or an empty optional at the proper end of the body.
  Result<std::optional<gh_sse_event>> next_event() {
    gh_sse_event e{};
    e.size = sizeof e;
    e.retry_ns = -1;
    const gh_status s = api_->event(answer_.get(), &e);
    last_id_ = view(e.id);
    retry_ = std::chrono::nanoseconds(e.retry_ns);
    if (s == GH_ABSENT) return std::optional<gh_sse_event>();
    if (s != GH_OK) return Status(s);
    return std::optional<gh_sse_event>(e);
  }

  /// The last id that the stream has named, also without an event; until the next call of
  /// next_event().
  View last_id() const { return last_id_; }
  /// How long the stream's server wants to be left alone before the stream is asked for again;
  /// negative: it has not said.
  std::chrono::nanoseconds retry() const { return retry_; }

 private:
  struct Close {
    const gh_http_api* api;
    void operator()(gh_http_answer* answer) const { api->close(answer); }
  };
  const gh_http_api* api_;
  std::unique_ptr<gh_http_answer, Close> answer_;
  View last_id_;
  std::chrono::nanoseconds retry_{-1};
};

/// The host's HTTP client for one origin. Open it in the plugin's constructor. Any thread.
class Http {
 public:
  struct Options {
    std::string base_url;
    std::chrono::nanoseconds connect, first_byte, idle;
  };
  /// Reports a bad base_url as a problem of the configuration at `pointer`.
  Http(Host host, const Options& options, View pointer)
      : api_(static_cast<const gh_http_api*>(host.extension(GH_HTTP_1))), client_(nullptr, {api_}) {
    if (!api_) {
      host.problem("", "this gateway has no " GH_HTTP_1);
      return;
    }
    gh_http_options o{};
    o.size = sizeof o;
    o.base_url = raw(options.base_url);
    o.connect_ns = options.connect.count();
    o.first_byte_ns = options.first_byte.count();
    o.idle_ns = options.idle.count();
    gh_str error{};
    client_.reset(api_->open(host.raw_host(), &o, &error));
    if (!client_) host.problem(pointer, view(error));
  }

  /// Sends a request and waits for the head of its answer. `path` is appended to that of base_url.
  /// `first_byte`: in place of that of the options, unless 0. `event`: longest time until the next
  /// event of a stream, unless 0; comments in it do not count.
  Result<HttpAnswer> send(Exchange& x, View method, View path,
                          const std::vector<std::pair<View, View>>& headers, View body,
                          std::chrono::nanoseconds first_byte = {},
                          std::chrono::nanoseconds event = {}) const {
    std::vector<gh_http_header> raw_headers;
    raw_headers.reserve(headers.size());
    for (const auto& [name, value] : headers) raw_headers.push_back({raw(name), raw(value)});
    gh_http_request request{};
    request.size = sizeof request;
    request.method = raw(method);
    request.path = raw(path);
    request.headers = raw_headers.data();
    request.header_count = raw_headers.size();
    request.body = raw(body);
    request.first_byte_ns = first_byte.count();
    request.event_ns = event.count();
    gh_http_answer* answer = nullptr;
    const gh_status s = api_->send(client_.get(), x.raw(), &request, &answer);
    if (s != GH_OK) return Status(s);
    return HttpAnswer(api_, answer);
  }

 private:
  struct Drop {
    const gh_http_api* api;
    void operator()(gh_http_client* client) const { api->drop(client); }
  };
  const gh_http_api* api_;
  std::unique_ptr<gh_http_client, Drop> client_;
};

// ---- Store -------------------------------------------------------------------------------------

/// Keys and values that outlive requests and reloads, shared by all gateways with the same
/// `store:`. Each instance name has its own keys. Any thread. A status of GH_UNAVAILABLE: the store
/// is down; the plugin's settings say what that means.
class Store {
 public:
  explicit Store(Host host)
      : host_(host.raw_host()), api_(static_cast<const gh_store_api*>(host.extension(GH_STORE_1))) {
    if (!api_) host.problem("", "this gateway has no " GH_STORE_1);
  }

  /// Nothing: no such key.
  Result<std::optional<std::string>> get(Exchange& x, View key) const {
    std::string value;
    const gh_status s = api_->get(host_, x.raw(), raw(key), &value, [](void* to, gh_str v) {
      *static_cast<std::string*>(to) = view(v);
    });
    if (s == GH_ABSENT) return std::optional<std::string>();
    if (s != GH_OK) return Status(s);
    return std::optional<std::string>(std::move(value));
  }
  Status put(Exchange& x, View key, View value, std::chrono::nanoseconds ttl) const {
    return Status(api_->put(host_, x.raw(), raw(key), raw(value), ttl.count()));
  }
  /// Adds to a counter, which ends `ttl` after it began with 0. The sum.
  Result<std::int64_t> add(Exchange& x, View key, std::int64_t by,
                           std::chrono::nanoseconds ttl) const {
    std::int64_t total = 0;
    const gh_status s = api_->add(host_, x.raw(), raw(key), by, ttl.count(), &total);
    if (s != GH_OK) return Status(s);
    return total;
  }
  /// Takes one from each quota (true), or none from any (false), and fills in what is left.
  Result<bool> take(Exchange& x, std::vector<gh_quota>& quotas) const {
    return granted(api_->take(host_, x.raw(), quotas.data(), quotas.size()));
  }
  /// As take(), counted by this process alone, for when the store is down.
  Result<bool> take_here(Exchange& x, std::vector<gh_quota>& quotas) const {
    return granted(api_->take_here(host_, x.raw(), quotas.data(), quotas.size()));
  }
  /// The highest limit of a quota that this store can count.
  std::int64_t max_limit() const { return api_->max_limit(host_); }
  Status erase(Exchange& x, View key) const {
    return Status(api_->erase(host_, x.raw(), raw(key)));
  }
  /// Erases the keys that begin with `prefix`.
  Status clear(Exchange& x, View prefix = {}) const {
    return Status(api_->clear(host_, x.raw(), raw(prefix)));
  }

 private:
  static Result<bool> granted(gh_status s) {
    if (s != GH_OK && s != GH_ABSENT) return Status(s);
    return s == GH_OK;
  }

  const gh_host* host_;
  const gh_store_api* api_;
};

// ---- Waiting for another thread ----------------------------------------------------------------

/// Lets one thread wait for another, or for descriptors, as the host waits: woken also when the
/// client leaves or time is up.
class Waker {
 public:
  explicit Waker(Host host)
      : api_(static_cast<const gh_wait_api*>(host.extension(GH_WAIT_1))),
        waker_(api_ ? api_->make(host.raw_host()) : nullptr, {api_}) {}

  /// False: the host cannot make one just now.
  explicit operator bool() const { return waker_ != nullptr; }
  /// Any thread. Ends the wait that is on, or else the next one.
  void wake() const { api_->wake(waker_.get()); }
  /// One thread at a time. False: not woken in time.
  Result<bool> wait(Exchange& x, std::chrono::nanoseconds time) const {
    return wait(x, nullptr, 0, time);
  }
  /// Waits for descriptors of the plugin's own as well, such as the pipes of a child process: at
  /// most 8.
  template <std::size_t N>
  Result<bool> wait(Exchange& x, std::array<gh_fd, N>& fds, std::chrono::nanoseconds time) const {
    return wait(x, fds.data(), N, time);
  }

 private:
  Result<bool> wait(Exchange& x, gh_fd* fds, std::size_t count,
                    std::chrono::nanoseconds time) const {
    const gh_status s = api_->wait(waker_.get(), x.raw(), fds, count, time.count());
    if (s != GH_OK && s != GH_ABSENT) return Status(s);
    return s == GH_OK;
  }
  struct Drop {
    const gh_wait_api* api;
    void operator()(gh_waker* waker) const { api->drop(waker); }
  };
  const gh_wait_api* api_;
  std::unique_ptr<gh_waker, Drop> waker_;
};

/// Work for a request on another thread, so that several things can be waited for at once. It has
/// an exchange of its own, which ends when the request does. Join it before handle() returns.
class Task {
 public:
  /// `work` is a callable that takes Exchange&, and outlives the task. `deadline` on the clock of
  /// Host::now().
  template <class F>
  Task(Host host, Exchange& parent, std::chrono::nanoseconds deadline, F& work)
      : api_(static_cast<const gh_wait_api*>(host.extension(GH_WAIT_1))) {
    if (!api_) return;
    task_ = api_->start(
        host.raw_host(), parent.raw(), deadline.count(),
        [](void* self, gh_exchange* raw_x) {
          (void)detail::guard(raw_x, [&] {
            Exchange x(raw_x);
            (*static_cast<F*>(self))(x);
            return Status();
          });
        },
        &work);
  }
  Task(Task&& other) noexcept : api_(other.api_), task_(std::exchange(other.task_, nullptr)) {}
  Task(const Task&) = delete;

  /// False: there is no thread for it just now.
  explicit operator bool() const { return task_ != nullptr; }
  /// Returns when the work has returned. Not ok: the request was cancelled meanwhile.
  Status join(Exchange& parent) {
    return task_ ? Status(api_->join(std::exchange(task_, nullptr), parent.raw())) : Status();
  }

 private:
  const gh_wait_api* api_;
  gh_task* task_ = nullptr;
};

// ---- Cryptography ------------------------------------------------------------------------------

using Digest = std::array<std::uint8_t, 32>;

/// As lower-case hexadecimal digits.
inline std::string hex(const Digest& digest) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : digest) {
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

/// Takes the same time wherever they differ. Their length is no secret.
inline bool equal_in_constant_time(View a, View b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  return *const_cast<volatile unsigned char*>(&difference) == 0;
}

/// The host's cryptography. Any thread.
class Crypto {
 public:
  explicit Crypto(Host host)
      : api_(static_cast<const gh_crypto_api*>(host.extension(GH_CRYPTO_1))) {
    if (!api_) host.problem("", "this gateway has no " GH_CRYPTO_1);
  }
  Digest sha256(std::initializer_list<View> pieces) const {
    gh_hash* const hash = api_->begin();
    for (const View piece : pieces) api_->update(hash, raw(piece));
    return finish(hash);
  }
  /// Of the JSON text of a value, without making that text, after `prefix`.
  Digest sha256(View prefix, Json json) const {
    struct To {
      const gh_crypto_api* api;
      gh_hash* hash;
    } to{api_, api_->begin()};
    api_->update(to.hash, raw(prefix));
    detail::json->dump(json.raw(), &to, [](void* self, gh_str piece) {
      static_cast<To*>(self)->api->update(static_cast<To*>(self)->hash, piece);
    });
    return finish(to.hash);
  }
  Digest hmac_sha256(View key, View text) const {
    Digest digest;
    api_->hmac(raw(key), raw(text), digest.data());
    return digest;
  }

 private:
  Digest finish(gh_hash* hash) const {
    Digest digest;
    api_->finish(hash, digest.data());
    return digest;
  }
  const gh_crypto_api* api_;
};

// ---- Status ------------------------------------------------------------------------------------

/// What the gateway knows about itself. Any thread.
class GatewayStatus {
 public:
  explicit GatewayStatus(Host host)
      : host_(host.raw_host()),
        api_(static_cast<const gh_status_api*>(host.extension(GH_STATUS_1))) {
    if (!api_) host.problem("", "this gateway has no " GH_STATUS_1);
  }
  /// Members: sdk/README.md.
  void report(MutableJson into) const { api_->report(host_, into.raw()); }
  /// All series, in the Prometheus text format 0.0.4.
  std::string metrics() const {
    std::string out;
    api_->metrics(host_, &out, append);
    return out;
  }
  /// The value of a Server-Timing header.
  std::string timing(const Exchange& x) const {
    std::string out;
    api_->timing(x.raw(), &out, append);
    return out;
  }

 private:
  static void append(void* to, gh_str text) {
    static_cast<std::string*>(to)->append(text.p, text.n);
  }
  const gh_host* host_;
  const gh_status_api* api_;
};

// ---- Plugin ------------------------------------------------------------------------------------

/// A plugin. Its constructor takes (Host, Json config) and runs on the control thread; handle()
/// runs on many threads at once, so a member needs a lock or a reason not to. Optional: void
/// adopt(Derived& older), called on a reload; void refused(Exchange&), called on many threads at
/// once for requests that the server refuses itself: see gh_plugin.
class Plugin {
 public:
  virtual ~Plugin() = default;
  virtual Status handle(Exchange& x, Sink& out, Next& next) = 0;
};

namespace detail {
template <class P, class = void>
struct Adopts : std::false_type {};
template <class P>
struct Adopts<P, std::void_t<decltype(std::declval<P&>().adopt(std::declval<P&>()))>>
    : std::true_type {};
template <class P, class = void>
struct HearsRefusals : std::false_type {};
template <class P>
struct HearsRefusals<P,
                     std::void_t<decltype(std::declval<P&>().refused(std::declval<Exchange&>()))>>
    : std::true_type {};

template <class P>
struct Glue {
  static gh_status create(const gh_host* host, const gh_json* config, void** self) {
    if (!json) json = host->json;
    if (!exchange) exchange = host->exchange;
    try {
      *self = new P(Host(host), Json(config));
      return GH_OK;
    } catch (const std::exception& e) {
      host->problem(host, raw(""), raw(e.what()));
    } catch (...) {
      host->problem(host, raw(""), raw("unknown exception"));
    }
    return GH_FAILED;
  }
  static gh_status handle(void* self, gh_exchange* x, const gh_sink* out, const gh_next* next) {
    return guard(x, [&] {
      Exchange request(x);
      HostSink sink(out);
      Next rest(next);
      return static_cast<P*>(self)->handle(request, sink, rest);
    });
  }
  static gh_status adopt(void* self, void* older) {
    return guard(nullptr, [&] {
      if constexpr (Adopts<P>::value) static_cast<P*>(self)->adopt(*static_cast<P*>(older));
      return Status();
    });
  }
  static void destroy(void* self) {
    (void)guard(nullptr, [&] {
      delete static_cast<P*>(self);
      return Status();
    });
  }
  static void refused(void* self, gh_exchange* raw_x) {
    (void)guard(raw_x, [&] {
      Exchange x(raw_x);
      if constexpr (HearsRefusals<P>::value) static_cast<P*>(self)->refused(x);
      return Status();
    });
  }
  static constexpr gh_plugin describe(const char* name, const char* version, const char* summary,
                                      const char* schema, std::uint16_t flags) {
    return {GH_MAGIC,
            sizeof(gh_plugin),
            GH_ABI_MAJOR,
            GH_ABI_MINOR,
            GATEHOUSE_NEEDS,
            flags,
            name,
            version,
            summary,
            schema,
            create,
            handle,
            adopt,
            destroy,
            HearsRefusals<P>::value ? refused : nullptr};
  }
};
}  // namespace detail

}  // namespace v1
}  // namespace gatehouse

/// Once per plugin, outside any namespace. NAME, VERSION, SUMMARY and SCHEMA are string literals;
/// gatehouse_add_plugin() makes GATEHOUSE_SCHEMA from schema.json. FLAGS: 0, or GH_PLUGIN_...
/// joined by |. With GATEHOUSE_STATIC defined the plugin is linked into a test: the symbol is then
/// a static one and there is no note.
#ifdef GATEHOUSE_STATIC
#define GATEHOUSE_PLUGIN(P, NAME, VERSION, SUMMARY, SCHEMA, FLAGS)     \
  [[maybe_unused]] static const gh_plugin gatehouse_plugin_v1_static = \
      ::gatehouse::detail::Glue<P>::describe(NAME, VERSION, SUMMARY, SCHEMA, FLAGS);
#else
#define GATEHOUSE_PLUGIN(P, NAME, VERSION, SUMMARY, SCHEMA, FLAGS) \
  extern "C" GATEHOUSE_NOTE(NAME, VERSION, SUMMARY, SCHEMA);       \
  extern "C" GH_EXPORT const gh_plugin gatehouse_plugin_v1 =       \
      ::gatehouse::detail::Glue<P>::describe(NAME, VERSION, SUMMARY, SCHEMA, FLAGS);
#endif
