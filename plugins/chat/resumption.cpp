/// A chat whose response can be resumed is recorded below the server: what goes to the client goes
/// into a Recording first. When the client leaves, the host asks on the request's thread whether
/// the request is still wanted, and the recording decides. From then on nothing is sent to the
/// client, and the plugins below notice nothing. A request that resumes it reads the recording; it
/// is found by a digest of caller and chat, so nobody else's request finds it.
#include "resumption.h"

#include <algorithm>

#include "gatehouse/toolkit/data_url.hpp"
#include "gatehouse/toolkit/owner.hpp"
#include "ui_stream.h"

namespace gatehouse::plugins::chat {
namespace {

constexpr std::chrono::seconds kLeastShared{10};

/// Records what passes, and passes it on as long as the client is there.
class Recorder final : public Sink {
 public:
  Recorder(Recording& recording, Sink& out) : recording_(recording), out_(out) {}

  Status emit(Event e) override {
    const bool is_last = e.has(GH_LAST);
    if (recording_.is_stopped() && !is_last) return Status(GH_STOP);
    recording_.append(e.text(), is_last);
    if (!recording_.client_has_left()) {
      if (is_last) recording_.set_received(true);
      Status status = out_.emit(e);
      if (status.code() != GH_STOP) return status;
    }
    return recording_.runs_on() || is_last ? Status() : Status(GH_STOP);
  }

