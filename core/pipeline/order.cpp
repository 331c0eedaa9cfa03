#include "core/pipeline/order.h"

#include <algorithm>
#include <string_view>

#include "core/config/suggest.h"
#include "gatehouse/abi.h"

// `check` knows of each plugin its flags, its routes and its `when`, but no requests. It treats a
// `when` and a route as a set of requests (a path, perhaps with a `*` at its end, and methods) and
// asks whether two sets meet or one covers the other. From the ingress plugins above a plugin
// follows which chats can reach it; from a provider above it, which are answered before.
namespace gatehouse::core {
namespace {

/// The fixed beginning of a path, and whether more may follow.
struct Front {
  explicit Front(const std::string& path)
      : text(std::string_view(path).substr(0, path.find('*'))), open(text.size() < path.size()) {}

  bool covers(const Front& other) const {
    return open ? other.text.starts_with(text) : !other.open && other.text == text;
  }

  std::string_view text;
  bool open;
};

bool has(const std::vector<std::string>& methods, const std::string& method) {
  return methods.empty() || std::find(methods.begin(), methods.end(), method) != methods.end();
}

/// Some request matches both.
bool meet(const When& a, const When& b) {
  const Front one(a.path), other(b.path);
  const auto in_b = [&](const std::string& method) { return has(b.methods, method); };
  return (one.covers(other) || other.covers(one)) &&
         (a.methods.empty() || std::any_of(a.methods.begin(), a.methods.end(), in_b));
}

/// Every request that matches `b` matches `a`.
bool covers(const When& a, const When& b) {
  const auto in_a = [&](const std::string& method) { return has(a.methods, method); };
  return Front(a.path).covers(Front(b.path)) &&
         (a.methods.empty() ||
          (!b.methods.empty() && std::all_of(b.methods.begin(), b.methods.end(), in_a)));
}

class Order {
 public:
  Order(const Config& config, const std::vector<Standing>& pipeline, Problems& problems)
      : config_(config), pipeline_(pipeline), problems_(problems) {}

  void check() const {
    if (pipeline_.empty() && !config_.left_out.empty()) {
      problems_.add(config_.place("/pipeline"),
                    "all plugins of the pipeline are disabled: " + left_out());
    }
    for (const Standing& one : pipeline_) {
      if (is(one, GH_PLUGIN_INGRESS)) check_ingress(one);
      if (is(one, GH_PLUGIN_CHAT)) check_asked(one);
      if (is(one, GH_PLUGIN_GUARD | GH_PLUGIN_HEAD)) check_head(one);
      if (is(one, GH_PLUGIN_PROBES)) check_probes(one);
    }
  }

 private:
  using Requests = std::vector<When>;

  static bool is(const Standing& one, int flags) { return one.flags.value_or(0) & flags; }
  static When taken_by(const Standing& one) { return one.entry.when.value_or(When()); }
  static bool takes(const Standing& one, const Requests& requests) {
    return std::any_of(requests.begin(), requests.end(),
                       [&](const When& request) { return meet(taken_by(one), request); });
  }
  static std::string name(const Standing& one) { return '`' + one.entry.instance + '`'; }
  /// "`chat` in line 4", in a message about `from`.
  static std::string in_line(const Standing& one, const Standing& from) {
    return name(one) + " in " + line_of(one.entry.place, from.entry.place);
  }
  void warn(const Standing& one, const std::string& text) const {
    problems_.warn(one.entry.place, name(one) + ' ' + text);
  }

  /// The requests that an ingress turns into chats.
  static Requests chats_of(const Standing& ingress) {
    Requests chats;
    for (const When& route : ingress.routes) {
      if (meet(taken_by(ingress), route)) chats.push_back(route);
    }
    if (ingress.routes.empty()) chats.push_back(taken_by(ingress));
    return chats;
  }

  /// A plugin without flags may be an ingress; it then has a route that takes a body.
  static bool may_make_chats(const Standing& one) {
    const auto takes_body = [](const When& route) { return has(route.methods, "POST"); };
    return !one.flags ||
           (*one.flags == 0 && std::any_of(one.routes.begin(), one.routes.end(), takes_body));
  }
  static bool may_answer_chats(const Standing& one) {
    return !one.flags || *one.flags == 0 || is(one, GH_PLUGIN_PROVIDER);
  }

  /// A plugin below must answer the chats of an ingress.
  void check_ingress(const Standing& ingress) const {
    const Requests chats = chats_of(ingress);
    bool wraps = false;  // some plugin is called, and may be a provider without the flag
    for (const Standing* below = &ingress + 1; below != end(); ++below) {
      if (!takes(*below, chats)) continue;
      if (may_answer_chats(*below)) return;
      wraps = wraps || is(*below, GH_PLUGIN_CHAT);
    }
    std::string text = "no plugin below " + name(ingress) +
                       " responds to its chats: add a provider at the end of the pipeline";
    if (!config_.left_out.empty())
      text += ", or enable one of those that are disabled: " + left_out();
    wraps ? problems_.warn(ingress.entry.place, text) : problems_.add(ingress.entry.place, text);
  }

