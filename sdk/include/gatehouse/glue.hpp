/// The functions of gh_plugin, made from a class.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>

#include "gatehouse/abi/plugin.h"
#include "gatehouse/host.hpp"
#include "gatehouse/next.hpp"

namespace gatehouse {
inline namespace v1 {

class Plugin;

namespace detail {
template <class P, class = void>
struct PassesOn : std::false_type {};
template <class P>
struct PassesOn<P, std::void_t<decltype(&P::handle)>>
    : std::is_same<decltype(&P::handle), Status (Plugin::*)(Exchange&, Sink&, Next&)> {};
template <class P, class = void>
struct Adopts : std::false_type {};
template <class P>
struct Adopts<P, std::void_t<decltype(std::declval<P&>().adopt(std::declval<P&>()))>>
    : std::true_type {};
template <class P, class = void>
struct Saves : std::false_type {};
template <class P>
struct Saves<P, std::void_t<decltype(std::string(std::declval<P&>().save())),
                            decltype(bool(std::declval<P&>().restore(View())))>> : std::true_type {
};
template <class P, class = void>
struct HearsRefusals : std::false_type {};
template <class P>
struct HearsRefusals<P,
                     std::void_t<decltype(std::declval<P&>().refused(std::declval<Exchange&>()))>>
    : std::true_type {};

// What GATEHOUSE_PLUGIN checks, since the note has these texts as they are written.
constexpr bool is_name(View name) {
  for (const char c : name) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '_') return false;
  }
  return !name.empty() && name.size() <= 64;
}
constexpr bool is_plain(View text) {
  for (const char c : text) {
    if (c == '"' || c == '\\' || (c >= 0 && c < ' ')) return false;
  }
  return true;
}
constexpr bool is_object(View text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != View::npos && text[first] == '{';
}

/// The functions of gh_plugin for the class P.
template <class P>
struct Glue {
  static gh_status create(const gh_host* host, const gh_json* config, void** self) {
    if (!json) json = host->json;
    if (!exchange) exchange = host->exchange;
    try {
      *self = new P(Host(host), Json(config));
      return GH_OK;
    } catch (const std::exception& e) {
      host->problem(host, raw(""), raw(std::string("the constructor threw: ") + e.what()));
    } catch (...) {
      host->problem(host, raw(""), raw("the constructor threw an exception of unknown type"));
    }
    return GH_FAILED;
  }
  static gh_status handle(void* self, gh_exchange* x, const gh_sink* out, const gh_next* next) {
    return guard(x, [&] {
      Exchange request(x);
      HostSink sink(out, x);
      Next rest(next);
      return static_cast<P*>(self)->serve(request, sink, rest);
    });
  }
  static gh_status adopt(void* self, void* older) {
    return guard(nullptr, [&] {
      if constexpr (Adopts<P>::value) static_cast<P*>(self)->adopt(*static_cast<P*>(older));
      return Status();
    });
  }
  static gh_status save(void* self, void (*keep)(void*, gh_str), void* to) {
    return guard(nullptr, [&] {
      if constexpr (Saves<P>::value) {
        const std::string bytes = static_cast<P*>(self)->save();
        keep(to, raw(bytes));
      }
      return Status();
    });
  }
  static gh_status restore(void* self, gh_str bytes) {
    return guard(nullptr, [&] {
      bool is_known = false;
      if constexpr (Saves<P>::value) is_known = static_cast<P*>(self)->restore(view(bytes));
      return is_known ? Status() : Status(GH_UNSUPPORTED);
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
                                      const char* schema, const char* note, std::uint32_t flags) {
    gh_plugin p{};
    p.magic = GH_MAGIC;
    p.size = sizeof p;
    p.abi_major = GH_ABI_MAJOR;
    p.abi_minor = GH_ABI_MINOR;
    p.abi_needs = GATEHOUSE_NEEDS;
    p.flags = flags;
    if constexpr (PassesOn<P>::value) p.flags |= GH_PLUGIN_ROUTES;
    p.name = name;
    p.version = version;
    p.summary = summary;
    p.config_schema = schema;
    p.note = note;
    p.create = create;
    p.handle = handle;
    p.adopt = Adopts<P>::value ? adopt : nullptr;
    p.destroy = destroy;
    p.refused = HearsRefusals<P>::value ? refused : nullptr;
    p.save = Saves<P>::value ? save : nullptr;
    p.restore = Saves<P>::value ? restore : nullptr;
    return p;
  }
};
}  // namespace detail

}  // namespace v1
}  // namespace gatehouse