 private:
  Recording& recording_;
  Sink& out_;
};

View chat_of(const Exchange& x) {
  constexpr View kBefore = "/api/chat/", kAfter = "/stream";
  const View path = x.path();
  return path.substr(kBefore.size(), path.size() - kBefore.size() - kAfter.size());
}

/// Any other status would put the page into an error.
Status nothing(Exchange& x, Sink& out) {
  x.set_status(204);
  return out.emit(event::bytes({}, true));
}

}  // namespace

/// One request, from before its response until its end.
class Resumption::Run {
 public:
  Run(Resumption& of, Exchange& x, Sink& out, View id)
      : of_(of),
        x_(x),
        key_(of.key_of(x, id)),
        recording_(std::make_shared<Recording>(of.host_, of.recordings_->capacity, of.max_bytes_,
                                               of.keep_, x.request_id())),
        recorder_(*recording_, out) {
    if (of_.relay_) of_.relay_->announce(x, key_, recording_->id());
    of_.recordings_->put(key_, recording_);
    of_.share_.outlive(x_, is_wanted_);
  }
  ~Run() {
    recording_->end();
    is_wanted_ = [] { return true; };  // until all is published
    if (publication_) (void)publication_->join(x_);
    of_.share_.end(x_);
    if (recording_->is_open()) return;
    of_.set_received(x_, key_, recording_->id(), true);
    of_.recordings_->remove(key_, *recording_);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Sink& sink() { return recorder_; }

  /// What the request returns whose response has ended with `status`.
  Status end(Status status) {
    const bool is_stopped = status.code() == GH_STOP && recording_->is_stopped();
    if (is_stopped) {
      x_.notes().edit("stopped").set(true);
      if (!x_.committed()) UiStream::write_head(x_);
      status = recorder_.emit(event::bytes(UiStream::stopped_end(), true));
    }
    const bool is_there = !recording_->client_has_left();
    if (is_there && of_.is_flushed(x_)) return status;
    if (is_there) recording_->set_received(false);
    if (recording_->runs_on()) publish();  // it waits for its client
    report(is_stopped ? View("stopped") : result_of(status));
    return status ? Status(GH_STOP) : std::move(status);
  }

 private:
  void publish() {
    if (of_.relay_ && !publication_) publication_.emplace(of_.host_, x_, x_.deadline(), publish_);
  }
  View result_of(const Status& status) const {
    if (status) return "completed";
    const View reason = recording_->reason();
    return status.code() == GH_STOP && !reason.empty() ? reason : View("failed");
  }
  void report(View result) {
    x_.notes().edit("after_client_left").set(result);
    const auto at = std::find(kEnds.begin(), kEnds.end(), result);
    of_.ends_[static_cast<std::size_t>(at - kEnds.begin())].record();
  }

  Resumption& of_;
  Exchange& x_;
  const std::string key_;
  const std::shared_ptr<Recording> recording_;
  Recorder recorder_;
  std::function<bool()> is_wanted_ = [this] {
    if (!of_.client_.has_left(x_) || !recording_->runs_on()) return false;
    publish();
    return true;
  };
  std::function<void(Exchange&)> publish_ = [this](Exchange& task) {
    of_.relay_->publish(task, *recording_);
  };
  std::optional<Task> publication_;  // from when the client has left
};

Status Resumption::run(Exchange& x, Sink& out, View id,
                       const std::function<Status(Sink&)>& respond) {
  if (!is_on() || id.empty()) return respond(out);
  Run run(*this, x, out, id);
  return run.end(respond(run.sink()));
}

Status Resumption::resume(Exchange& x, Sink& out) {
  const std::string key = key_of(x, percent_decode(chat_of(x)));
  const std::string id = last_of(x, key);
  Status status = id.empty() ? nothing(x, out) : resume(x, out, key, id);
  const bool is_resumed = x.status() == 200 && x.committed();
  if (is_resumed && !status && status.code() != GH_STOP)
    (void)out.emit(event::bytes(UiStream::failed_end(), true));
  (is_resumed ? resumed_ : not_resumed_).record();
  if (is_resumed) x.notes().edit("resumes").set(Recording::request_of(id));
  return status;
}

Status Resumption::resume(Exchange& x, Sink& out, const std::string& key, const std::string& id) {
  const auto recording = recordings_->find(key);
  if (!recording || recording->id() != id) {
    if (!relay_) return nothing(x, out);
    Relay::Reader reader(*relay_, id);
    return pass_on(x, out, reader, key, id);
  }
  if (!recording->is_open()) return nothing(x, out);
  const Waker waker(host_);
  if (!waker) {
    return Fail{503, "overloaded", "The gateway cannot resume a response at the moment; try again.",
                "no descriptor is left"};
  }
  Recording::Reader reader(*recording, waker);
  return pass_on(x, out, reader, key, id);
}

/// Passes on what `reader` reads, of either kind, to the end of the response.
template <class Reader>
Status Resumption::pass_on(Exchange& x, Sink& out, Reader& reader, const std::string& key,
                           View id) {
  for (;;) {
    auto piece = reader.read(x);
    if (!piece) return piece.error();
    if (piece->end != Recording::End::none) return pass_last_on(x, out, *piece, key, id);
    if (piece->bytes.empty()) continue;
    if (!x.committed()) UiStream::write_head(x);
    if (Status status = out.emit(event::bytes(piece->bytes)); !status) return status;
  }
}

/// The client may be back before flush() has returned, so what it receives is removed before.
Status Resumption::pass_last_on(Exchange& x, Sink& out, const Recording::Piece& piece,
                                const std::string& key, View id) {
  const bool is_cut = piece.end == Recording::End::cut;
  if (is_cut && !x.committed()) return nothing(x, out);  // it has failed before its first byte
  if (!x.committed()) UiStream::write_head(x);
  set_received(x, key, id, true);
  Status status = out.emit(event::bytes(piece.bytes, !is_cut));
  if (!status || !is_flushed(x)) set_received(x, key, id, false);
  if (status && is_cut) {
    return Fail{502, "resume_cut", "The response broke off; send the message again.",
                "its request has ended, or this client was too slow for resume_buffer"};
  }
  return status;
}

/// The id of the chat's last recording; empty: it has none.
std::string Resumption::last_of(Exchange& x, const std::string& key) {
  if (relay_) {
    if (auto last = relay_->find(x, key)) return std::move(*last);
  }
  const auto recording = recordings_->find(key);
  return recording ? recording->id() : std::string();
}

void Resumption::set_received(Exchange& x, const std::string& key, View id, bool received) {
  if (relay_ && received) relay_->forget(x, key, id);
  if (relay_ && !received) relay_->put(x, key, id);
  const auto recording = recordings_->find(key);
  if (recording && recording->id() == id) recording->set_received(received);
}

/// The response is the same whether or not there is a chat, or whose it is.
Status Resumption::stop(Exchange& x, Sink& out) {
  const std::string key = key_of(x, percent_decode(chat_of(x)));
  const std::string id = last_of(x, key);
  if (id.empty()) return nothing(x, out);
  x.notes().edit("stops").set(Recording::request_of(id));
  if (const auto recording = recordings_->find(key); recording && recording->id() == id) {
    recording->stop();
  } else if (relay_) {
    relay_->stop(x, id);
  }
  if (relay_) relay_->forget(x, key, id);
  return nothing(x, out);
}

void Resumption::forget(Exchange& x) {
  while (host_.sleep(x, std::chrono::seconds(1))) {
    recordings_->remove_expired();
    bytes_.record(static_cast<double>(recordings_->capacity.bytes()));
    running_.record(static_cast<double>(recordings_->capacity.running()));
  }
}

void Resumption::adopt(Resumption& older) {
  recordings_ = older.recordings_;
  recordings_->capacity.set(limits_);
}

/// A digest: as a key of the store, and since headers may be secrets.
std::string Resumption::key_of(const Exchange& x, View id) const {
  std::string text;
  quote(text, id);
  quote(text, x.caller().key);
  return hex(crypto_.sha256({text, owner_of(x)}));
}

Resumption::Resumption(Host host, Json config)
    : host_(host),
      share_(host),
      client_(host),
      crypto_(host),
      keep_(config["resume"].duration()),
      max_bytes_(static_cast<std::size_t>(config["resume_buffer"].bytes())),
      limits_{static_cast<std::int64_t>(config["resume_memory"].bytes()),
              config["resume_running"].integer()},
      recordings_(std::make_shared<Recordings>(limits_)) {
  if (!is_on()) return;
  if (config["resume_shared"].boolean()) {
    relay_.emplace(host, keep_);
    if (keep_ < kLeastShared) {
      host.problem("/resume",
                   "must be at least 10s with resume_shared, since gateways learn of each "
                   "other's readers with a delay");
    }
  }
  const auto series = [&host](int kind, View name, View help) {
    return Series(host, kind, name, help, {{"plugin", host.instance()}});
  };
  for (std::size_t i = 0; i < kEnds.size(); ++i) {
    ends_[i] = Series(host, GH_COUNTER, "gatehouse_chat_left_total",
                      "Chats whose client left before the end, by what became of them.",
                      {{"plugin", host.instance()}, {"result", kEnds[i]}});
  }
  const auto resumes = [&host](View result) {
    return Series(host, GH_COUNTER, "gatehouse_chat_resumes_total",
                  "Requests to resume a response, by whether there was one.",
                  {{"plugin", host.instance()}, {"result", result}});
  };
  resumed_ = resumes("resumed");
  not_resumed_ = resumes("none");
  bytes_ =
      series(GH_GAUGE, "gatehouse_chat_recorded_bytes", "Memory of responses that can be resumed.");
  running_ = series(GH_GAUGE, "gatehouse_chat_running_without_client",
                    "Chats that run on though their client has left.");
}

}  // namespace gatehouse::plugins::chat