  /// A plugin with GH_PLUGIN_CHAT is called for chats of an ingress above it, unless a provider
  /// above it answers them.
  void check_asked(const Standing& one) const {
    if (one.is_led_to) return;
    Requests chats;
    const Standing* provider = nullptr;
    bool unsure = false;
    for (const Standing* above = begin(); above != &one; ++above) {
      unsure = unsure || may_make_chats(*above);
      if (is(*above, GH_PLUGIN_INGRESS)) {
        for (const When& chat : chats_of(*above)) chats.push_back(chat);
      }
      if (unsure && chats.empty()) chats.push_back(When());
      if (provider || !is(*above, GH_PLUGIN_PROVIDER)) continue;
      const auto answered = [&](const When& chat) {
        return !meet(chat, taken_by(one)) || covers(taken_by(*above), chat);
      };
      if (!chats.empty() && std::all_of(chats.begin(), chats.end(), answered)) provider = above;
    }
    if (provider) {
      warn(one, "has no effect, because " + in_line(*provider, one) +
                    " above it responds to all chats: move it above that one, or remove one of "
                    "them");
    } else if (!unsure && !takes(one, chats)) {
      const auto ingress = std::find_if(
          &one + 1, end(), [](const Standing& below) { return is(below, GH_PLUGIN_INGRESS); });
      warn(one, ingress == end() ? "has no effect, because no plugin above it creates chats: add "
                                   "an ingress plugin above it"
                                 : "has no effect, because chats begin at " +
                                       in_line(*ingress, one) + ": move it below that one");
    }
  }

  /// A plugin that sets the head of responses belongs above those that start them.
  void check_head(const Standing& one) const {
    for (const Standing* above = begin(); above != &one; ++above) {
      if (!is(*above, GH_PLUGIN_INGRESS) || !takes(one, chats_of(*above))) continue;
      const char* const effect = is(one, GH_PLUGIN_GUARD)
                                     ? "a rejection becomes an error inside a 200 response"
                                     : "the status stays 200";
      return warn(one, "sees chats too late: " + in_line(*above, one) +
                           " may have started the response by then, so " + effect +
                           "; move it above that one");
    }
  }

  void check_probes(const Standing& one) const {
    for (const Standing* above = begin(); above != &one; ++above) {
      if (!is(*above, GH_PLUGIN_GUARD) || !takes(*above, one.routes)) continue;
      return warn(one,
                  "serves probes, which " + in_line(*above, one) +
                      " above it may reject: move it above that one, or give that one a `when`");
    }
  }

  /// "`gemini` in line 8, as `GEMINI_API_KEY` is not set; …"
  std::string left_out() const {
    std::string text;
    for (const LeftOut& entry : config_.left_out) {
      text += (text.empty() ? "`" : "; `") + entry.plugin + "` in " +
              line_of(entry.place, config_.place("")) + ", because " + entry.why;
    }
    return text;
  }

  const Standing* begin() const { return pipeline_.data(); }
  const Standing* end() const { return pipeline_.data() + pipeline_.size(); }

  const Config& config_;
  const std::vector<Standing>& pipeline_;
  Problems& problems_;
};

/// "no provider `opneai` stands below: did you mean `openai`?"
std::string no_provider(const std::string& wanted, const std::vector<std::string>& providers) {
  const std::string text = "no provider `" + wanted + "` stands below";
  if (const std::string near = suggest(wanted, providers); !near.empty())
    return text + ": did you mean `" + near + "`?";
  if (providers.empty()) return text + ": there is none";
  std::string all;
  for (const std::string& name : providers) all += (all.empty() ? "`" : ", `") + name + '`';
  return text + ": there are " + all;
}

}  // namespace

void check_leads(const std::vector<OfferedModels::Lead>& leads,
                 const std::vector<Standing>& pipeline, Problems& problems) {
  for (const OfferedModels::Lead& lead : leads) {
    const std::string& owner = Instance::of(lead.by).name();
    const auto from = std::find_if(pipeline.begin(), pipeline.end(), [&](const Standing& one) {
      return one.entry.instance == owner;
    });
    std::vector<std::string> providers;
    for (auto below = from; below != pipeline.end(); ++below) {
      // One that could not be loaded has a problem already.
      if (!below->flags || *below->flags & GH_PLUGIN_PROVIDER)
        providers.push_back(below->entry.instance);
    }
    if (std::find(providers.begin(), providers.end(), lead.provider) != providers.end()) continue;
    problems.add(from->entry.place, '`' + owner + "`: `" + lead.name + "` leads to " +
                                        lead.provider + '/' + lead.model + ", but " +
                                        no_provider(lead.provider, providers));
  }
}

void check_order(const Config& config, const std::vector<Standing>& pipeline, Problems& problems) {
  Order(config, pipeline, problems).check();
}

}  // namespace gatehouse::core
