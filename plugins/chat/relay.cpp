/// A piece in the store is a letter for what follows it, n (more), w (the end of a whole response)
/// or c (it is cut off), and its bytes. Pieces are written at most every 50 ms, and while the model
/// is silent an empty one every second, so that a reader can tell a silent model from a gateway
/// that has gone. The id of a recording cannot be guessed, so neither can the keys of its pieces.
#include "relay.h"

#include <algorithm>

namespace gatehouse::plugins::chat {
namespace {

using namespace std::chrono_literals;

constexpr auto kBetweenPieces = 50ms;
constexpr auto kSilence = 1s;     // after which the publisher writes an empty piece
constexpr auto kLook = 100ms;     // between two looks of a reader at the store
constexpr auto kFirstPiece = 2s;  // by when a gateway must have noticed that its client left
constexpr auto kBusy = 2s;        // of a store, in which a piece is written again
constexpr auto kGivenUp = 10s;    // of silence, ten times what the publisher keeps
constexpr auto kLongest = 24h;    // of a key in the store

constexpr View kLetters = "nwc";  // by Recording::End

std::string piece_key(View id, std::int64_t number) {
  return std::string(id).append("/").append(std::to_string(number));
}
std::string key_of_stop(View id) { return std::string(id).append("/stop"); }
std::string key_of_reader(View id) { return std::string(id).append("/reader"); }

}  // namespace

void Relay::announce(Exchange& x, View key, View id) {
  if (auto last = find(x, key); last && !last->empty()) stop(x, *last);
  put(x, key, id);
}

void Relay::put(Exchange& x, View key, View id) {
  if (store_.put(x, key, id, ttl(x)).code() == GH_UNAVAILABLE) warn_of_store(x);
}

void Relay::forget(Exchange& x, View key, View id) {
  if (auto last = find(x, key); last && *last == id) (void)store_.erase(x, key);
}

Result<std::string> Relay::find(Exchange& x, View key) {
  auto value = store_.get(x, key);
  if (!value) {
    if (value.error().code() == GH_UNAVAILABLE) warn_of_store(x);
    return value.error();
  }
  return *value ? std::move(**value) : std::string();
}

void Relay::publish(Exchange& x, Recording& recording) const {
  const Waker waker(host_);
  if (!waker) return;
  Recording::Reader reader(recording, waker, Recording::Reader::kStore);
  auto looked = host_.now();
  for (std::int64_t number = 0;; ++number) {
    auto piece = reader.read(x, kSilence);
    if (!piece) return;
    const char letter = kLetters[static_cast<std::size_t>(piece->end)];
    const std::string value = std::string(1, letter).append(piece->bytes);
    if (!put_piece(x, piece_key(recording.id(), number), value)) return;
    if (piece->end != Recording::End::none) return;
    if (host_.now() - looked >= kSilence) {
      looked = host_.now();
      if (auto is_read = store_.get(x, key_of_reader(recording.id())); is_read && *is_read)
        recording.extend();
      if (auto stop = store_.get(x, key_of_stop(recording.id())); stop && *stop) recording.stop();
    }
    if (!host_.sleep(x, kBetweenPieces)) return;
  }
}

/// A store that is busy may be unavailable for a moment.
bool Relay::put_piece(Exchange& x, View key, View value) const {
  for (const auto until = host_.now() + kBusy; host_.now() < until;) {
    Status status = store_.put(x, key, value, ttl(x));
    if (status.code() != GH_UNAVAILABLE) return bool{status};
    if (!host_.sleep(x, kLook)) return false;
  }
  return false;
}

void Relay::stop(Exchange& x, View id) const { (void)store_.put(x, key_of_stop(id), "1", keep_); }

Result<Recording::Piece> Relay::Reader::read(Exchange& x) {
  for (;;) {
    auto value = relay_.store_.get(x, piece_key(id_, number_));
    if (!value && value.error().code() != GH_UNAVAILABLE) return value.error();
    const auto now = relay_.host_.now();
    if (value && *value && !(*value)->empty()) {
      ++number_;
      heard_ = now;
      const auto letter = kLetters.find((*value)->front());
      const auto end = letter == View::npos ? Recording::End::cut : Recording::End(letter);
      if ((*value)->size() > 1 || end != Recording::End::none)
        return Recording::Piece{(*value)->substr(1), end};
      continue;
    }
    if (now - heard_ >= (number_ == 0 ? kFirstPiece : kGivenUp))
      return Recording::Piece{{}, Recording::End::cut};
    if (now >= told_) {
      told_ = now + kSilence;
      (void)relay_.store_.put(x, key_of_reader(id_), "1", 3 * kSilence);
    }
    if (Status status = relay_.host_.sleep(x, kLook); !status) return status;
  }
}

/// Of what must be there until the request has ended, and as long as its response is kept.
std::chrono::nanoseconds Relay::ttl(const Exchange& x) const {
  return std::min<std::chrono::nanoseconds>(x.deadline() - host_.now(), kLongest) + keep_;
}

void Relay::warn_of_store(const Exchange& x) {
  if (store_warning_.due(host_.now())) {
    host_.log(GH_WARN, &x,
              "the store is unavailable: responses can be resumed only where their chats run");
  }
}

}  // namespace gatehouse::plugins::chat
