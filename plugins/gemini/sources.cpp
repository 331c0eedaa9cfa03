#include "sources.h"

#include "gatehouse/toolkit/fresh_id.hpp"

namespace gatehouse::plugins::gemini {
namespace {

/// Where a grounding chunk has its URL, by its kind of source.
constexpr std::pair<View, View> kKinds[] = {
    {"web", "uri"}, {"image", "sourceUri"}, {"retrievedContext", "uri"}, {"maps", "uri"}};

constexpr std::size_t kMaxUrls = 1000;  // url_context reads 20, a search brings some dozens
// A chip for each query, with its style, has some 5 KiB.
constexpr std::size_t kMaxSuggestions = 256 * 1024;

}  // namespace

Status Sources::read(const Candidate& candidate, Sink& out) {
  const Json grounding = candidate.grounding, citations = candidate.citations;
  if (!grounding && !candidate.url_context && !citations) return {};  // as in most events
  for (const Json chunk : grounding["groundingChunks"]) {
    for (const auto& [kind, link] : kKinds) {
      if (Status s = emit(chunk[kind][link].str(), chunk[kind]["title"].str(), out); !s) return s;
    }
  }
  for (const Json page : candidate.url_context["urlMetadata"]) {
    constexpr View kRead = "SUCCESS";  // URL_RETRIEVAL_STATUS_SUCCESS
    const View status = page["urlRetrievalStatus"].str();
    if (status.size() < kRead.size() || status.substr(status.size() - kRead.size()) != kRead)
      continue;
    if (Status s = emit(page["retrievedUrl"].str(), {}, out); !s) return s;
  }
  // The API's name, and that of Google's own libraries.
  for (const Json list : {citations["citationSources"], citations["citations"]}) {
    for (const Json citation : list) {
      if (Status s = emit(citation["uri"].str(), citation["title"].str(), out); !s) return s;
    }
  }
  const View html = grounding["searchEntryPoint"]["renderedContent"].str();
  if (!html.empty() && html.size() <= kMaxSuggestions) suggestions_ = html;
  return {};
}

Status Sources::emit(View url, View title, Sink& out) {
  // Clients show it as a link. A retrieved context may also be in a bucket (gs://), which they
  // could not open.
  if (url.substr(0, 8) != "https://" && url.substr(0, 7) != "http://") return {};
  if (urls_.size() == kMaxUrls || !urls_.emplace(url).second) return {};
  return out.emit(event::source(fresh_id(), url, title));
}

}  // namespace gatehouse::plugins::gemini
